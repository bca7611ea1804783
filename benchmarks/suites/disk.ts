/**
 * What a foreign statement takes on disk: leaf, tree, index, state entry, heads. It has 400 bytes, of which text
 * and signature are random; issuer, kid and the names of things are the same in each, as in life. Under load
 * statements share a commit and its state entry, on a log that is idle each has its own. The database is compacted
 * before it is weighed.
 *
 * The leaf index is stored in whole parts, so the log under load is grown until it has one, whatever number of
 * entries is asked for. An idle log would take minutes to get there: what the index takes for a leaf is added to it.
 */
import { join } from 'node:path';
import { Level } from 'level';
import { signForeign } from '../../src/chain/index.ts';
import { type Bytes, toBase64url, utf8 } from '../../src/core/bytes.ts';
import { decodeLeafIndexMark, LEAF_INDEX_MARK_KEY, LEAF_INDEX_RANGE } from '../../src/log/layout.ts';
import { LEAF_INDEX_PART } from '../../src/log/leaf-index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { enrol, LoadStream, type Member } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { verifyReceipts } from '../receipts.ts';
import { folderBytes, startBenchServer } from '../server.ts';

const BYTES = 400;
/** Leaves: with the last of them the first part of the leaf index is whole. */
const LOADED = LEAF_INDEX_PART;
/** Statements that are sent together, to be one commit, and how many a commit has to have in the mean. */
const TOGETHER = 128;
const LEAST_TOGETHER = 64;
/** Leaves. One statement after the other, each waits for its receipt. */
const IDLE = 10_000;

export const suite: Suite = {
  describe: `weighs what statements of ${BYTES} bytes leave on disk, with a part of the leaf index`,
  loaders: { stream: 'own' },
  entries: 'own',
  async run({ progress }) {
    const loaded = await weighed(LOADED, TOGETHER, progress);
    const idle = await weighed(IDLE, 1, progress);
    const indexOfLeaf = loaded.index / LOADED;
    return [
      { name: 'bytes of a statement', value: loaded.length, unit: '' },
      {
        ...{ name: 'under load, a commit', value: loaded.count / loaded.commits, unit: 'statements' },
        bound: { least: LEAST_TOGETHER },
      },
      {
        ...{ name: 'under load, on disk', value: loaded.bytes / loaded.count, unit: 'bytes a statement' },
        bound: { most: 560 },
      },
      { name: 'leaf index, among it', value: indexOfLeaf, unit: 'bytes a leaf' },
      { name: 'idle, a commit', value: idle.count / idle.commits, unit: 'statements' },
      {
        name: 'idle, on disk, and the leaf index as under load',
        value: (idle.bytes + (idle.count + idle.commits) * indexOfLeaf) / idle.count,
        unit: 'bytes a statement',
      },
    ] satisfies Measure[];
  },
};

interface Weighed {
  /** Statements, and commits that they came in: a leaf for each of both. */
  readonly count: number;
  readonly commits: number;
  /** Bytes of one statement as it was sent. */
  readonly length: number;
  /** Bytes on disk, and those of them that are the leaf index. */
  readonly bytes: number;
  readonly index: number;
}

/**
 * @param leaves of the log, at least
 * @param together statements that are sent at once; the next ones when they are logged
 */
async function weighed(leaves: number, together: number, progress: (text: string) => void): Promise<Weighed> {
  const dataDir = temporaryFolder('disk');
  try {
    const filled = await fill(dataDir, leaves, together);
    // The server may have ended before a part of the index was stored: a start stores what is due before it answers.
    await (await startBenchServer(dataDir)).stop();
    const db = join(dataDir, 'db');
    const index = await compacted(db, Math.floor(leaves / LEAF_INDEX_PART));
    const bytes = folderBytes(db);
    const { count, commits } = filled;
    const [statements, shared] = [count.toLocaleString('en'), (count / commits).toFixed(1)];
    progress(
      `${statements} statements, ${shared} a commit: ${bytes.toLocaleString('en')} bytes, ${index.toLocaleString('en')} of them index`,
    );
    return { ...filled, bytes, index };
  } finally {
    removeFolder(dataDir);
  }
}

/** Sends statements until the log has so many leaves, and verifies the last receipt. */
async function fill(
  dataDir: string,
  leaves: number,
  together: number,
): Promise<Pick<Weighed, 'count' | 'commits' | 'length'>> {
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  try {
    const make = statementsOf(await enrol(stream, dataDir, server.origin));
    const next = (count: number) => Array.from({ length: together }, (_, i) => make(count + i));
    let count = 0;
    let first: number | undefined;
    for (let batch = next(0); ; ) {
      const sent = stream.send(batch);
      count += together;
      // Signed while the server is at work.
      const following = next(count);
      const placed = await sent;
      first ??= placed[0]!.index;
      const { index, receipt } = placed.at(-1)!;
      // A state entry closes each commit, this one too.
      const size = index + 2;
      if (size >= leaves) {
        const statement = batch.at(-1)!;
        verifyReceipts(dataDir, server.origin, [{ statement, receipt }]);
        return { count, commits: size - first - count, length: statement.length };
      }
      batch = following;
    }
  } finally {
    stream.close();
    await server.stop();
  }
}

/**
 * Their text is random: of a log whose statements say the same again and again less would be left.
 * @returns makes the one of a given number
 */
function statementsOf({ did, key }: Member): (n: number) => Bytes {
  const made = (n: number, text: string) =>
    signForeign(crypto, key, {
      issuer: did,
      subject: `urn:example:run:${String(n).padStart(8, '0')}`,
      contentType: 'application/json',
      payload: utf8(`{"note":"${text}"}`),
    });
  const length = BYTES - made(0, 'x'.repeat(100)).length + 100;
  return (n) => made(n, toBase64url(crypto.randomBytes(length)).slice(0, length));
}

/**
 * @param parts of the leaf index that are stored
 * @returns bytes that the leaf index takes, in whole blocks of LevelDB
 * @throws if other parts are stored
 */
async function compacted(folder: string, parts: number): Promise<number> {
  const db = new Level<Bytes, Bytes>(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  await db.open();
  try {
    const mark = await db.get(LEAF_INDEX_MARK_KEY);
    const stored = mark === undefined ? 0 : decodeLeafIndexMark(mark).parts;
    if (stored !== parts) throw new Error(`${stored} parts of the leaf index are stored, not ${parts}`);
    // What `level` is in node has more than `level` promises everywhere.
    const { compactRange, approximateSize } = db as unknown as OnDisk;
    await compactRange.call(db, Uint8Array.of(0), new Uint8Array(64).fill(255));
    return await approximateSize.call(db, LEAF_INDEX_RANGE.gte, LEAF_INDEX_RANGE.lt);
  } finally {
    await db.close();
  }
}

interface OnDisk {
  compactRange(start: Bytes, end: Bytes): Promise<void>;
  approximateSize(start: Bytes, end: Bytes): Promise<number>;
}
