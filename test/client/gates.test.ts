import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { GATES, type GateStep, type RequestOf } from '../../src/chain/index.ts';
import { RELEASE } from '../../src/chain/records/release.ts';
import type { GateDecision, LedgerClient } from '../../src/client/index.ts';
import { decode } from '../../src/core/cbor.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { decodeBundle, encodeBundle, verifyBundle } from '../../src/verify/index.ts';
import { questions, worldFor } from '../chain/gates/questions.ts';
import { edit, type RoomWorld, urnOf } from '../chain/room-world.ts';
import { FakeLedger } from '../service/fake-ledger.ts';
import { SmallLog } from '../verify/small-log.ts';
import { type Served, SURFACES, type Surface, serve } from './served.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);

/** Asks by the method of the step. */
// biome-ignore lint/suspicious/noExplicitAny: one request for each step.
function ask(client: LedgerClient, step: GateStep, request: any): Promise<GateDecision> {
  const methods: { readonly [Step in GateStep]: (r: RequestOf<Step>) => Promise<GateDecision<Step>> } = {
    'dataset.register': (r) => client.checkDataset(r),
    'contract.activate': (r) => client.checkContract(r),
    'cleanroom.deploy': (r) => client.checkCleanroom(r),
    'key.release': (r) => client.checkKeyRelease(r),
    'run.start': (r) => client.checkRunStart(r),
    'budget.spend': (r) => client.checkBudgetSpend(r),
    'model.release': (r) => client.checkModelRelease(r),
    'payment.settle': (r) => client.checkPayment(r),
  };
  return methods[step](request) as Promise<GateDecision>;
}

