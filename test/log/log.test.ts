import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeStateEntry } from '../../src/chain/index.ts';
import { equal, toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { decodeReceipt, verifyInclusionReceipt } from '../../src/cose/index.ts';
import { DiskFloor, inclusionReceipt, type Sequenced, TransparencyLog } from '../../src/log/index.ts';
import { leafHash, treeRoot, verifyConsistency, verifyInclusion } from '../../src/merkle/index.ts';
import { openCheckpoint } from '../../src/note/index.ts';
import { FaultyDisk } from '../storage/faulty.ts';
import {
  crypto,
  foreign,
  GENESIS,
  inPlace,
  joined,
  KEYS,
  type Member,
  newMember,
  ORIGIN,
  options,
  policy,
  startedLog,
  verification,
} from './world.ts';

const refusedWith = (code: string) => (error: unknown) => isLedgerError(error, code);

describe('a log', () => {
  let log: TransparencyLog;
  let member: Member;
  before(async () => {
    log = await startedLog();
    member = await joined(log);
  });
  after(() => log.close());

  test('begins with genesis and its state entry: the first signed size is 2', async () => {
    const fresh = await startedLog();
    const { size, root, checkpoint } = fresh.head;
    assert.equal(size, 2);
    const opened = openCheckpoint(crypto, checkpoint, KEYS.checkpoint.verifierKey);
    assert.equal(opened.size, 2);
    assert.ok(equal(opened.root, root));
    const tip = decodeStateEntry((await fresh.record(1)).bytes);
    assert.deepEqual([tip.index, tip.previous], [1, null]);
    await fresh.close();
  });

  test('every answer is covered by a published head that ends in a state entry', async () => {
    const { index, head, existed } = await log.submit(foreign(member, 1));
    assert.equal(existed, false);
    assert.ok(index < head.size);
    assert.equal((await log.record(head.size - 1)).isStateEntry, true);
    const receipt = inclusionReceipt(head, index, await log.inclusionHashes(index, head.size));
    const entry = log.leafData(await log.record(index));
    const key = KEYS.receipt.key.publicKey;
    const verified = verifyInclusionReceipt(crypto, key, decodeReceipt(receipt), entry, { origin: ORIGIN });
    assert.ok(equal(verified.root, head.root));
  });

  test('registering again answers with the same place and appends nothing', async () => {
    const statement = foreign(member, 2);
    const first = await log.submit(statement);
    const again = await log.submit(statement);
    assert.equal(again.index, first.index);
    assert.equal(again.existed, true);
    assert.equal(log.head.size, first.head.size);
  });

  test('two copies in one turn are one entry', async () => {
    const statement = foreign(member, 3);
    const answers = await Promise.all([log.submit(statement), log.submit(statement)]);
    assert.equal(answers[0]!.index, answers[1]!.index);
    assert.deepEqual(
      answers.map((answer) => answer.existed),
      [false, true],
    );
  });

  test('a register and its verification may travel together when the place is known', async () => {
    const { did, key, register } = newMember();
    const start = log.head.size;
    const entryId = crypto.sha256(register);
    const [one, two] = await Promise.all([
      log.submit(register),
      log.submit(verification(did, start, entryId)),
    ]);
    assert.deepEqual([one!.index, two!.index], [start, start + 1]);
    await log.submit(foreign({ did, key }, 4));
  });

  test('refusals log nothing', async () => {
    const { size } = log.head;
    const stranger = newMember();
    await assert.rejects(log.submit(foreign(stranger, 5)), refusedWith('KID_UNKNOWN'));
    await assert.rejects(log.submit(Uint8Array.of(1, 2, 3)), isLedgerError);
    const forged = foreign(member, 6);
    forged[forged.length - 1]! ^= 1;
    await assert.rejects(log.submit(forged), refusedWith('SIGNATURE_INVALID'));
    await assert.rejects(log.submit(new Uint8Array(2 ** 20 + 1)), refusedWith('STATEMENT_TOO_LARGE'));
    await assert.rejects(
      log.submit(GENESIS).then((s) => assert.equal(s.existed, false)),
      assert.AssertionError,
    );
    assert.equal(log.head.size, size);
  });

  test('many at once: ordered places, valid paths, consistent heads', async () => {
    const before = log.head;
    const statements = Array.from({ length: 700 }, (_, i) => foreign(member, 1000 + i));
    const answers = await Promise.all(statements.map((statement) => log.submit(statement)));
    const indexes = answers.map((answer) => answer.index);
    assert.deepEqual(
      [...indexes].sort((a, b) => a - b),
      indexes,
      'in order of arrival',
    );
    assert.equal(new Set(indexes).size, 700);
    const { head } = log.snapshot;
    const leaves: Uint8Array[] = [];
    for (let n = 0; n * 256 < head.size; n++) {
      for (const record of await log.bundle(n, head.size))
        leaves.push(leafHash(crypto, log.leafData(record)));
    }
    assert.equal(leaves.length, head.size);
    assert.ok(equal(treeRoot(crypto, leaves), head.root));
    for (const { index, head: at } of answers.filter((_, i) => i % 37 === 0) as Sequenced[]) {
      const proof = await log.inclusionPath(index, at.size);
      verifyInclusion(crypto, { index, size: at.size, leafHash: leaves[index]!, proof, root: at.root });
    }
    const proof = await log.consistencyPath(before.size, head.size);
    verifyConsistency(crypto, {
      size1: before.size,
      size2: head.size,
      root1: before.root,
      root2: head.root,
      proof,
    });
  });

  test('state entries form a chain in time and place', async () => {
    const { head } = log;
    let previous: number | null = null;
    let time = 0;
    for (let i = 0; i < head.size; i++) {
      const record = await log.record(i);
      if (!record.isStateEntry) continue;
      const entry = decodeStateEntry(record.bytes);
      assert.equal(entry.previous, previous);
      assert.ok(entry.time >= time);
      previous = i;
      time = entry.time;
    }
    assert.equal(previous, head.size - 1);
  });

  test('tiles of every published width', async () => {
    const { size } = log.head;
    const full = await log.hashTile(0, 0, 256);
    assert.equal(full.length, 8192);
    assert.ok(equal(await log.hashTile(0, 0, 100), full.slice(0, 3200)), 'also after sealing');
    const last = Math.floor(size / 256);
    assert.equal((await log.hashTile(0, last, size % 256)).length, (size % 256) * 32);
  });
});

test('a log opens again where it was, on both sides of a bundle', async () => {
  const openStorage = new FaultyDisk().open;
  let log = await startedLog({ openStorage });
  const member = await joined(log);
  const first = foreign(member, 0);
  await log.submit(first);
  let n = 1;
  for (const count of [1, 200, 60, 300, 700]) {
    await Promise.all(Array.from({ length: count }, () => log.submit(foreign(member, n++))));
    const { head, state } = log.snapshot;
    await log.close();
    log = await TransparencyLog.open(options({ openStorage }));
    assert.equal(toHex(log.head.root), toHex(head.root));
    assert.equal(
      log.head.checkpoint,
      head.checkpoint,
      'Ed25519 is deterministic: the same bytes are signed again',
    );
    assert.equal(toHex(log.snapshot.state.root), toHex(state.root));
    assert.equal((await log.submit(first)).existed, true);
  }
  await log.close();
});

test('time does not go back across a restart', async () => {
  const openStorage = new FaultyDisk().open;
  const late = Date.now() + 60_000;
  const first = await startedLog({ openStorage, now: () => late });
  await first.close();
  const second = await TransparencyLog.open(options({ openStorage, now: () => late - 50_000 }));
  const { head } = await second.submit(policy(1));
  assert.equal(head.time, late);
  await second.close();
});

test('below the disk floor the log is read-only, and goes on above it', async () => {
  let free = 100;
  const diskFloor = new DiskFloor('.', 50, async () => free);
  const log = await startedLog({ diskFloor });
  free = 10;
  await diskFloor.check();
  await assert.rejects(log.submit(policy(1)), refusedWith('LOG_READ_ONLY'));
  assert.equal(log.status.accepting, false);
  assert.equal(log.head.size, 2, 'reading goes on');
  free = 100;
  await diskFloor.check();
  await log.submit(policy(1));
  await log.close();
});

test('a commit waits for what is being verified beside it, but not for long, nor for what is refused', async () => {
  /** Before the second answer of the threads. */
  let wait: Promise<unknown> | undefined;
  let requests = 0;
  const commits: number[] = [];
  const log = await startedLog({
    observe: { committed: ({ statements }) => commits.push(statements) },
    verifier: (keys) => {
      const plain = inPlace(keys);
      const verify: typeof plain.verify = async (request) => {
        const second = ++requests % 2 === 0;
        const answer = await plain.verify(request);
        if (second) await wait;
        return answer;
      };
      return { ...plain, size: 2, verify };
    },
  });
  const member = await joined(log);
  const pair = (second: Uint8Array, n: number) => {
    requests = 0;
    commits.length = 0;
    // One for each thread.
    return [log.submit(foreign(member, n)), log.submit(second).catch((error: unknown) => error)] as const;
  };
  wait = delay(1);
  await Promise.all(pair(foreign(member, 1), 2));
  assert.deepEqual(commits, [2]);

  let release: (value: undefined) => void = () => undefined;
  wait = new Promise((resolve) => {
    release = resolve;
  });
  const [first, second] = pair(foreign(member, 3), 4);
  await first;
  assert.deepEqual(commits, [1]);
  release(undefined);
  await second;
  assert.deepEqual(commits, [1, 1]);

  wait = delay(1);
  const forged = foreign(member, 5);
  forged[forged.length - 1]! ^= 1;
  const [logged, refused] = await Promise.all(pair(forged, 6));
  assert.equal(logged.existed, false);
  assert.ok(isLedgerError(refused, 'SIGNATURE_INVALID'));
  assert.deepEqual(commits, [1]);
  await log.close();
});

test('a full queue refuses with a delay, and nothing is lost of what was taken', async () => {
  const log = await startedLog({
    limits: { maxQueued: 10, maxQueuedBytes: 2 ** 20, maxStatementBytes: 2 ** 16 },
  });
  const member = await joined(log);
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) => log.submit(foreign(member, i))),
  );
  const logged = results.filter((result) => result.status === 'fulfilled');
  assert.equal(logged.length, 10);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    assert.ok(isLedgerError(result.reason, 'LOG_OVERLOADED'));
    assert.equal(result.reason.retryAfter, 1);
  }
  assert.equal(log.status.queued, 0);
  await log.submit(foreign(member, 99));
  await log.close();
});

