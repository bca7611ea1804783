/** What a review found: each test is one way in which the log could be stopped, starved or bloated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_POLICY, signStatement } from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { fail, isLedgerError, type LedgerError } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import type { LogObserver } from '../../src/log/log.ts';
import { issuerLimit } from '../../src/service/index.ts';
import { memoryStorage, type Storage } from '../../src/storage/index.ts';
import { FaultyDisk } from '../storage/faulty.ts';
import { crypto, foreign, inPlace, joined, ORIGIN, options, SRO, sroKey, startedLog } from './world.ts';

const refusedWith = (code: string) => (error: unknown) => isLedgerError(error, code);
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: LedgerError) => error.code,
  );

/** A promise that somebody else settles. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A disk whose next write fails, and that opens again only when told. */
function stubbornDisk() {
  const disk = new FaultyDisk();
  const reopening = gate();
  let failing = false;
  let opens = 0;
  const openStorage = async (): Promise<Storage> => {
    if (opens++ > 0) await reopening.opened;
    const storage = await disk.open();
    return {
      get: (key) => storage.get(key),
      getMany: (keys) => storage.getMany(keys),
      range: (range) => storage.range(range),
      async write(batch, expect) {
        if (failing) {
          failing = false;
          throw fail('STORAGE_FAILED', 'made to fail');
        }
        await storage.write(batch, expect);
      },
      close: () => storage.close(),
    };
  };
  return {
    openStorage,
    reopen: reopening.open,
    failNextWrite: () => {
      failing = true;
    },
  };
}

test('copies of what is public do not use up an issuer’s rate', async () => {
  const log = await startedLog({ issuerLimit: issuerLimit({ points: 8, seconds: 60 }) });
  const member = await joined(log);
  const statement = foreign(member, 1);
  await log.submit(statement);
  for (let i = 0; i < 20; i++) assert.equal((await log.submit(statement)).existed, true);
  const elsewhere = signStatement(crypto, member.key, {
    log: 'other.example/log',
    kind: 'policy.publish',
    issuer: member.did,
    issuedAt: Math.floor(Date.now() / 1000),
    body: { ...DEFAULT_POLICY, version: 1 },
  });
  for (let i = 0; i < 20; i++) assert.equal(await codeOf(log.submit(elsewhere)), 'ORIGIN_MISMATCH');
  const next = foreign(member, 2);
  const answers = await Promise.all(Array.from({ length: 20 }, () => log.submit(next)));
  assert.equal(answers.filter(({ existed }) => !existed).length, 1);
  await log.submit(foreign(member, 3));
  await log.close();
});

test('refs are looked up no further than they hold', async () => {
  let leafReads = 0;
  const storage = memoryStorage();
  const openStorage = async (): Promise<Storage> => ({
    get: (key) => storage.get(key),
    getMany: (keys) => storage.getMany(keys),
    range(range) {
      leafReads += 1;
      return storage.range(range);
    },
    write: (batch, expect) => storage.write(batch, expect),
    close: () => storage.close(),
  });
  const log = await startedLog({ openStorage });
  const member = await joined(log);
  const { index, entryId } = await log.submit(foreign(member, 1));
  const refer = (refs: { rel: string; index: number; entry: Bytes }[]) =>
    log.submit(
      signStatement(crypto, sroKey, {
        log: ORIGIN,
        kind: 'participant.verify',
        issuer: SRO,
        issuedAt: Math.floor(Date.now() / 1000),
        refs,
        body: { did: member.did, decision: 'rejected', evidence: crypto.randomBytes(32) },
      }),
    );
  leafReads = 0;
  const many = (entry: () => Bytes) =>
    Array.from({ length: 64 }, (_, at) => ({ rel: 'after', index: at % log.head.size, entry: entry() }));
  await assert.rejects(refer(many(() => crypto.randomBytes(32))), refusedWith('REF_NOT_FOUND'));
  assert.equal(leafReads, 0, 'an entry id that is nowhere costs no leaf');
  await assert.rejects(refer([{ rel: 'after', index, entry: entryId }]), refusedWith('REF_WRONG_KIND'));
  // A name that every object has: not a relation, and no defect either.
  await assert.rejects(refer([{ rel: 'constructor', index, entry: entryId }]), refusedWith('REF_WRONG_KIND'));
  await assert.rejects(refer([]), refusedWith('REF_STALE'));
  await log.submit(foreign(member, 2));
  await log.close();
});

test('a reload is no defect to a reader, and a log that is told to close during it stays closed', async () => {
  const disk = stubbornDisk();
  const log = await startedLog({ openStorage: disk.openStorage });
  const member = await joined(log);
  const { entryId, index } = await log.submit(foreign(member, 1));
  disk.failNextWrite();
  await assert.rejects(log.submit(foreign(member, 2)), refusedWith('LOG_RECOVERING'));
  // Of what is in memory it still knows where it is.
  assert.equal(await log.indexOf(entryId), index);
  await assert.rejects(log.record(index), refusedWith('LOG_RECOVERING'));
  const closing = log.close();
  await assert.rejects(log.submit(foreign(member, 3)), refusedWith('LOG_CLOSING'));
  disk.reopen();
  await closing;
  await assert.rejects(log.submit(foreign(member, 4)), refusedWith('LOG_CLOSING'));
  const again = await TransparencyLog.open(options({ openStorage: disk.openStorage }));
  assert.equal(await again.indexOf(entryId), index);
  await again.close();
});

