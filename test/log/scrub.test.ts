/**
 * The background scrub of a log that is longer than one mark interval: it moves the verified mark, and turns the log
 * read-only when what lies below the mark is no longer what was committed.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeStateEntry } from '../../src/chain/index.ts';
import { type Bytes, equal, u64be } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { type LeafRecord, TransparencyLog } from '../../src/log/index.ts';
import {
  decodeLeafIndexMark,
  decodeMark,
  encodeHead,
  HEAD_KEY,
  LEAF_INDEX_MARK_KEY,
  leafIndexKey,
  leavesKey,
  MARK_KEY,
} from '../../src/log/layout.ts';
import { MARK_INTERVAL, restore } from '../../src/log/restore.ts';
import { leafHash } from '../../src/merkle/index.ts';
import { WriteBatch } from '../../src/storage/index.ts';
import { type Fault, FaultyDisk } from '../storage/faulty.ts';
import { flipped } from './damaged-rows.ts';
import { crypto, foreign, joined, type Member, options, startedLog } from './world.ts';

const PATIENCE = 30_000;

const faults: Fault[] = [];
const disk = new FaultyDisk(faults);
const events: string[] = [];
const logs: TransparencyLog[] = [];
let member: Member;

after(async () => {
  for (const log of logs) await log.close();
});

const setting = () =>
  options({
    openStorage: disk.open,
    scrubInterval: 1,
    indexPart: 512,
    observe: { event: (_level, message) => events.push(message) },
  });

/** One commit of `count` leaves, written as the log writes it, but in bulk: statements that nobody has signed. */
async function extend(statement: Bytes, count: number): Promise<void> {
  const storage = await disk.open();
  const { head, tree, leaves, tip } = await restore(crypto, storage, setting());
  assert.ok(head && tip);
  const write = new WriteBatch();
  const records: LeafRecord[] = [];
  for (let n = 0; n < count; n++) {
    const bytes = statement.slice();
    bytes.set(u64be(n), bytes.length - 8); // in the signature
    const entryId = crypto.sha256(bytes);
    tree.append(leafHash(crypto, entryId));
    records.push({ isStateEntry: false, bytes });
  }
  const closing = encodeStateEntry({ ...tip, index: head.size + count, previous: tip.index });
  tree.append(leafHash(crypto, closing));
  records.push({ isStateEntry: true, bytes: closing });
  leaves.append(write, head.size, records);
  tree.addWrites(write);
  write.put(HEAD_KEY, encodeHead({ ...head, size: tree.size, root: tree.root() }));
  await storage.write(write);
  await storage.close();
}

async function open(): Promise<TransparencyLog> {
  const log = await TransparencyLog.open(setting());
  logs.push(log);
  return log;
}

async function until(what: string, done: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!done()) {
    assert.ok(performance.now() < end, `${what} did not come`);
    await delay(5);
  }
}

const mark = () => decodeMark(disk.durable.get(MARK_KEY));
const change = (key: Bytes, value: Bytes | undefined) =>
  disk.durable.apply([value ? { type: 'put', key, value } : { type: 'del', key }]);

before(async () => {
  const log = await startedLog(setting());
  member = await joined(log, 'Ed25519');
  await log.close();
  await extend(foreign(member, 0), MARK_INTERVAL);
  // A start stores the parts of the leaf index that are whole.
  await (await TransparencyLog.open({ ...setting(), scrubInterval: 0 })).close();
});

test('the mark is raised; a write of it that fails costs a reload, not the log', async () => {
  faults.push({ operation: 'write', at: disk.counts.write + 1, moment: 'before' });
  const log = await open();
  await until('the failed write', () => events.includes('the verified mark could not be written'));
  assert.equal(log.status.accepting, true);
  // The storage takes nothing more: the next commit finds out, and the log reads itself back.
  const statement = foreign(member, 1);
  await assert.rejects(log.submit(statement), (error) => isLedgerError(error, 'LOG_RECOVERING'));
  await until('the reload', () => log.status.accepting);
  assert.equal((await log.submit(statement)).existed, false);
  await until('the mark', () => mark() === MARK_INTERVAL);
  await log.close();
});

test('damage below the mark: found while the log is open, and again after a start, which does not read there', async () => {
  const log = await open();
  assert.equal(log.status.accepting, true);
  const key = leavesKey(256);
  const good = disk.durable.get(key)!;
  change(key, flipped(good, good.length - 1));
  await until('the finding', () => !log.status.accepting);
  assert.match(log.status.reason!, /scrub found damage: leaf \d+ does not hash to what tile 0\/1 holds/);
  await assert.rejects(log.submit(foreign(member, 2)), (error) => isLedgerError(error, 'LOG_READ_ONLY'));
  // Reading goes on: what was signed before is still owed.
  assert.ok(equal(await log.rootAt(log.head.size), log.head.root));
  await log.close();

  const again = await open();
  await until('the finding', () => !again.status.accepting);
  assert.match(again.status.reason!, /tile 0\/1/);
  await again.close();
  change(key, good);
});

test('statements that come in without a pause slow the scrub down, and do not stop it', async () => {
  const log = await open();
  const key = leavesKey(0);
  const good = disk.durable.get(key)!;
  change(key, flipped(good, good.length - 1));
  let n = 1000;
  await until('the finding', () => {
    log.submit(foreign(member, n++)).catch((error) => assert(isLedgerError(error, 'LOG_READ_ONLY')));
    return !log.status.accepting;
  });
  assert.match(log.status.reason!, /tile 0\/0/);
  await log.close();
  change(key, good);
});

test('a row of the leaf index lost below the mark', async () => {
  const log = await open();
  const key = leafIndexKey(1, 2, 0);
  const good = disk.durable.get(key)!;
  change(key, undefined);
  await until('the finding', () => !log.status.accepting);
  assert.match(log.status.reason!, /scrub found damage: a row of part 1 of the leaf index is missing/);
  await log.close();
  change(key, good);
});

test('a part of the leaf index that is whole is stored; a write of it that fails costs a reload, not the log', async () => {
  const parts = () => decodeLeafIndexMark(disk.durable.get(LEAF_INDEX_MARK_KEY)!).parts;
  const log = await open();
  let n = 100_000;
  const taken: Bytes[] = [];
  /** Until the next statement, with its state entry, makes the part whole. */
  const almost = async () => {
    while (512 - (log.head.size % 512) > 2) {
      taken.push(foreign(member, n++));
      await log.submit(taken.at(-1)!);
    }
  };
  await almost();
  const before = parts();
  await log.submit(foreign(member, n++));
  await until('the part', () => parts() === before + 1);

  await almost();
  // The next write is the commit, the one after it is of the part.
  faults.push({ operation: 'write', at: disk.counts.write + 2, moment: 'unsynced' });
  await log.submit(foreign(member, n++));
  await until('the failed write', () => events.includes('a part of the leaf index could not be written'));
  assert.equal(parts(), before + 1);
  assert.equal(log.status.accepting, true);
  const statement = foreign(member, n++);
  await assert.rejects(log.submit(statement), (error) => isLedgerError(error, 'LOG_RECOVERING'));
  await until('the reload', () => log.status.accepting);
  assert.equal(parts(), before + 2);
  assert.equal((await log.submit(statement)).existed, false);
  for (const known of [...taken, statement]) assert.equal((await log.submit(known)).existed, true);
  await log.close();
});
