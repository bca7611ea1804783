/** What the client does with a log that tells the truth; run once for each surface. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KEY, PARTICIPANT, stateKey } from '../../src/chain/index.ts';
import type { LedgerClient, RegistrationOutcome } from '../../src/client/index.ts';
import { type Bytes, equal, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { decodeSign1, encodeSign1 } from '../../src/cose/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { verifyRegistration } from '../../src/verify/index.ts';
import type { Member } from '../chain/world.ts';
import { TestAuthority } from '../service/test-certificates.ts';
import { SmallLog } from '../verify/small-log.ts';
import { type Served, type Surface, serve } from './served.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Every operation of the client against an honest log, over one surface. */
export function honestLog(surface: Surface): void {
  describe(`an honest log over ${surface}`, () => {
    let log: SmallLog;
    let member: Member;
    let served: Served;
    let client: LedgerClient;
    before(async () => {
      ({ log, member } = SmallLog.begin(crypto));
      served = await serve(log);
      client = await served.client(surface, log.trust());
    });
    after(() => served.close());

    test('registers, and again with the same place', async () => {
      const statement = log.statement(member, 'one');
      const { index, entryId, receipt, head } = await client.register(statement);
      assert.ok(equal(entryId, crypto.sha256(statement)));
      assert.ok(head.size > index);
      assert.ok(verifyRegistration({ crypto: nobleCrypto, trust: log.trust(), statement, receipt }).verified);
      const again = await client.register(statement);
      assert.equal(again.index, index);
      assert.equal((await client.getReceipt(entryId)).index, index);
      assert.equal(client.marks.logged?.size, log.size);
    });

    test('sends what is signed, and drops what is not', async () => {
      const statement = log.statement(member, 'with an unprotected header');
      const decorated = encodeSign1({ ...decodeSign1(statement), unprotected: new Map([[99, 'note']]) });
      const { entryId } = await client.register(decorated);
      assert.ok(equal(entryId, crypto.sha256(statement)));
    });

    test('gives the log’s refusals by their codes', async () => {
      const stranger = log.world.member('stranger');
      await assert.rejects(client.register(log.statement(stranger, 'x')), refused('KID_UNKNOWN'));
      await assert.rejects(client.register(utf8('x')), refused('CBOR_MALFORMED'));
      await assert.rejects(client.getReceipt(new Uint8Array(32)), refused('NOT_FOUND'));
      await assert.rejects(client.entry({ index: 10_000 }), refused('NOT_FOUND'));
      await assert.rejects(client.effect(1), refused('ARGUMENT_INVALID'));
    });

    test('registers many: in order, each verified, refusals beside the rest', async () => {
      const statements: Bytes[] = Array.from({ length: 40 }, (_, i) => log.statement(member, `many ${i}`));
      statements[7] = utf8('junk');
      statements[20] = log.statement(log.world.member('stranger'), 'x');
      const outcomes = await collect(client.registerAll(statements, { batch: 9, window: 2 }));
      assert.deepEqual(
        outcomes.map(({ position }) => position),
        statements.map((_, i) => i),
      );
      const failed = outcomes.flatMap((outcome) =>
        'error' in outcome ? [[outcome.position, outcome.error.code]] : [],
      );
      assert.deepEqual(failed, [
        [7, 'CBOR_MALFORMED'],
        [20, 'KID_UNKNOWN'],
      ]);
      const places = outcomes.flatMap((outcome) =>
        'registration' in outcome ? [outcome.registration.index] : [],
      );
      assert.equal(new Set(places).size, 38);
    });

    test('gives an outcome before its source has the next statement', async () => {
      const given: RegistrationOutcome[] = [];
      let wake = () => {};
      async function* source() {
        for (let i = 0; i < 5; i++) {
          yield log.statement(member, `paced ${i}`);
          while (given.length <= i) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      }
      for await (const outcome of client.registerAll(source())) {
        given.push(outcome);
        wake();
      }
      assert.equal(given.length, 5);
    });

    test('stops reading its source when nobody reads the outcomes', async () => {
      let read = 0;
      let closed = false;
      function* source() {
        try {
          for (;;) yield log.statement(member, `endless ${read++}`);
        } finally {
          closed = true;
        }
      }
      for await (const outcome of client.registerAll(source(), { batch: 4, window: 2 })) {
        assert.ok('registration' in outcome);
        if (outcome.position === 5) break;
      }
      assert.ok(read <= 5 * 4, `${read} read for 6 taken`);
      assert.equal(closed, true);
    });

    test('reads the head, and shows that it extends an older one', async () => {
      const older = log.headAt(2);
      const head = await client.getCheckpoint();
      assert.equal(head.size, log.size);
      assert.equal(head.checkpoint, log.head().checkpoint);
      assert.equal(head.witnessed, false);
      assert.equal((await client.consistency(older)).size, log.size);
      const other = { size: 2, root: new Uint8Array(32) };
      await assert.rejects(client.consistency(other), refused('CONSISTENCY_INVALID'));
    });

    test('reads entries and proofs', async () => {
      const statement = log.leaves[2]!.statement!;
      const entryId = crypto.sha256(statement);
      for (const of of [{ index: 2 }, { entryId }]) {
        assert.deepEqual((await client.entry(of)).statement, statement);
        assert.equal((await client.inclusion(of)).index, 2);
      }
      assert.equal((await client.entry({ index: 1 })).statement, null);
    });

    test('reads runs of entries, from anywhere', async () => {
      const { size } = log;
      for (const [start, count] of [
        [0, undefined],
        [0, 1],
        [5, 1],
        [5, 20],
        [size - 1, undefined],
        [size, undefined],
        [3, 0],
      ] as const) {
        const entries = await collect(client.entries(start, count));
        const end = Math.min(size, start + (count ?? size));
        assert.deepEqual(
          entries.map(({ index }) => index),
          Array.from({ length: end - start }, (_, i) => start + i),
        );
        for (const { index, leafData } of entries) assert.ok(equal(leafData, log.leaves[index]!.leafData));
      }
    });

    test('proves facts and effects', async () => {
      const kid = log.world.kid(member.keys[0]);
      const keys = [PARTICIPANT.key(member.did), KEY.key(kid), stateKey('participant', 'did:web:no.one')];
      const { values, tip, head } = await client.facts(keys);
      assert.equal(PARTICIPANT.decode(values[0]!).state, 'VERIFIED');
      assert.equal(KEY.decode(values[1]!).owner, member.did);
      assert.equal(values[2], null);
      assert.equal(tip.index, head.size - 1);
      assert.deepEqual((await client.facts([])).values, []);
      const { outcome, stateIndex } = await client.effect(2);
      assert.deepEqual([outcome, stateIndex], ['ok', 3]);
    });

    test('follows the log: each head larger than the one before', async () => {
      const stop = new AbortController();
      const sizes: number[] = [];
      for await (const { size } of client.follow({ signal: stop.signal })) {
        sizes.push(size);
        if (sizes.length === 2) stop.abort();
        else log.commit(log.statement(member, `followed ${size}`));
      }
      assert.ok(sizes.length === 2 && sizes[0]! < sizes[1]!);
    });

    test('tries again what passes, as often as it may', async () => {
      const statement = log.statement(member, 'after some trouble');
      let troubles = 1;
      served.lies = {
        register: async (bytes) => {
          if (troubles-- > 0) throw fail('LOG_RECOVERING', 'a moment', { retryAfter: 0 });
          return log.register(bytes);
        },
      };
      // The server rounds a delay up to a whole second.
      const hasty = await served.client(surface, log.trust(), { retries: 0 });
      await assert.rejects(hasty.register(statement), refused('LOG_RECOVERING'));
      troubles = 1;
      const patient = await served.client(surface, log.trust(), { retries: 1 });
      assert.ok((await patient.register(statement)).index > 0);
      troubles = 1;
      const [outcome] = await collect(patient.registerAll([log.statement(member, 'in a batch')]));
      assert.ok(outcome && 'registration' in outcome);
      served.lies = {};
    });

    test('waits no longer than it may', async () => {
      served.lies = { register: () => new Promise(() => {}), head: () => log.head() };
      const statement = log.statement(member, 'late');
      const started = performance.now();
      await assert.rejects(client.register(statement, { deadlineMs: 150 }), refused('DEADLINE_EXCEEDED'));
      const stop = AbortSignal.timeout(150);
      await assert.rejects(client.register(statement, { signal: stop }), { name: 'TimeoutError' });
      served.lies = { ...served.lies, registerBatch: () => new Promise(() => {}) };
      const [outcome] = await collect(client.registerAll([statement], { deadlineMs: 150 }));
      assert.ok(outcome && 'error' in outcome);
      assert.equal(outcome.error.code, 'DEADLINE_EXCEEDED');
      assert.ok(performance.now() - started < 20_000);
      served.lies = {};
    });
  });

  describe(`TLS over ${surface}`, () => {
    test('verifies the server, and shows a certificate', async () => {
      const { log, member } = SmallLog.begin(crypto);
      const authority = new TestAuthority();
      const served = await serve(log, { tls: { ...authority.issue('server'), clientCa: authority.cert } });
      try {
        const mine = await served.client(surface, log.trust(), {
          tls: { ca: authority.cert, ...authority.issue('kms') },
        });
        assert.ok((await mine.register(log.statement(member, 'over tls'))).index > 0);
        const nobody = await served.client(surface, log.trust(), { tls: { ca: authority.cert }, retries: 0 });
        await assert.rejects(nobody.getCheckpoint(), (error) => isLedgerError(error));
        const elsewhere = await served.client(surface, log.trust(), {
          tls: { ca: new TestAuthority().cert },
          retries: 0,
        });
        await assert.rejects(elsewhere.getCheckpoint(), refused('UNAVAILABLE'));
      } finally {
        await served.close();
      }
    });

    test('an address where nobody listens is UNAVAILABLE', async () => {
      const { log } = SmallLog.begin(crypto);
      const served = await serve(log);
      const client = await served.client(surface, log.trust(), { retries: 1, deadlineMs: 20_000 });
      await served.close();
      const gone = await served.client(surface, log.trust(), { retries: 1, deadlineMs: 20_000 });
      await assert.rejects(gone.getCheckpoint(), refused('UNAVAILABLE'));
      gone.close();
      client.close();
    });
  });
}
