import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PARTICIPANT, stateKey } from '../../src/chain/index.ts';
import type { LedgerClient } from '../../src/client/index.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { cosigner, formatVerifierKey, parsePolicy } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { Ledger } from '../../src/service/ledger.ts';
import type { Member } from '../chain/world.ts';
import { SmallLog } from '../verify/small-log.ts';
import { type Served, SURFACES, serve } from './served.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

for (const surface of SURFACES) {
  describe(`a lying server over ${surface}`, () => {
    let log: SmallLog;
    let member: Member;
    let served: Served;
    let client: LedgerClient;
    before(async () => {
      served = await serve(SmallLog.begin(crypto).log);
    });
    beforeEach(async () => {
      ({ log, member } = SmallLog.begin(crypto));
      served.ledger = log;
      served.lies = {};
      client = await served.client(surface, log.trust());
    });
    after(() => served.close());

    const other = () => SmallLog.begin(crypto, 'other.example/log').log;

    /** The same history up to here, and then another one as long as the log's own. */
    function forkOf(from: SmallLog): SmallLog {
      const fork = from.fork();
      for (let i = 0; i < 3; i++) {
        from.commit(from.statement(member, `here ${i}`));
        fork.commit(fork.statement(member, `there ${i}`));
      }
      return fork;
    }

    test('a receipt for another statement: RECEIPT_INVALID', async () => {
      served.lies = {
        register: async () => ({ ...(await log.receipt(log.leaves[2]!.leafData)), existed: false }),
      };
      const statement = log.statement(member, 'x');
      await assert.rejects(client.register(statement), refused('RECEIPT_INVALID'));
      served.lies = {
        registerBatch: (all) => Promise.all(all.map(() => log.receipt(log.leaves[2]!.leafData))),
      };
      const outcomes = await collect(client.registerAll([statement, log.statement(member, 'y')]));
      assert.deepEqual(
        outcomes.map((outcome) => 'error' in outcome && outcome.error.code),
        // A single statement goes another way over HTTP; two are a batch on both.
        ['RECEIPT_INVALID', 'RECEIPT_INVALID'],
      );
      served.lies = { receipt: async () => log.receipt(log.leaves[2]!.leafData) };
      await assert.rejects(client.getReceipt(log.leaves[4]!.leafData), refused('RECEIPT_INVALID'));
    });

    test('receipts of a batch in the wrong order: RECEIPT_INVALID', async () => {
      served.lies = { registerBatch: async (all) => (await log.registerBatch(all)).reverse() };
      const outcomes = await collect(client.registerAll([1, 2].map((n) => log.statement(member, `s ${n}`))));
      assert.ok(outcomes.every((outcome) => 'error' in outcome && outcome.error.code === 'RECEIPT_INVALID'));
    });

    test('fewer results than statements: RESPONSE_MALFORMED', async () => {
      served.lies = { registerBatch: async (all) => (await log.registerBatch(all)).slice(1) };
      const outcomes = await collect(client.registerAll([1, 2].map((n) => log.statement(member, `s ${n}`))));
      for (const outcome of outcomes) {
        assert.ok('error' in outcome);
        // Over HTTP the server itself fills the gap with a failure.
        assert.ok(['RESPONSE_MALFORMED', 'INTERNAL', 'RECEIPT_INVALID'].includes(outcome.error.code));
      }
    });

    test('a forged receipt: RECEIPT_INVALID; bytes that are none: CBOR_MALFORMED', async () => {
      const statement = log.statement(member, 'x');
      const forge = (change: (receipt: Uint8Array) => Uint8Array): Partial<Ledger> => ({
        register: async (bytes) => {
          const registration = await log.register(bytes);
          return { ...registration, receipt: change(registration.receipt.slice()) };
        },
      });
      served.lies = forge((receipt) => receipt.fill(receipt.at(-1)! ^ 1, -1));
      await assert.rejects(client.register(statement), refused('RECEIPT_INVALID'));
      served.lies = forge(() => utf8('receipt'));
      await assert.rejects(client.register(statement), refused('CBOR_MALFORMED'));
    });

    test('the receipt of another log: ORIGIN_MISMATCH', async () => {
      const elsewhere = other();
      served.lies = { register: async () => elsewhere.receipt(elsewhere.leaves[2]!.leafData) };
      await assert.rejects(client.register(log.statement(member, 'x')), refused('ORIGIN_MISMATCH'));
    });

    test('another log’s head: NOTE_UNSIGNED', async () => {
      served.ledger = other();
      await assert.rejects(client.getCheckpoint(), refused('NOTE_UNSIGNED'));
    });

    test('two trees of one size: FORK, for heads, receipts, and what rests on them', async () => {
      const fork = forkOf(log);
      await client.getCheckpoint();
      served.ledger = fork;
      await assert.rejects(client.getCheckpoint(), refused('FORK'));
      await assert.rejects(client.facts([]), refused('FORK'));
      await assert.rejects(client.effect(2), refused('FORK'));
      await assert.rejects(client.entry({ index: 2 }), refused('FORK'));
      await assert.rejects(client.getReceipt(log.leaves[2]!.leafData), refused('FORK'));
      await assert.rejects(collect(client.entries()), refused('FORK'));
      await assert.rejects(collect(client.follow()), refused('FORK'));
      served.ledger = log;
      assert.equal((await client.getCheckpoint()).size, log.size, 'the mark has not moved');
    });

    test('a larger tree of another history: FORK', async () => {
      const fork = forkOf(log);
      await client.getCheckpoint();
      fork.commit(fork.statement(member, 'one more'));
      served.ledger = fork;
      await assert.rejects(client.getCheckpoint(), refused('FORK'));
      const statement = fork.statement(member, 'on the other branch');
      await assert.rejects(client.register(statement), refused('FORK'));
      await assert.rejects(collect(client.registerAll([statement])), refused('FORK'));
    });

    test('a smaller tree of another history: FORK', async () => {
      const fork = forkOf(log);
      await client.getCheckpoint();
      // The log’s own proofs are for its own branch: none fits the other.
      served.lies = { checkpoint: () => fork.headAt(fork.size - 2) };
      await assert.rejects(client.getCheckpoint(), refused('FORK'));
    });

    test('an old tree: STALE, unless the log proves that it is of the same history', async () => {
      const old = log.fork();
      const { size } = old;
      for (let i = 0; i < 3; i++) log.commit(log.statement(member, `new ${i}`));
      await client.getCheckpoint();
      served.ledger = old;
      await assert.rejects(client.getCheckpoint(), refused('STALE'));
      await assert.rejects(client.facts([]), refused('STALE'));
      served.ledger = log;
      served.lies = { checkpoint: () => old.head() };
      assert.equal((await client.getCheckpoint()).size, size);
      assert.equal(client.marks.logged?.size, log.size);
    });

    test('an old state, even if it was true: STALE', async () => {
      const old = await log.facts([stateKey('sys', 'genesis')]);
      log.commit(log.statement(member, 'new'));
      await client.getCheckpoint();
      served.lies = { facts: async () => old };
      await assert.rejects(client.facts([]), refused('STALE'));
    });

    test('an old receipt is as good as a new one', async () => {
      const early = log.receiptFor(2);
      for (let i = 0; i < 3; i++) log.commit(log.statement(member, `new ${i}`));
      await client.getCheckpoint();
      served.lies = { receipt: async (entryId) => ({ index: 2, entryId, receipt: early, existed: true }) };
      const { index, head } = await client.getReceipt(log.leaves[2]!.leafData);
      assert.ok(index === 2 && head.size < log.size);
    });

    test('a consistency proof that proves nothing: FORK; none at all: STALE', async () => {
      await client.getCheckpoint();
      log.commit(log.statement(member, 'new'));
      served.lies = {
        consistency: async (from, to) => ({
          ...(await log.consistency(from, to)),
          path: [new Uint8Array(32)],
        }),
      };
      await assert.rejects(client.getCheckpoint(), refused('FORK'));
      served.lies = {
        consistency: async () => {
          throw fail('SIZE_NOT_AVAILABLE', 'no such size');
        },
      };
      await assert.rejects(client.getCheckpoint(), refused('STALE'));
    });

    test('wrong facts: FACT_INVALID and TIP_INVALID', async () => {
      const key = PARTICIPANT.key(member.did);
      const lies = log.fork();
      lies.world.put(PARTICIPANT.remove(member.did));
      lies.commit(lies.statement(member, 'removed'));
      log.commit(log.statement(member, 'honest'));
      const change = async (keys: readonly Uint8Array[]) => ({
        truth: await log.facts(keys),
        lie: await lies.facts(keys),
      });
      served.lies = {
        facts: async (keys) => ({ ...(await change(keys)).truth, facts: (await change(keys)).lie.facts }),
      };
      await assert.rejects(client.facts([key]), refused('FACT_INVALID'));
      served.lies = {
        facts: async (keys) => ({ ...(await change(keys)).truth, tip: (await change(keys)).lie.tip }),
      };
      await assert.rejects(client.facts([key]), refused('TIP_INVALID'));
      served.lies = { facts: async (keys) => log.facts([...keys].reverse()) };
      await assert.rejects(client.facts([key]), refused('FACT_INVALID'));
      served.lies = {
        facts: async (keys) => {
          const facts = await log.facts(keys);
          return { ...facts, facts: facts.facts.slice(0, -1) };
        },
      };
      await assert.rejects(client.facts([key]), refused('FACT_INVALID'));
    });

    test('wrong entries: PREIMAGE_MISMATCH and INCLUSION_INVALID', async () => {
      const forged = log.statement(member, 'forged');
      const leafData = crypto.sha256(forged);
      for (const [entry, code] of [
        [{ index: 2, leafData: log.leaves[2]!.leafData, statement: forged }, 'PREIMAGE_MISMATCH'],
        [{ index: 2, leafData: log.leaves[2]!.leafData, statement: null }, 'PREIMAGE_MISMATCH'],
        [{ index: 2, leafData, statement: forged }, 'INCLUSION_INVALID'],
        [
          { index: 4, leafData: log.leaves[4]!.leafData, statement: log.leaves[4]!.statement },
          'PREIMAGE_MISMATCH',
        ],
      ] as const) {
        served.lies = {
          entry: async () => entry,
          entries: async (start, count) => {
            const page = await log.entries(start, count);
            return page.map((honest) => (honest.index === 2 ? entry : honest));
          },
        };
        await assert.rejects(client.entry({ index: 2 }), refused(code));
        await assert.rejects(
          collect(client.entries()),
          refused(entry.index === 4 ? 'INCLUSION_INVALID' : code),
        );
      }
      const leafHash = new Uint8Array(32);
      served.lies = { inclusion: async (of, size) => ({ ...(await log.inclusion(of, size)), leafHash }) };
      await assert.rejects(client.inclusion({ index: 2 }), refused('INCLUSION_INVALID'));
      served.lies = { inclusion: async (_of, size) => log.inclusion({ index: 4 }, size) };
      await assert.rejects(client.inclusion({ index: 2 }), refused('INCLUSION_INVALID'));
      await assert.rejects(
        client.inclusion({ entryId: log.leaves[2]!.leafData }),
        refused('INCLUSION_INVALID'),
      );
    });

    test('entries withheld: RESPONSE_MALFORMED', async () => {
      served.lies = { entries: async () => [] };
      await assert.rejects(collect(client.entries()), refused('RESPONSE_MALFORMED'));
    });

    test('the effect of another entry: INCLUSION_INVALID', async () => {
      served.lies = { effect: () => log.effect(4) };
      await assert.rejects(client.effect(2), refused('INCLUSION_INVALID'));
    });

    test('a head below the witnessed mark: STALE, even of the same history', async () => {
      const witness = cosigner(crypto, 'witness.example', log.world.key('witness'));
      const policy = parsePolicy(`witness w ${formatVerifierKey(witness.verifierKey)}\nquorum w\n`);
      const watched = await served.client(surface, log.trust({ policy }));
      await assert.rejects(watched.facts([]), refused('QUORUM_NOT_MET'));
      log.cosigners = [{ cosigner: witness, at: () => Math.floor(Date.now() / 1000) }];
      const before = log.head();
      log.commit(log.statement(member, 'witnessed'));
      assert.equal((await watched.getCheckpoint()).witnessed, true);
      assert.equal(watched.marks.witnessed?.size, log.size);
      await watched.facts([]);
      served.lies = { checkpoint: () => before };
      await assert.rejects(watched.getCheckpoint(), refused('STALE'));
      // Above the witnessed mark, a head that nobody has cosigned is a head all the same.
      served.lies = {};
      log.cosigners = [];
      log.commit(log.statement(member, 'not yet witnessed'));
      assert.equal((await watched.getCheckpoint()).witnessed, false);
      assert.ok(watched.marks.witnessed!.size < watched.marks.logged!.size);
      await assert.rejects(watched.facts([]), refused('QUORUM_NOT_MET'));
    });
  });
}
