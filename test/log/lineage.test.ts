/** The lineage index: rows equal a naive recomputation, a rebuild equals what commits wrote, crashes leave no gap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EDGE_CLASSES, type Lineage, lineageOf, parseStatement } from '../../src/chain/index.ts';
import { type Bytes, toHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import { LEAVES_RANGE } from '../../src/log/layout.ts';
import { LINEAGE_MARK_KEY, LINEAGE_RANGE, LINEAGE_VERSION } from '../../src/log/lineage-layout.ts';
import { type Storage, WriteBatch } from '../../src/storage/index.ts';
import { Story, Telling } from '../chain/story.ts';
import { World } from '../chain/world.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';
import { eachFault, FaultyDisk } from '../storage/faulty.ts';
import {
  crypto,
  foreign,
  GENESIS,
  joined,
  newMember,
  options,
  policy,
  startedLog,
  verification,
} from './world.ts';

const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10_000 };

async function level(log: TransparencyLog): Promise<void> {
  for (let i = 0; i < 500 && log.lineageStatus.next < log.lineageStatus.size; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { next, size } = log.lineageStatus;
  assert.equal(next, size, 'the index did not come level');
}

/** Participants who come, are verified or not, register keys, and publish foreign statements, in batches of all sizes. */
async function history(log: TransparencyLog, steps: number, seed: number): Promise<void> {
  let random = seed;
  const draw = (below: number) => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((random / 2 ** 31) * below);
  };
  await log.submit(policy(1));
  const known = [await joined(log)];
  for (let n = 0; n < steps; n++) {
    const batch: Promise<unknown>[] = [];
    for (let i = draw(5); i >= 0; i--) {
      const member = known[draw(known.length)]!;
      if (draw(3) > 0) batch.push(log.submit(foreign(member, n * 10 + i, `${seed}`)));
      else {
        const fresh = newMember();
        batch.push(
          log.submit(fresh.register).then(({ index, entryId }) => {
            if (draw(2) > 0) return undefined;
            known.push(fresh);
            return log.submit(verification(fresh.did, index, entryId));
          }),
        );
      }
    }
    await Promise.all(batch);
  }
}

interface Naive extends Lineage {
  readonly index: number;
  readonly entryId: Bytes;
}

async function naive(log: TransparencyLog): Promise<Naive[]> {
  const all: Naive[] = [];
  for (let at = 0; at < log.head.size; ) {
    for (const record of await log.run(at)) {
      const index = at++;
      if (record.isStateEntry) continue;
      const statement = parseStatement(crypto, record.bytes);
      const lineage = lineageOf(statement);
      if (lineage) all.push({ ...lineage, index, entryId: statement.entryId });
    }
  }
  return all;
}

async function check(log: TransparencyLog): Promise<void> {
  const all = await naive(log);
  const ids = new Set(all.flatMap((each) => [each.subject, each.issuer, ...each.edges.map(({ to }) => to)]));
  for (const id of ids) {
    const about = await log.lineage((index) => index.about(id, EVERYTHING));
    assert.deepEqual(
      about.map(({ index, entryId, kind, issuer }) => [index, toHex(entryId), kind, issuer]),
      all.filter(({ subject }) => subject === id).map((e) => [e.index, toHex(e.entryId), e.kind, e.issuer]),
    );
    const by = await log.lineage((index) => index.by(id, EVERYTHING));
    assert.deepEqual(
      by,
      all
        .filter(({ issuer, onBehalf }) => issuer === id || onBehalf === id)
        .map(({ index, subject }) => ({ index, subject })),
    );
    for (const of of EDGE_CLASSES) {
      const up = await log.lineage((index) => index.edges(id, 'up', of, EVERYTHING));
      assert.deepEqual(
        up.map((edge) => [edge.index, edge.relation, edge.id]),
        all
          .filter(({ subject }) => subject === id)
          .flatMap((e) =>
            e.edges.filter((edge) => edge.class === of).map((x) => [e.index, x.relation, x.to]),
          ),
      );
      const down = await log.lineage((index) => index.edges(id, 'down', of, EVERYTHING));
      assert.deepEqual(
        down.map((edge) => [edge.index, edge.relation, edge.id]),
        all.flatMap((e) =>
          e.edges.filter((x) => x.class === of && x.to === id).map((x) => [e.index, x.relation, e.subject]),
        ),
      );
    }
  }
}

