/**
 * What a foreign statement takes on disk: leaf, tree, index, state entry, heads. It has 400 bytes, of which text and signature are random;
 * issuer, kid and the names of things are the same in each, as in life. Under load statements share a commit and its state entry, on a
 * log that is idle each has its own. The database is compacted before it is weighed.
 */
import { join } from 'node:path';
import { Level } from 'level';
import { signForeign } from '../../src/chain/index.ts';
import { type Bytes, toBase64url, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { enrol, LoadStream, type Member, type Placed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { verifyReceipts } from '../receipts.ts';
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
    const shared = busy.count / busy.commits;
    progress(`${busy.count} statements, ${shared.toFixed(1)} a commit: ${Math.round(busy.each)} bytes each`);
    const idle = await weighed(Math.min(entries, MOST_ALONE), 1);
    return [
      { name: 'bytes of a statement', value: busy.length, unit: '' },
      {
        ...{ name: `on disk, ${shared.toFixed(0)} a commit`, value: busy.each, unit: 'bytes each' },
        bound: { most: 560 },
      },
      { name: 'on disk, one a commit (idle)', value: idle.each, unit: 'bytes each' },
    ] satisfies Measure[];
  },
};

interface Weighed {
  readonly count: number;
  readonly commits: number;
  /** Bytes of one as it was sent, and as it lies on disk with all that belongs to it. */
  readonly length: number;
  readonly each: number;
}

async function weighed(count: number, together: number): Promise<Weighed> {
  const dataDir = temporaryFolder('disk');
  try {
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    let sent = 0;
    let first = 0;
    let last: { statement: Bytes; placed: Placed };
    try {
      const member = await enrol(stream, dataDir, server.origin);
      do {
        const batch = Array.from({ length: together }, (_, i) => statement(member, sent + i));
        const placed = await stream.send(batch);
        if (sent === 0) first = placed[0]!.index;
        sent += together;
        last = { statement: batch.at(-1)!, placed: placed.at(-1)! };
      } while (sent < count);
      const { receipt } = last.placed;
      verifyReceipts(dataDir, server.origin, [{ statement: last.statement, receipt }]);
    } finally {
      stream.close();
      await server.stop();
    }
    const db = join(dataDir, 'db');
    await compact(db);
    // A state entry closes each commit, the last one too.
    const commits = last.placed.index + 2 - first - sent;
    return { count: sent, commits, length: last.statement.length, each: folderBytes(db) / sent };
  } finally {
    removeFolder(dataDir);
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
