/** A real log among real witnesses, as a client sees it that trusts only their quorum. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PARTICIPANT, type RequestOf } from '../../src/chain/index.ts';
import type { RegistrationOutcome } from '../../src/client/index.ts';
import { equal, toBase64url } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { Cosigning, type TransparencyLog } from '../../src/log/index.ts';
import { formatVerifierKey, openCosigned, type TrustPolicy } from '../../src/note/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { type Trust, verifyRegistration } from '../../src/verify/index.ts';
import { connectionsOf, eventually, policyOf, TestWitness } from '../log/witnesses.ts';
import { crypto, foreign, joined, KEYS, type Member, newMember, ORIGIN, startedLog } from '../log/world.ts';
import { type Served, SURFACES, serve } from './served.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);

let log: TransparencyLog;
let member: Member;
let witnesses: TestWitness[];
let policy: TrustPolicy;
let cosigning: Cosigning;
let served: Served;
/** The same log, by a server that soon loses patience. */
let hasty: Served;
let trust: Trust;
let unwitnessed: Trust;
let next = 0;
const statement = () => foreign(member, next++);

before(async () => {
  log = await startedLog();
  member = await joined(log);
  witnesses = await Promise.all(['a', 'b', 'c'].map((name) => TestWitness.make(name)));
  policy = policyOf(witnesses, '2');
  cosigning = await Cosigning.start(log, {
    ...{ crypto, policy, connections: connectionsOf(witnesses), renewal: 60_000, interval: 30 },
  });
  const ledger = new LedgerService(crypto, log, { cosigning });
  served = await serve(ledger);
  hasty = await serve(ledger, { limits: { deadline: 800 } });
  unwitnessed = {
    origin: ORIGIN,
    genesis: ledger.genesis,
    checkpointKey: KEYS.checkpoint.verifierKey,
    receiptKey: KEYS.receipt.key.publicKey,
    service: KEYS.receipt.service,
    rules: [ledger.rules],
    freshnessSeconds: 60,
  };
  const policyText = [
    ...witnesses.map(({ name, key }) => `witness ${name} ${formatVerifierKey(key)}`),
    'group q 2 a b c\nquorum q\n',
  ].join('\n');
  trust = { ...unwitnessed, policy, policyText };
});
after(async () => {
  await served.close();
  await hasty.close();
  await cosigning.close();
  await log.close();
});
const silence = (silent: boolean) => {
  for (const witness of witnesses) {
    if (silent) witness.hold();
    else witness.release();
  }
};
beforeEach(() => eventually(() => cosigning.status.size === log.head.size, 30_000));