async function rowsOf(storage: Storage): Promise<string[]> {
  const rows: string[] = [];
  for await (const [key, value] of storage.range(LINEAGE_RANGE)) rows.push(`${toHex(key)} ${toHex(value)}`);
  const mark = await storage.get(LINEAGE_MARK_KEY);
  return [...rows, mark ? toHex(mark) : 'no mark'];
}

for (const seed of [1, 2, 3]) {
  test(`over a random history (${seed}) the index is what the leaves say, and a rebuild makes the same rows`, async () => {
    const disk = new FaultyDisk();
    const log = await startedLog({ openStorage: disk.open });
    await history(log, 25, seed);
    assert.equal(log.lineageStatus.next, log.head.size);
    await check(log);
    await log.close();
    let storage = await disk.open();
    const incremental = await rowsOf(storage);
    assert.ok(incremental.length > 50);
    // Lost, of another version, ahead of the log, or nonsense: it is built anew.
    for (const value of [undefined, new Uint8Array([1]), new Uint8Array([0xa0])]) {
      const write = new WriteBatch();
      if (value) write.put(LINEAGE_MARK_KEY, value);
      else write.del(LINEAGE_MARK_KEY);
      await storage.write(write.put(new Uint8Array([0x78, 0x7a, 1]), new Uint8Array([2])));
      await storage.close();
      const events: string[] = [];
      const again = await TransparencyLog.open(
        options({
          openStorage: disk.open,
          observe: { event: (_level, message) => void events.push(message) },
        }),
      );
      await level(again);
      await check(again);
      assert.match(events.join('\n'), /being built from the leaves\n.*is built/);
      await again.close();
      storage = await disk.open();
      assert.deepEqual(await rowsOf(storage), incremental);
    }
    await storage.close();
  });
}

test('foreign statements leave nothing but the mark', async () => {
  const disk = new FaultyDisk();
  const log = await startedLog({ openStorage: disk.open });
  await log.submit(policy(1));
  const member = await joined(log);
  const before = disk.durable.slice(LINEAGE_RANGE).length;
  await Promise.all(Array.from({ length: 300 }, (_, n) => log.submit(foreign(member, n))));
  assert.equal(disk.durable.slice(LINEAGE_RANGE).length, before);
  assert.equal(log.lineageStatus.next, log.head.size);
  await log.close();
});

test('commits go on while the index is built, and it comes level', async () => {
  const disk = new FaultyDisk();
  const first = await startedLog({ openStorage: disk.open });
  await history(first, 40, 9);
  await first.close();
  const storage = await disk.open();
  await storage.write(new WriteBatch().del(LINEAGE_MARK_KEY));
  await storage.close();
  const log = await TransparencyLog.open(options({ openStorage: disk.open }));
  await assert.rejects(
    log.lineage((index) => index.about('did:web:sro.example', EVERYTHING)),
    (error) => isLedgerError(error, 'INDEX_BEHIND') && error.retryAfter !== undefined,
  );
  const work = newcomers(log);
  await level(log);
  await work;
  await level(log);
  await check(log);
  await log.close();
});

async function newcomers(log: TransparencyLog): Promise<void> {
  for (let n = 0; n < 30; n++) await log.submit(newMember().register);
}

