/** Audits of a log as it is served, by an operator who serves something else than was signed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rulesId } from '../../src/chain/index.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { auditInPlace, fsckServed, type ServedLog } from '../../src/fsck/index.ts';
import type { TransparencyLog } from '../../src/log/index.ts';
import { formatNote } from '../../src/note/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import type { Trust } from '../../src/verify/index.ts';
import { flipped } from '../log/damaged-rows.ts';
import { crypto, foreign, GENESIS, joined, KEYS, ORIGIN, startedLog } from '../log/world.ts';
import { wholeTile } from '../service/whole-tile.ts';

const trust: Trust = {
  ...{ origin: ORIGIN, genesis: crypto.sha256(GENESIS), checkpointKey: KEYS.checkpoint.verifierKey },
  ...{ receiptKey: KEYS.receipt.key.publicKey, service: KEYS.receipt.service },
};
let log: TransparencyLog;
let honest: ServedLog;
before(async () => {
  log = await startedLog();
  const member = await joined(log, 'Ed25519');
  for (let n = 0; log.head.size < 300; n++) {
    await Promise.all(Array.from({ length: 30 }, (_, i) => log.submit(foreign(member, n * 30 + i))));
  }
  const service = new LedgerService(crypto, log);
  honest = {
    checkpoint: async () => utf8(service.checkpoint().checkpoint),
    tile: (path) => wholeTile(service, path),
    receipt: async (id) => (await service.receipt(id)).receipt,
  };
});
after(() => log.close());

async function found(lies: Partial<ServedLog> = {}) {
  const { findings } = await fsckServed(
    { ...honest, ...lies },
    { crypto, auditors: auditInPlace(crypto), rules: rulesId(crypto), trust },
  );
  return findings.list.map(({ check, at }) => `${check}: ${at}`);
}
const lying = (path: string, change: (bytes: Bytes) => Bytes): Partial<ServedLog> => ({
  tile: async (asked) => {
    const bytes = await honest.tile(asked);
    return asked.startsWith(path) ? change(bytes) : bytes;
  },
});

test('nothing is wrong with what an honest log serves', async () => assert.deepEqual(await found(), []));

test('a size that was signed and cannot be ends the audit, with what is missing', async () => {
  for (const size of [2 ** 40, Number.MAX_SAFE_INTEGER]) {
    const text = `${ORIGIN}\n${size}\n${Buffer.alloc(32, 7).toString('base64')}\n`;
    const note = formatNote({ text, signatures: [KEYS.checkpoint.sign(text)] });
    const findings = await found({ checkpoint: async () => utf8(note) });
    assert.ok(findings.some((each) => /^tree: tile entries/.test(each)));
  }
});

test('a statement that is not the one that was logged, a tile and an entry that were changed', async () => {
  const last = (bytes: Bytes) => flipped(bytes, bytes.length - 1);
  const body = await found(lying('tile/statements/000', last));
  assert.equal(body[0], 'body: entry 255');
  assert.deepEqual(await found(lying('tile/0/000', (bytes) => flipped(bytes, 40))), [
    'tree: tile 0/0, hash 1',
  ]);
  assert.deepEqual(await found(lying('tile/1/000', (bytes) => flipped(bytes, 3))), ['tree: edge hash 1/0']);
  assert.deepEqual(await found(lying('tile/0/001', (bytes) => flipped(bytes, 3))), [
    'tree: tile 0/1, hash 0',
  ]);
  assert((await found(lying('tile/entries/000', last))).includes('tree: leaf 255'));
  assert((await found(lying('tile/entries/000', (bytes) => bytes.subarray(0, 9)))).length > 0);
});

test('a receipt of another tree, and one that does not verify', async () => {
  const receipt = async (id: Bytes) => flipped(await honest.receipt!(id), 120);
  const [finding] = await found({ receipt });
  assert.match(finding!, /^signature: receipt of entry \d+$/);
});

test('without a head that the log has signed there is no audit', async () => {
  const checkpoint = async () => utf8('example.com/other\n1\nAAAA\n\n— x AAAA\n');
  await assert.rejects(found({ checkpoint }));
});