for (const surface of SURFACES) {
  describe(`a witnessed log over ${surface}`, () => {
    test('a registration that waits comes with the head that was witnessed, and a receipt over its tree', async () => {
      const client = await served.client(surface, trust);
      const one = statement();
      const { index, receipt, head, witnessed } = await client.register(one, { wait: 'WITNESSED' });
      assert.ok(witnessed?.witnessed && witnessed.size > index);
      assert.ok(equal(witnessed.root, head.root));
      assert.equal(client.marks.witnessed?.size, witnessed.size);
      // Offline, by the policy alone.
      const { checkpoint } = witnessed;
      const offline = verifyRegistration({ crypto, trust, statement: one, receipt, checkpoint });
      assert.ok(offline.verified, JSON.stringify(offline.steps));
      // Again: at once, with the same place.
      const again = await client.register(one, { wait: 'WITNESSED' });
      assert.equal(again.index, index);
      assert.ok(again.witnessed);
    });

    test('so do many', async () => {
      const client = await served.client(surface, trust);
      const statements = Array.from({ length: 60 }, statement);
      const outcomes: RegistrationOutcome[] = [];
      for await (const outcome of client.registerAll(statements, { batch: 20, wait: 'WITNESSED' })) {
        outcomes.push(outcome);
      }
      assert.equal(outcomes.length, 60);
      for (const outcome of outcomes) {
        assert.ok('registration' in outcome, JSON.stringify(outcome));
        assert.ok(outcome.registration.witnessed!.size > outcome.registration.index);
      }
    });

    test('one that does not wait has no witnessed head', async () => {
      const client = await served.client(surface, trust);
      assert.equal((await client.register(statement())).witnessed, undefined);
      assert.equal((await client.register(statement(), { wait: 'LOGGED' })).witnessed, undefined);
    });

    test('facts, checkpoint and proofs are those of the witnessed head', async () => {
      const client = await served.client(surface, trust);
      await client.register(statement(), { wait: 'WITNESSED' });
      const { head, values } = await client.facts([PARTICIPANT.key(member.did)]);
      assert.equal(head.witnessed, true);
      assert.ok(values[0]);
      const shown = await client.getCheckpoint();
      assert.equal(shown.witnessed, true);
      assert.equal((await client.inclusion({ index: 2 })).head.witnessed, true);
      assert.equal((await client.entry({ index: 2 })).head.witnessed, true);
      assert.equal((await client.effect(2)).outcome, 'ok');
      let count = 0;
      for await (const { head } of client.entries()) {
        assert.equal(head.witnessed, true);
        count++;
      }
      assert.equal(count, shown.size);
    });

    test('a gate answers for whoever asks for a witness and a replayer, and trusts no operator', async () => {
      // Here c only stands for a replayer: that it has computed the state is the policy's word.
      const own = policyOf([witnesses[0]!, witnesses[2]!], 'all');
      const client = await served.client(surface, { ...trust, policy: own, replayers: ['c'] });
      await eventually(
        () =>
          openCosigned(crypto, cosigning.head!.checkpoint, own, [KEYS.checkpoint.verifierKey]).cosignatures
            .length === 2,
      );
      const digest = crypto.sha256(new Uint8Array());
      const request = {
        ...{ dataset: `urn:depa:dataset:${ORIGIN}:00000000-0000-4000-8000-000000000000`, version: 1 },
        ...{ provider: member.did, ciphertext: digest, kms: member.did, dataKeyId: 'key-1' },
      } as RequestOf<'dataset.register'>;
      const decision = await client.checkDataset(request);
      assert.deepEqual(
        [decision.decision, decision.reason, decision.witnessed, decision.operatorTrusted],
        ['deny', 'DATASET_NOT_FOUND', true, false],
      );
      // Without a replayer in every quorum, nobody but the operator vouches for the state.
      const watched = await served.client(surface, trust);
      await assert.rejects(watched.checkDataset(request), refused('QUORUM_NOT_MET'));
    });

    test('silent witnesses: statements are logged, the answers stay at the last witnessed head', async () => {
      const client = await served.client(surface, trust, { retries: 0 });
      const { size } = await client.getCheckpoint();
      silence(true);
      const late = statement();
      const started = performance.now();
      const brief = { wait: 'WITNESSED', deadlineMs: 1000 } as const;
      await assert.rejects(client.register(late, brief), refused('DEADLINE_EXCEEDED'));
      assert.ok(performance.now() - started > 800);
      // It stays logged: registering it again gives its receipt at once.
      const { index, head } = await client.register(late);
      assert.ok(index >= size && head.size > size);
      assert.equal((await client.getCheckpoint()).size, size);
      assert.equal((await client.facts([])).head.size, size);
      assert.equal((await client.inclusion({ index: 2 })).head.size, size);
      // What is told is of the same tree and state as what is proven.
      const newcomer = newMember();
      await client.register(newcomer.register);
      assert.equal((await client.provenance.timeline({ id: newcomer.did })).events.length, 0);
      // What is not witnessed yet is proven under the newest head, which says so.
      const { head: newest } = await client.inclusion({ index });
      assert.equal(newest.witnessed, false);
      assert.ok(newest.size > index);
      for await (const batched of client.registerAll([statement()], brief)) {
        assert.ok('error' in batched);
        assert.equal(batched.error.code, 'DEADLINE_EXCEEDED');
      }
      silence(false);
      await eventually(() => cosigning.status.size === log.head.size, 30_000);
      assert.ok((await client.register(late, { wait: 'WITNESSED' })).witnessed);
      assert.equal((await client.provenance.timeline({ id: newcomer.did })).events.length, 1);
    });

    test('whoever names no witnesses cannot wait for them', async () => {
      const client = await served.client(surface, unwitnessed);
      await assert.rejects(client.register(statement(), { wait: 'WITNESSED' }), refused('ARGUMENT_INVALID'));
    });

    test('a policy of one’s own that asks for more than the log’s is not met', async () => {
      const stranger = await TestWitness.make('stranger');
      const own = policyOf([...witnesses, stranger], 'all');
      const client = await served.client(surface, { ...trust, policy: own });
      await assert.rejects(client.register(statement(), { wait: 'WITNESSED' }), refused('QUORUM_NOT_MET'));
    });

    test('a server that answers with another head, or with none', async () => {
      const client = await served.client(surface, trust);
      const { ledger } = served;
      const old = ledger.checkpoint();
      await client.register(statement(), { wait: 'WITNESSED' });
      served.lies = {
        register: async (...args) => ({ ...(await ledger.register(...args)), witnessed: old }),
      };
      await assert.rejects(client.register(statement(), { wait: 'WITNESSED' }), refused('RECEIPT_INVALID'));
      served.lies = { register: (bytes, caller) => ledger.register(bytes, caller) };
      await assert.rejects(
        client.register(statement(), { wait: 'WITNESSED' }),
        refused('RESPONSE_MALFORMED'),
      );
      // A head that nobody has cosigned, with a receipt that fits.
      served.lies = {
        register: async (bytes, caller) => {
          const registration = await ledger.register(bytes, caller);
          return { ...registration, witnessed: ledger.head() };
        },
      };
      silence(true);
      await assert.rejects(client.register(statement(), { wait: 'WITNESSED' }), refused('QUORUM_NOT_MET'));
      silence(false);
      served.lies = {};
    });
  });
}