test('an index that is made anew reads no large statement again and again', async () => {
  const disk = new FaultyDisk();
  const log = await startedLog({ openStorage: disk.open });
  const member = await joined(log);
  const text = 'x'.repeat(120_000);
  for (let n = 0; n < 130; n++) await log.submit(foreign(member, n, text));
  await log.close();
  const storage = await disk.open();
  await storage.write(new WriteBatch().del(LINEAGE_MARK_KEY));
  let read = 0;
  const counted: Storage = {
    ...{ getMany: storage.getMany.bind(storage), write: storage.write.bind(storage) },
    close: storage.close.bind(storage),
    get: async (key) => {
      const value = await storage.get(key);
      if (key[0] === LEAVES_RANGE.gte[0]) read += value?.length ?? 0;
      return value;
    },
    async *range(range) {
      for await (const [key, value] of storage.range(range)) {
        if (key[0] === LEAVES_RANGE.gte[0]) read += value.length;
        yield [key, value];
      }
    },
  };
  const again = await TransparencyLog.open(options({ openStorage: async () => counted }));
  await level(again);
  const stored = disk.durable.slice(LEAVES_RANGE).reduce((sum, [, value]) => sum + value.length, 0);
  assert.ok(stored > 12e6);
  // Once by the start, once for the index.
  assert.ok(read < 3 * stored, `${read} bytes of ${stored}`);
  await again.close();
});

test('a damaged row is noticed when it is read, and the index is built anew', async () => {
  const disk = new FaultyDisk();
  const log = await startedLog({ openStorage: disk.open });
  await log.submit(policy(1));
  const { did } = await joined(log);
  const mark = disk.durable.slice(LINEAGE_RANGE);
  for (const [key] of mark) disk.durable.apply([{ type: 'put', key, value: new Uint8Array([0xff]) }]);
  await log.close();
  const again = await TransparencyLog.open(options({ openStorage: disk.open }));
  await assert.rejects(
    again.lineage((index) => index.about(did, EVERYTHING)),
    (error) => isLedgerError(error, 'INDEX_BEHIND'),
  );
  await level(again);
  assert.equal((await again.lineage((index) => index.about(did, EVERYTHING))).length, 2);
  await check(again);
  await again.close();
});

const script = await (async () => {
  const statements: Bytes[] = [policy(1)];
  for (let n = 0; n < 3; n++) statements.push(newMember().register);
  return statements;
})();

test('whatever fails or is lost, the index is level with the tree and right', async () => {
  const open = async (disk: FaultyDisk): Promise<TransparencyLog> => {
    for (let life = 0; ; life++) {
      try {
        return await TransparencyLog.open(options({ openStorage: disk.open }));
      } catch (error) {
        assert.ok(life < 6 && isLedgerError(error), String(error));
        if (disk.down) disk.crash();
      }
    }
  };
  await eachFault(
    async (disk) => {
      let log = await open(disk);
      for (const statement of [GENESIS, ...script]) {
        for (let tries = 0; ; tries++) {
          try {
            await log.submit(statement);
            break;
          } catch (error) {
            assert.ok(tries < 100 && isLedgerError(error), String(error));
            if (!disk.down) await new Promise((resolve) => setTimeout(resolve, 10));
            else {
              await log.close();
              disk.crash();
              log = await open(disk);
            }
          }
        }
      }
      await level(log);
      await check(log);
      await log.close();
    },
    { operations: ['open', 'write'] },
  );
});

test('an index is of one version: what it is made from is not changed without another', {
  skip: REAL === undefined && 'no ../shared',
}, () => {
  const world = World.begin(crypto);
  const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
  const story = Story.of(world, { sources: covid(), training });
  new Telling(world).tell(...story.steps());
  const said = world.entries.map(({ statement }) => {
    const { refs, ...lineage } = lineageOf(parseStatement(crypto, statement))!;
    return { ...lineage, refs: refs.map(({ rel, index }) => [rel, index]) };
  });
  const digest = toHex(crypto.sha256(utf8(JSON.stringify(said))));
  // Old indexes would go on answering as before: raise LINEAGE_VERSION with the digest.
  assert.deepEqual(
    [LINEAGE_VERSION, digest],
    [1, '41eb96056d26b9089ed737bb4f75e3e0d362b0e0075d31efa3f0710258d9a78c'],
  );
});
