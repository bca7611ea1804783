/** A crash between any two steps: what has been answered is remembered, and nothing else was promised. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  cosigner,
  formatVerifierKey,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
} from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { CosignedRecords, parseLogList, Witness } from '../../src/witness/index.ts';
import { testFolder } from '../cli/folder.ts';
import { parseTrace } from '../e2e/system-calls.ts';
import { FaultyDisk, type Moment } from '../storage/faulty.ts';
import { witnessProcess } from './witness-process.ts';
import { WitnessedLog } from './witnessed-log.ts';

const path = testFolder();
const own = cosigner(crypto, 'example.com/w', crypto.generatePrivateKey('Ed25519'));

async function opened(disk: FaultyDisk, log: WitnessedLog): Promise<Witness> {
  const records = await CosignedRecords.open(crypto, await disk.open(), own.verifierKey);
  const logs = parseLogList(`log ${formatVerifierKey(log.key)}\n`);
  return new Witness({ crypto, cosigner: own, logs, records });
}

async function recorded(witness: Witness, log: WitnessedLog): Promise<number> {
  try {
    const note = await witness.lastCosigned(log.hash());
    return parseCheckpoint(openNote(crypto, note, [log.key]).text).size;
  } catch (error) {
    if (isLedgerError(error, 'NOT_FOUND')) return 0;
    throw error;
  }
}

for (const [moment, after, size] of [
  ['before', 'crash', 5],
  ['unsynced', 'crash', 5],
  // The system still had it: recovery finds what the process had not been told of.
  ['unsynced', 'kill', 9],
  // Persisted, and then killed before the answer: the next request learns the size, and the log goes on from there.
  ['after', 'crash', 9],
  ['after', 'kill', 9],
] as const satisfies readonly (readonly [Moment, 'crash' | 'kill', number])[]) {
  test(`${after} at the moment "${moment}" of the write: no answer, and ${size} is recorded`, async () => {
    const log = new WitnessedLog();
    const disk = new FaultyDisk([{ operation: 'write', at: 3, moment, down: true }]);
    const witness = await opened(disk, log);
    assert.equal((await witness.addCheckpoint(utf8(log.request(0, 5)))).type, 'cosigned');
    await assert.rejects(witness.addCheckpoint(utf8(log.request(5, 9))), { code: 'STORAGE_FAILED' });
    disk[after]();
    const again = await opened(disk, log);
    assert.equal(await recorded(again, log), size);
    const outcome = await again.addCheckpoint(utf8(log.request(size === 5 ? 9 : 5, 20)));
    assert.deepEqual(outcome, { type: 'conflict', size });
    assert.equal((await again.addCheckpoint(utf8(log.request(size, 20)))).type, 'cosigned');
  });
}

test('after a failed write nothing more is cosigned until the records have been read again', async () => {
  const log = new WitnessedLog();
  const disk = new FaultyDisk([{ operation: 'write', at: 3, moment: 'unsynced' }]);
  const witness = await opened(disk, log);
  await witness.addCheckpoint(utf8(log.request(0, 5)));
  for (const size of [9, 10]) {
    await assert.rejects(witness.addCheckpoint(utf8(log.request(5, size))), { code: 'STORAGE_FAILED' });
  }
});

const SYNCS = ['fsync', 'fdatasync'];
const SENDS = ['write', 'writev', 'sendto', 'sendmsg'];
const STRACE = ['/usr/bin/strace', '/bin/strace'].find(existsSync);
const skip = STRACE === undefined && process.env.CI === undefined && 'strace is not installed';

test('the record is synced before the first byte of the answer', { skip, timeout: 120_000 }, async () => {
  assert.ok(STRACE, 'strace is not installed, and this is CI');
  const log = new WitnessedLog();
  const trace = path('trace');
  const what = ['-D', '-f', '--seccomp-bpf', '-yy', '-xx', '-s', '65536', '-o', trace];
  const under = [STRACE, ...what, '-e', `trace=${[...SENDS, ...SYNCS].join(',')}`];
  const witness = witnessProcess(path('traced'), ['--log', formatVerifierKey(log.key)], under);
  try {
    const { url } = await witness.ready;
    const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: log.request(0, 9) });
    assert.equal(answer.status, 200);
    await answer.text();
    witness.signal('SIGTERM');
    assert.equal((await witness.ended).code, 0);
    const calls = parseTrace(await finished(trace));
    const text = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes).toString('latin1');
    const reply = calls.find((call) => SENDS.includes(call.name) && text(call).startsWith('HTTP/1.1 200'));
    const written = calls.find(
      (call) => /records\/\d+\.log$/.test(call.file) && text(call).includes(log.origin),
    );
    assert.ok(reply && written?.returned !== undefined);
    const synced = calls.find(
      (call) => SYNCS.includes(call.name) && call.file === written.file && call.begun > written.returned!,
    );
    assert.ok(synced?.returned !== undefined && synced.result === '0', 'the record was not synced');
    assert.ok(synced.returned < reply.begun, 'the answer was begun before the sync had returned');
  } finally {
    await witness.kill();
  }
});

test('killed at any moment under load, it never goes back behind what it answered', {
  timeout: 300_000,
}, async () => {
  const log = new WitnessedLog('example.com/killed', 4000);
  const dataDir = path('killed');
  let answered = 0;
  let vkey: string | undefined;
  for (let round = 0; round < 6; round++) {
    const witness = witnessProcess(dataDir, ['--log', formatVerifierKey(log.key)]);
    const { url, verifierKey } = await witness.ready;
    vkey ??= verifierKey;
    assert.equal(verifierKey, vkey);
    const key = parseVerifierKey(verifierKey);
    const shown = await fetch(`${url}/${toHex(log.hash())}/checkpoint`);
    let old = 0;
    if (shown.status === 200) {
      const { text, verified } = openNote(crypto, await shown.text(), [key, log.key]);
      assert.equal(verified.length, 2);
      const checkpoint = parseCheckpoint(text);
      assert.deepEqual(checkpoint.root, log.root(checkpoint.size));
      old = checkpoint.size;
    }
    assert.ok(old >= answered, `${old} is recorded, ${answered} was answered`);
    const climb = async () => {
      for (let size = old + 1; ; size++) {
        const body = log.request(size - 1, size);
        const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
        const text = await answer.text();
        assert.equal(answer.status, 200, text);
        openNote(crypto, `${log.checkpoint(size)}${text}`, [key]);
        answered = size;
      }
    };
    const climbing = climb();
    climbing.catch(() => undefined);
    // At any moment, but not before it has answered: what it answered is what it must remember.
    const least = answered + 5;
    while (answered < least) await Promise.race([climbing, delay(5)]);
    await delay(Math.random() * 200);
    await witness.kill();
    await assert.rejects(
      climbing,
      (error) => error instanceof TypeError || String(error).includes('terminated'),
    );
  }
  assert.ok(answered >= 30, `only ${answered} were answered`);
});

/** The tracer ends a moment after the process that it watches. */
async function finished(file: string): Promise<string> {
  for (let waited = 0; waited < 200; waited++, await delay(50)) {
    const text = readFileSync(file, 'latin1');
    if (/\+{3} exited with 0 \+{3}\n$/.test(text)) return text;
  }
  throw new Error('the trace has no end');
}