describe('HTTP', () => {
  const url = (by = served) => `http://127.0.0.1:${by.ports.http}`;
  const post = (path: string, body: Uint8Array, by = served) =>
    fetch(`${url(by)}${path}`, {
      method: 'POST',
      body: Buffer.from(body),
      headers: { 'content-type': 'application/cose' },
    });

  test('/checkpoint is the cosigned note', async () => {
    const note = await (await fetch(`${url()}/checkpoint`)).text();
    assert.ok(openCosigned(crypto, note, policy, [KEYS.checkpoint.verifierKey]).cosignatures.length >= 2);
  });

  test('/v1/log says how the witnesses are', async () => {
    const { status } = (await (await fetch(`${url()}/v1/log`)).json()) as { status: Record<string, unknown> };
    const {
      size,
      freshness,
      witnesses: of,
    } = status.witnessing as {
      size: number;
      freshness: number;
      witnesses: { name: string; healthy: boolean }[];
    };
    assert.equal(size, log.head.size);
    assert.ok(Math.abs(freshness - Date.now() / 1000) < 60);
    assert.deepEqual(
      of.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
  });

  test('202 and Location when it is not witnessed in time; then 201 as soon as it is', async () => {
    silence(true);
    for (const [path, location] of [
      ['/entries', '/entries/'],
      ['/v1/statements', '/v1/entries/'],
    ] as const) {
      const late = statement();
      const answer = await post(`${path}?wait=WITNESSED`, late, hasty);
      assert.equal(answer.status, 202);
      assert.equal(answer.headers.get('location'), `${location}${toBase64url(crypto.sha256(late))}`);
      assert.equal(answer.headers.get('retry-after'), '1');
      const text = await answer.text();
      if (path === '/entries') assert.equal(text, '');
      else assert.equal(JSON.parse(text).code, 'DEADLINE_EXCEEDED');
      // Without waiting: it was there.
      assert.equal((await post(path, late)).status, path === '/entries' ? 201 : 200);
    }
    silence(false);
    await eventually(() => cosigning.status.size === log.head.size, 30_000);
    const answer = await post('/v1/statements?wait=WITNESSED', statement());
    assert.equal(answer.status, 201);
    const { head } = (await answer.json()) as { head: { checkpoint: string } };
    openCosigned(crypto, head.checkpoint, policy, [KEYS.checkpoint.verifierKey]);
    assert.equal((await post('/entries?wait=WITNESSED', statement())).status, 201);
  });

  test('another wait is refused', async () => {
    for (const path of [
      '/entries?wait=FOREVER',
      '/v1/statements?wait=witnessed',
      '/entries?wait=LOGGED&wait=WITNESSED',
    ]) {
      assert.equal((await post(path, statement())).status, 400, path);
    }
  });
});

test('a log without witnesses cannot be waited for', async () => {
  const plain = await startedLog();
  const alone = await serve(new LedgerService(crypto, plain));
  for (const surface of SURFACES) {
    const client = await alone.client(surface, { ...trust, genesis: served.ledger.genesis });
    await assert.rejects(client.register(statement(), { wait: 'WITNESSED' }), refused('ARGUMENT_INVALID'));
  }
  await alone.close();
  await plain.close();
});

test('before the first quorum nothing is answered that rests on one', async () => {
  const fresh = await startedLog();
  const silent = await TestWitness.make('silent');
  silent.hangs = true;
  const waiting = await Cosigning.start(fresh, {
    ...{ crypto, policy: policyOf([silent], 'all'), connections: connectionsOf([silent]), renewal: 60_000 },
  });
  const alone = await serve(new LedgerService(crypto, fresh, { cosigning: waiting }));
  for (const surface of SURFACES) {
    const client = await alone.client(surface, unwitnessed, { retries: 0 });
    await assert.rejects(client.getCheckpoint(), refused('NOT_WITNESSED'));
    await assert.rejects(client.facts([]), refused('NOT_WITNESSED'));
    assert.equal((await client.inclusion({ index: 0 })).head.size, 2);
  }
  const status = await fetch(`http://127.0.0.1:${alone.ports.http}/checkpoint`);
  assert.equal(status.status, 503);
  assert.equal(status.headers.get('aichain-code'), 'NOT_WITNESSED');
  await alone.close();
  await waiting.close();
  await fresh.close();
});