for (const surface of SURFACES) {
  describe(`gates over ${surface}`, () => {
    let served: Served;
    before(async () => {
      served = await serve(SmallLog.begin(crypto).log);
    });
    after(() => served.close());
    beforeEach(() => {
      served.lies = {};
    });

    async function scene(step: GateStep) {
      const { log } = SmallLog.begin(crypto);
      const r = worldFor(step, log.world);
      log.commit();
      served.ledger = log;
      const client = await clientOf(log, surface);
      return { log, r, client, request: await questionOf(step, r, client, log) };
    }

    function clientOf(log: SmallLog, over: Surface, more: object = {}): Promise<LedgerClient> {
      const trust = log.trust({ freshnessSeconds: 60 });
      return served.client(over, trust, { insecureTrustOperator: true, now: () => log.world.time, ...more });
    }

    /** For a key release, on a nonce that the client has drawn and the log has decided on. */
    async function questionOf(step: GateStep, r: RoomWorld, client: LedgerClient, log: SmallLog) {
      const request = questions(r)[step];
      if (step !== 'key.release') return request;
      const nonce = client.drawNonce();
      edit(r.world, RELEASE, { nonce }, urnOf(r.world, 'release'));
      log.commit();
      return { ...request, nonce };
    }

    for (const { step } of GATES) {
      test(`${step} is decided by the client, and says on whose word`, async () => {
        const { log, client, request } = await scene(step);
        const answer = await ask(client, step, request);
        assert.deepEqual([answer.decision, answer.reason, answer.step], ['allow', null, step]);
        assert.deepEqual([answer.operatorTrusted, answer.witnessed, answer.simulated], [true, false, true]);
        assert.equal(client.marks.logged?.size, log.size);
        // What it leaves for the archive proves itself.
        const question = { step, request: decodeBundle(answer.bundle).request };
        const archived = verifyBundle({
          ...{ crypto, trust: log.trust(), bundle: answer.bundle, question },
          ...{ archive: true, insecureTrustOperator: true },
        });
        assert.ok(archived.verified);
        assert.equal(archived.value.outcome, 'as of');
      });

      test(`${step}: every member of the request arrives as it was sent`, async () => {
        const { client, request } = await scene(step);
        const fake = new FakeLedger();
        let seen: unknown;
        served.lies = {
          gate: async (...asked) => {
            const answer = await fake.gate(...asked);
            seen = decode(answer.bundle);
            return answer;
          },
        };
        await assert.rejects(ask(client, step, request), refused('BUNDLE_MALFORMED'));
        const [name, members, from] = seen as [string, ReadonlyMap<string, unknown>, number | null];
        assert.deepEqual([name, from], [step, null]);
        assert.deepEqual([...members.keys()].sort(), Object.keys(request).sort());
        assert.deepEqual(plain(members), plain(request));
      });
    }

    test('the next answer has to extend the tree of the one before', async () => {
      const { log, client, request } = await scene('contract.activate');
      await ask(client, 'contract.activate', request);
      const fork = log.fork();
      log.commit(log.statement(log.world.member('lab'), 'here'));
      fork.commit(fork.statement(fork.world.member('lab'), 'there'));
      const [own, other] = [log.size, fork.size];
      assert.equal(own, other);
      await ask(client, 'contract.activate', request);
      served.ledger = fork;
      await assert.rejects(ask(client, 'contract.activate', request), refused('FORK'));
      fork.commit();
      await assert.rejects(ask(client, 'contract.activate', request), refused('FORK'));
      served.ledger = log;
      served.lies = { gate: (step, asked) => log.gateAt(step, asked, { size: own - 2 }) };
      await assert.rejects(ask(client, 'contract.activate', request), refused('STALE'));
    });

    test('a contract with every signed acceptance', async () => {
      const { client, request } = await scene('contract.activate');
      // The signatures of this world have no entries: what the answer must bring along, it cannot.
      await assert.rejects(ask(client, 'contract.activate', { ...request, full: true }));
    });

    test('a nonce is good once, for a while, and only where it was drawn', async () => {
      const { log, r, client, request } = await scene('key.release');
      const stranger = await clientOf(log, surface);
      await assert.rejects(ask(stranger, 'key.release', request), refused('NONCE_INVALID'));
      const [one, two] = await Promise.allSettled([
        ask(client, 'key.release', request),
        ask(client, 'key.release', request),
      ]);
      assert.deepEqual([one.status, two.status].sort(), ['fulfilled', 'rejected']);
      await assert.rejects(ask(client, 'key.release', request), refused('NONCE_INVALID'));
      // `check` is no way round.
      const asked = request as RequestOf<'key.release'>;
      await assert.rejects(client.check('key.release', asked), refused('NONCE_INVALID'));

      const again = await questionOf('key.release', r, client, log);
      log.world.advance(61);
      await assert.rejects(ask(client, 'key.release', again), refused('NONCE_INVALID'));
    });

    test('a denial is an answer, and does not use the nonce up', async () => {
      const { client, request } = await scene('key.release');
      const other = { ...request, wrapKid: new Uint8Array(32) };
      const denied = await ask(client, 'key.release', other);
      assert.deepEqual([denied.decision, denied.reason], ['deny', 'WRAPPING_KEY_MISMATCH']);
      assert.equal((await ask(client, 'key.release', request)).decision, 'allow');
    });

    test('whatever else comes back throws', async () => {
      const { log, client, request } = await scene('run.start');
      const lie = (change: (bundle: ReturnType<typeof decodeBundle>) => object): void => {
        served.lies = {
          gate: async (...asked) => {
            const answer = await log.gate(...asked);
            const bundle = decodeBundle(answer.bundle);
            return { ...answer, bundle: encodeBundle({ ...bundle, ...change(bundle) }) };
          },
        };
      };
      lie(({ facts }) => ({ facts: facts.slice(1) }));
      await assert.rejects(ask(client, 'run.start', request), refused('BUNDLE_INCOMPLETE'));
      lie(() => ({ decision: 'deny', reason: 'RUN_NOT_OPEN' }));
      await assert.rejects(ask(client, 'run.start', request), refused('DECISION_MISMATCH'));
      lie(() => ({ step: 'budget.spend' }));
      await assert.rejects(ask(client, 'run.start', request), refused('REQUEST_MISMATCH'));
      lie(({ at }) => ({ at: at + 31_000 }));
      await assert.rejects(ask(client, 'run.start', request), refused('TIP_INVALID'));
      served.lies = {
        gate: async () => ({ ...(await log.gate('run.start', request as never)), bundle: new Uint8Array(0) }),
      };
      await assert.rejects(ask(client, 'run.start', request));
      served.lies = {
        gate: async () => {
          throw fail('RATE_LIMITED', 'not now', { retryAfter: 3600 });
        },
      };
      await assert.rejects(ask(client, 'run.start', request), refused('RATE_LIMITED'));
    });

    test('failures that pass are tried again, until the deadline', async () => {
      const { log, client, request } = await scene('run.start');
      let failures = 2;
      served.lies = {
        gate: async (...asked) => {
          if (failures-- > 0) throw fail('UNAVAILABLE', 'not yet');
          return log.gate(...asked);
        },
      };
      assert.equal((await ask(client, 'run.start', request)).decision, 'allow');
      served.lies = { gate: () => new Promise(() => {}) };
      await assert.rejects(
        client.check('run.start', request as RequestOf<'run.start'>, { deadlineMs: 300 }),
        refused('DEADLINE_EXCEEDED'),
      );
    });

    test('without being told to trust the operator there is no answer', async () => {
      const { log, request } = await scene('run.start');
      const strict = await clientOf(log, surface, { insecureTrustOperator: false });
      await assert.rejects(ask(strict, 'run.start', request), refused('QUORUM_NOT_MET'));
    });

    test('a request that is none is refused before it is sent, and by the server', async () => {
      const { client, request } = await scene('run.start');
      served.calls.clear();
      await assert.rejects(
        client.check('run.start', { ...request, run: 'x' } as RequestOf<'run.start'>),
        refused('ID_MALFORMED'),
      );
      await assert.rejects(
        client.check('run.stop' as 'run.start', request as RequestOf<'run.start'>),
        refused('ARGUMENT_INVALID'),
      );
      assert.equal(served.calls.get('gate'), undefined);
    });

    test('the mark of an answer is on disk before it is given', async () => {
      const { log, request } = await scene('run.start');
      const folder = mkdtempSync(join(tmpdir(), 'aichain-gates-'));
      try {
        const stateFile = join(folder, 'marks.json');
        const client = await clientOf(log, surface, { stateFile });
        await ask(client, 'run.start', request);
        assert.match(readFileSync(stateFile, 'utf8'), new RegExp(`"size":${log.size},`));
        log.commit();
        await ask(client, 'run.start', request);
        const restarted = await clientOf(log, surface, { stateFile });
        served.lies = { gate: (step, asked) => log.gateAt(step, asked, { size: log.size - 1 }) };
        await assert.rejects(ask(restarted, 'run.start', request), refused('STALE'));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });
}

/** Maps and objects alike. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  const members =
    value instanceof Map
      ? [...value]
      : typeof value === 'object' && value
        ? Object.entries(value)
        : undefined;
  return members ? Object.fromEntries(members.map(([name, item]) => [name, plain(item)]).sort()) : value;
}
