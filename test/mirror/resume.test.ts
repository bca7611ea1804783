import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import type { Trust } from '../../src/verify/index.ts';
import { type Served, serve } from '../client/served.ts';
import { crypto, foreign, joined, KEYS, type Member, ORIGIN, options, startedLog } from '../log/world.ts';
import { mirrorOf } from './mirrored.ts';

const signal = new AbortController().signal;
const code = (expected: string) => (error: unknown) => isLedgerError(error, expected);

/** What is there after a process has ended in the middle of everything: closing does not reach it. */
function outliving(storage: Storage): Storage {
  return { ...storage, close: async () => {} };
}

describe('a mirror that was interrupted', () => {
  let log: TransparencyLog;
  let member: Member;
  let served: Served;
  let trust: Trust;
  let url: string;
  before(async () => {
    log = await startedLog();
    member = await joined(log);
    // Large ones, so that the copy is written in several parts.
    const payload = 'x'.repeat(25_000);
    for (let round = 0; round < 3; round++) {
      const some = Array.from({ length: 100 }, (_, i) => foreign(member, round * 100 + i, payload));
      await Promise.all(some.map((statement) => log.submit(statement)));
    }
    const ledger = new LedgerService(crypto, log);
    served = await serve(ledger);
    url = `http://127.0.0.1:${served.ports.http}`;
    trust = {
      origin: ORIGIN,
      genesis: ledger.genesis,
      checkpointKey: KEYS.checkpoint.verifierKey,
      receiptKey: KEYS.receipt.key.publicKey,
    };
  });
  after(async () => {
    await served.close();
    await log.close();
  });

  /** A folder in which a copy ended half way. */
  const interrupted = async () => {
    const storage = outliving(memoryStorage());
    const first = await mirrorOf(url, trust, { storage });
    served.lies = {
      tile: async (path) => {
        if (path.startsWith('tile/statements/001')) throw fail('LOG_CLOSING', 'not now');
        return served.ledger.tile(path);
      },
    };
    await assert.rejects(first.mirror.catchUp(signal), (error) => isLedgerError(error));
    assert.equal(first.mirror.ready, false);
    assert.equal(first.kept.size, 0, 'a network that fails convicts nobody');
    served.lies = {};
    await first.close();
    return storage;
  };

  test('goes on where it was, with what it has verified before', async () => {
    const storage = await interrupted();
    const asked: string[] = [];
    served.lies = {
      tile: (path) => {
        asked.push(path);
        return served.ledger.tile(path);
      },
    };
    const second = await mirrorOf(url, trust, { storage });
    assert.equal(second.mirror.ready, false, 'it has no state that the log has signed');
    const head = await second.mirror.catchUp(signal);
    assert.equal(head.checkpoint, log.head.checkpoint);
    assert.ok(!asked.some((path) => path === 'tile/statements/000.p/1'));
    served.lies = {};
    await second.close();

    // With nothing left to copy it serves at once, though nobody answers.
    const third = await mirrorOf('http://127.0.0.1:9', trust, { storage });
    assert.equal(third.mirror.ready, true);
    assert.equal(third.mirror.log.head.checkpoint, log.head.checkpoint);
    await assert.rejects(third.mirror.catchUp(signal), code('UNAVAILABLE'));
    await third.close();
  });

  test('is no folder to start the log from, and goes on where it was', async () => {
    const storage = await interrupted();
    const start = TransparencyLog.open(options({ openStorage: async () => storage }));
    await assert.rejects(
      start,
      (error) => isLedgerError(error, 'LOG_CORRUPT') && /mirror/.test(error.message),
    );

    const second = await mirrorOf(url, trust, { storage });
    assert.equal(second.mirror.ready, false, 'it has no state that the log has signed');
    const head = await second.mirror.catchUp(signal);
    assert.equal(head.checkpoint, log.head.checkpoint);
    await second.close();

    // With nothing left to copy it serves at once, though nobody answers.
    const third = await mirrorOf('http://127.0.0.1:9', trust, { storage });
    assert.equal(third.mirror.ready, true);
    assert.equal(third.mirror.log.head.checkpoint, log.head.checkpoint);
    await assert.rejects(third.mirror.catchUp(signal), code('UNAVAILABLE'));
    await third.close();

    const seeded = await TransparencyLog.open(options({ openStorage: async () => storage }));
    assert.equal(seeded.head.checkpoint, log.head.checkpoint);
    await seeded.submit(foreign(member, 6000));
    await seeded.close();

    // What it has kept is not what it has verified.
    const leaves = { gte: Uint8Array.of(0x62), lt: Uint8Array.of(0x63), limit: 1 };
    for await (const [key, value] of storage.range(leaves)) {
      const flipped = value.slice();
      flipped[100]! ^= 1;
      await storage.write(new WriteBatch().put(key, flipped));
    }
    await assert.rejects(mirrorOf(url, trust, { storage }), code('LOG_CORRUPT'));
  });

  test('follows until it is told to stop, and waits for a log that does not answer', async () => {
    const mirrored = await mirrorOf(url, trust);
    const stop = new AbortController();
    let failing = 3;
    served.lies = {
      checkpoint: () => {
        if (failing-- > 0) throw fail('LOG_CLOSING', 'not now');
        return served.ledger.checkpoint();
      },
    };
    await mirrored.mirror.follow(stop.signal, 'ready');
    assert.ok(mirrored.events.includes('the log cannot be followed now'));
    const following = mirrored.mirror.follow(stop.signal);
    const reached = new Promise<void>((resolve) => {
      mirrored.mirror.log.onPublish(() => mirrored.mirror.log.head.size === log.head.size && resolve());
    });
    await log.submit(foreign(member, 5000));
    await reached;
    stop.abort();
    await following;
    served.lies = {};
    await mirrored.close();
  });
});
