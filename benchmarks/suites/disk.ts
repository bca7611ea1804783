/**
 * What a statement takes on disk, all told: leaf, tree, index, state entry, heads. Statements have 400 bytes that do not shrink; under
 * load they share a commit and its state entry, on a log that is idle each has its own. The database is compacted before it is weighed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { signForeign } from '../../src/chain/index.ts';
import { type Bytes, toBase64url, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { enrol, LoadStream, type Member } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { folderBytes, startBenchServer } from '../server.ts';

const BYTES = 400;
const MOST = 64_000;
/** One after the other, each waits for its receipt. */
const MOST_ALONE = 5000;
const TOGETHER = 64;

export const suite: Suite = {
  describe: `weighs what statements of ${BYTES} bytes leave on disk`,
  async run({ entries, progress }) {
    const busy = await weighed(Math.min(entries, MOST), TOGETHER);
    progress(`${busy.count} statements, ${TOGETHER} a commit: ${Math.round(busy.each)} bytes each`);
    const idle = await weighed(Math.min(entries, MOST_ALONE), 1);
    return [
      { name: 'bytes of a statement', value: busy.length, unit: '' },
      {
        ...{ name: `on disk, ${TOGETHER} a commit`, value: busy.each, unit: 'bytes each' },
        bound: { most: 560 },
      },
      { name: 'on disk, one a commit (idle)', value: idle.each, unit: 'bytes each' },
    ] satisfies Measure[];
  },
};

interface Weighed {
  readonly count: number;
  /** Bytes of one as it was sent, and as it lies on disk with all that belongs to it. */
  readonly length: number;
  readonly each: number;
}

async function weighed(count: number, together: number): Promise<Weighed> {
  const dataDir = mkdtempSync(join(tmpdir(), 'aichain-disk-'));
  try {
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    const member = await enrol(stream, dataDir, server.origin);
    let length = 0;
    for (let n = 0; n < count; n += together) {
      const batch = Array.from({ length: together }, (_, i) => statement(member, n + i));
      length = batch[0]!.length;
      await stream.send(batch);
    }
    stream.close();
    await server.stop();
    const db = join(dataDir, 'db');
    await compact(db);
    return { count, length, each: folderBytes(db) / count };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Its text is random: of a log whose statements say the same again and again less would be left. */
function statement({ did, key }: Member, n: number): Bytes {
  const made = (text: string) =>
    signForeign(crypto, key, {
      issuer: did,
      subject: `urn:example:run:${String(n).padStart(8, '0')}`,
      contentType: 'application/json',
      payload: utf8(`{"note":"${text}"}`),
    });
  const random = toBase64url(crypto.randomBytes(BYTES));
  return made(random.slice(0, BYTES - made('x'.repeat(100)).length + 100));
}

async function compact(folder: string): Promise<void> {
  const db = new Level<Bytes, Bytes>(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  await db.open();
  // What `level` is in node has more than `level` promises everywhere.
  const { compactRange } = db as unknown as { compactRange(start: Bytes, end: Bytes): Promise<void> };
  await compactRange.call(db, Uint8Array.of(0), new Uint8Array(64).fill(255));
  await db.close();
}