test('a log that closes before it was read back answers nobody from what may not be on the disk', async (t) => {
  const disk = new FaultyDisk();
  let held: Promise<void> | undefined;
  const asked = gate();
  const verified = gate();
  const writing = gate();
  const failing = gate();
  const reopening = gate();
  let isDown = false;
  const log = await startedLog({
    openStorage: async () => {
      if (isDown) {
        reopening.open();
        throw fail('STORAGE_FAILED', 'made to fail');
      }
      const storage = await disk.open();
      const write: Storage['write'] = async (batch, expect) => {
        if (isDown) {
          writing.open();
          await failing.opened;
          throw fail('STORAGE_FAILED', 'made to fail');
        }
        await storage.write(batch, expect);
      };
      return {
        ...{ get: storage.get.bind(storage), getMany: storage.getMany.bind(storage), write },
        ...{ range: storage.range.bind(storage), close: storage.close.bind(storage) },
      };
    },
    verifier: (keys) => {
      const verifier = inPlace(keys);
      const verify: typeof verifier.verify = async (request) => {
        if (held) asked.open();
        await held;
        return verifier.verify(request);
      };
      return { ...verifier, size: 2, verify, close: async () => verified.open() };
    },
  });
  const statement = foreign(await joined(log), 1);
  isDown = true;
  const first = codeOf(log.submit(statement));
  await writing.opened;
  // The same again, which the verifier answers when it is closed.
  held = verified.opened;
  const second = codeOf(log.submit(statement));
  await asked.opened;
  failing.open();
  assert.equal(await first, 'LOG_RECOVERING');
  await reopening.opened;
  const now = performance.now.bind(performance);
  const closed = log.close();
  t.mock.method(performance, 'now', () => now() + 60_000);
  assert.equal(await second, 'LOG_RECOVERING');
  await closed;
});

test('a reader of one leaf does not load its whole bundle', async () => {
  let rows = 0;
  const storage = memoryStorage();
  const openStorage = async (): Promise<Storage> => ({
    get: (key) => storage.get(key),
    getMany: (keys) => storage.getMany(keys),
    async *range(range) {
      for await (const row of storage.range(range)) {
        rows += 1;
        yield row;
      }
    },
    write: (batch, expect) => storage.write(batch, expect),
    close: () => storage.close(),
  });
  const log = await startedLog({ openStorage });
  const member = await joined(log);
  const large = 'x'.repeat(900_000);
  const places: number[] = [];
  for (let n = 0; n < 8; n++) places.push((await log.submit(foreign(member, n, large))).index);
  const open = log.head.size;
  rows = 0;
  for (const index of places) assert.equal((await log.record(index)).isStateEntry, false);
  assert.equal(rows, places.length);
  assert.equal(await log.closingStateEntry(places[3]!), places[3]! + 1);
  // The same once the bundle is sealed, with rows that are too large to be joined.
  await Promise.all(Array.from({ length: 256 }, (_, n) => log.submit(foreign(member, 100 + n))));
  assert.ok(log.head.size > 256 && open < 256);
  rows = 0;
  const whole = await log.bundle(0, log.head.size);
  assert.ok(rows > 1, 'rows were too large to be joined');
  for (let i = 0; i < 256; i++) assert.deepEqual(await log.record(i), whole[i]);
  await log.close();
});

test('nothing of a log depends on who watches it', async () => {
  const disk = stubbornDisk();
  const told: string[] = [];
  const throwing = (what: string) => () => {
    told.push(what);
    throw new Error('made to fail');
  };
  const names = ['committed', 'refused', 'existed', 'verified', 'event'] as const;
  const observe = Object.fromEntries(names.map((name) => [name, throwing(name)])) as LogObserver;
  const log = await startedLog({ openStorage: disk.openStorage, observe });
  const member = await joined(log);
  const statement = foreign(member, 1);
  const { index } = await log.submit(statement);
  assert.equal((await log.submit(statement)).index, index);
  await assert.rejects(log.submit(new Uint8Array(3)), refusedWith('CBOR_MALFORMED'));
  disk.failNextWrite();
  await assert.rejects(log.submit(foreign(member, 2)), refusedWith('LOG_RECOVERING'));
  disk.reopen();
  while (!log.status.accepting) await delay(5);
  assert.equal((await log.submit(foreign(member, 2))).existed, false);
  await log.close();
  assert.deepEqual([...new Set(told)].sort(), [...names].sort());
});

test('who watches a log and fails is told of, where somebody listens', async () => {
  const events: unknown[] = [];
  const observe: LogObserver = {
    committed: () => {
      throw new Error('made to fail');
    },
    event: (level, message, details) => events.push([level, message, details]),
  };
  const log = await startedLog({ observe });
  await joined(log);
  await log.close();
  const failed = ['error', 'who watches the log has failed', { message: 'Error: made to fail' }];
  assert.deepEqual(events[0], failed);
});
