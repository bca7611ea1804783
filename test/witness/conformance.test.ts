/**
 * C2SP tlog-witness against the program itself, by its own words: each case is a request to `aichain witness` over a socket,
 * the status that the specification demands, and what must be recorded afterwards. Refusals leave no trace.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { toHex } from '../../src/core/bytes.ts';
import {
  formatAddCheckpoint,
  formatVerifierKey,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  signNote,
  type VerifierKey,
} from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { testFolder } from '../cli/folder.ts';
import { type WitnessProcess, witnessProcess } from './witness-process.ts';
import { WitnessedLog } from './witnessed-log.ts';

const path = testFolder();
const NOISE = new Uint8Array(32).fill(1);

const log = new WitnessedLog('example.com/conformance');
/** Of the same origin, with a key that the witness does not trust. */
const impostor = new WitnessedLog(log.origin);
const unknown = new WitnessedLog('example.com/unknown');
/** Nothing is ever cosigned for it. */
const fresh = new WitnessedLog('example.com/fresh');

const ask = (of: WitnessedLog, old: number, proof: readonly Uint8Array[], checkpoint: string) => ({
  of,
  body: formatAddCheckpoint({ old, proof, checkpoint }),
});
const emptyWith = (of: WitnessedLog, root: Uint8Array) =>
  signNote(`${of.origin}\n0\n${Buffer.from(root).toString('base64')}\n`, [of.signer]);
/** A checkpoint with a signature line of the log's key that is that of another checkpoint. */
const tampered = (size: number) => {
  const [, line] = log.checkpoint(size + 1).split('\n\n');
  return `${log.text(size)}\n${line}`;
};

/** The rule, the status, and a request made when 9 is the recorded size. */
const REFUSALS: readonly (readonly [rule: string, status: number, { of: WitnessedLog; body: string }])[] = [
  ['an unknown origin', 404, ask(unknown, 0, [], unknown.checkpoint(5))],
  ['no trusted signature', 403, ask(log, 9, impostor.proof(9, 20), impostor.checkpoint(20))],
  ['a trusted line that fails', 403, ask(log, 9, log.proof(9, 20), tampered(20))],
  ['no body', 400, { of: log, body: '' }],
  ['no empty line after the proof', 400, { of: log, body: `old 9\n${log.checkpoint(20)}` }],
  ['a size with a leading zero', 400, { of: log, body: `old 09\n\n${log.checkpoint(9)}` }],
  ['a proof line that is no hash', 400, { of: log, body: `old 9\nAAAA\n\n${log.checkpoint(20)}` }],
  [
    'more than 63 hashes',
    400,
    {
      of: log,
      body: `old 9\n${`${Buffer.from(NOISE).toString('base64')}\n`.repeat(64)}\n${log.checkpoint(20)}`,
    },
  ],
  ['a note without signatures', 400, { of: log, body: `old 9\n\n${log.text(20)}` }],
  ['an old size above the size', 400, ask(log, 9, [], log.checkpoint(8))],
  ['an old size below the recorded one', 409, ask(log, 5, log.proof(5, 20), log.checkpoint(20))],
  ['an old size above the recorded one', 409, ask(log, 12, log.proof(12, 20), log.checkpoint(20))],
  ['old 0 when something is recorded', 409, ask(log, 0, [], log.checkpoint(20))],
  ['the same size from another old size', 409, ask(log, 8, log.proof(8, 9), log.checkpoint(9))],
  ['no proof', 422, ask(log, 9, [], log.checkpoint(20))],
  [
    'a proof with a hash changed',
    422,
    ask(log, 9, [NOISE, ...log.proof(9, 20).slice(1)], log.checkpoint(20)),
  ],
  ['a proof with a hash too many', 422, ask(log, 9, [...log.proof(9, 20), NOISE], log.checkpoint(20))],
  ['a proof of another tree', 422, ask(log, 9, log.proof(9, 20), log.checkpoint(20, NOISE))],
  ['the same size with another root', 422, ask(log, 9, [], log.checkpoint(9, NOISE))],
  ['the same size with a proof', 422, ask(log, 9, [NOISE], log.checkpoint(9))],
  ['a proof from old 0', 422, ask(fresh, 0, [NOISE], fresh.checkpoint(9))],
  ['a wrong root of the empty tree', 422, ask(fresh, 0, [], emptyWith(fresh, NOISE))],
];

describe('aichain witness obeys C2SP tlog-witness', () => {
  let witness: WitnessProcess;
  let url: string;
  let key: VerifierKey;
  before(async () => {
    const flags = [log, fresh].flatMap((each) => ['--log', formatVerifierKey(each.key)]);
    witness = witnessProcess(path('data'), [...flags, '--prefix', '/w']);
    const ready = await witness.ready;
    ({ url } = ready);
    key = parseVerifierKey(ready.verifierKey);
    await cosigned(0, 5);
    await cosigned(5, 9);
  });
  after(() => witness.kill());

  const post = async (body: string) => {
    const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const recorded = async (of: WitnessedLog): Promise<number | undefined> => {
    const answer = await fetch(`${url}/${toHex(of.hash())}/checkpoint`);
    const text = await answer.text();
    if (answer.status === 404) return undefined;
    const { text: body, verified } = openNote(crypto, text, [of.key, key]);
    // What monitors are shown bears the log's signature and the witness's own.
    assert.equal(verified.length, 2);
    return parseCheckpoint(body).size;
  };
  const cosigned = async (old: number, size: number): Promise<number> => {
    const { status, text } = await post(log.request(old, size));
    assert.equal(status, 200, text);
    const { cosignatures } = openNote(crypto, `${log.checkpoint(size)}${text}`, [key]);
    // Persisted before it is answered: whoever asks now is told.
    assert.equal(await recorded(log), size);
    return cosignatures[0]!.timestamp;
  };

  for (const [rule, status, { of, body }] of REFUSALS) {
    test(`${status}: ${rule}`, async () => {
      const before = await recorded(of);
      const answer = await post(body);
      assert.equal(answer.status, status, answer.text);
      if (status === 409) assert.deepEqual([answer.type, answer.text], ['text/x.tlog.size', '9\n']);
      else assert.doesNotMatch(answer.text, /^—/m);
      assert.equal(await recorded(of), before);
    });
  }

  test('200: the same size again has a new time, and growing is cosigned as before', async () => {
    const now = Math.floor(Date.now() / 1000);
    assert.ok((await cosigned(9, 9)) >= now);
    assert.ok((await cosigned(9, 33)) >= now);
  });

  test('200: signatures of unknown keys are passed over', async () => {
    const namesake = signNote(log.text(40), [impostor.signer, log.signer]);
    const body = formatAddCheckpoint({ old: 33, proof: log.proof(33, 40), checkpoint: namesake });
    assert.equal((await post(body)).status, 200);
  });

  test('404: an origin that was never cosigned has no checkpoint, nor has what is no hash', async () => {
    for (const name of [toHex(unknown.hash()), toHex(log.hash()).toUpperCase(), 'checkpoint']) {
      assert.equal((await fetch(`${url}/${name}/checkpoint`)).status, 404);
    }
  });
});