test('the issuer’s limit is charged only when the signature is right', async () => {
  const charged: string[] = [];
  const log = await startedLog({ issuerLimit: async (issuer) => void charged.push(issuer) });
  const member = await joined(log);
  charged.length = 0;
  const forged = foreign(member, 1);
  forged[forged.length - 1]! ^= 1;
  await assert.rejects(log.submit(forged), refusedWith('SIGNATURE_INVALID'));
  assert.deepEqual(charged, []);
  await log.submit(foreign(member, 1));
  assert.deepEqual(charged, [member.did]);
  await log.close();
});

test('closing drains what was admitted and refuses what comes after', async () => {
  const log = await startedLog();
  const member = await joined(log);
  const pending = Array.from({ length: 300 }, (_, i) => log.submit(foreign(member, i)));
  const closing = log.close();
  await assert.rejects(log.submit(foreign(member, 1000)), refusedWith('LOG_CLOSING'));
  const settled = await Promise.allSettled(pending);
  assert.ok(settled.every((result) => result.status === 'fulfilled'));
  await closing;
});

test('another origin and other rules are refused at start', async () => {
  const openStorage = new FaultyDisk().open;
  await (await startedLog({ openStorage })).close();
  await assert.rejects(
    TransparencyLog.open(options({ openStorage, origin: 'other.example/log' })),
    refusedWith('ORIGIN_MISMATCH'),
  );
  await assert.rejects(
    TransparencyLog.open(options({ openStorage, rules: new Uint8Array(32) })),
    refusedWith('RULES_MISMATCH'),
  );
});
