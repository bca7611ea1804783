/**
 * The gates of a real log, asked before every step of the COVID-19 run, under a trust file that asks for a witness and a
 * replayer; the KMS of the guide hands its keys over.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Ref } from '../../src/chain/statement.ts';
import { type GateDecision, LedgerClient } from '../../src/client/index.ts';
import { toBase64url, toHex } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder, type RunningServer } from '../../src/server/index.ts';
import { decodeBundle, encodeBundle, verifyBundle } from '../../src/verify/index.ts';
import { PROVIDERS, type Step, Story, type Told } from '../chain/story.ts';
import { World } from '../chain/world.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';
import { type Kms, startKms } from '../guides/kms-process.ts';
import { serveWitnessed, type WitnessedServer } from './witnessed-server.ts';

const DELTA = 10_000_000_000;

describe('the gates of the COVID-19 run', { skip: REAL === undefined && 'no ../shared' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-gates-'));
  let witnessed: WitnessedServer;
  let server: RunningServer;
  let clients: LedgerClient[];
  let story: Story;
  let kms: Kms | undefined;
  const entries = new Map<string, Ref>();
  const told: Told = { ref: (step, rel = 'after') => ({ ...entries.get(step)!, rel }) };

  before(async () => {
    witnessed = await serveWitnessed(folder);
    ({ server } = witnessed);
    const { trust } = witnessed;
    clients = [
      await LedgerClient.connect({ grpc: server.grpc, trust }),
      await LedgerClient.connect({ http: server.http, trust }),
    ];
    const world = World.empty(nodeCrypto, server.ledger.origin);
    world.time = Date.now();
    const sro = {
      did: DEVELOPMENT_SRO,
      keys: [developmentSro(nodeCrypto, keyFolder(join(folder, 'log')))] as const,
    };
    const training = { epsilons: publishedEpsilons('covid'), delta: DELTA };
    story = Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
  });
  after(async () => {
    await kms?.stop();
    for (const client of clients ?? []) client.close();
    await witnessed?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Logs them, and waits until witness and replayer have seen the last: gates answer from there. */
  async function log(...steps: readonly Step[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      story.world.time = Date.now();
      const wait = i === steps.length - 1 ? 'WITNESSED' : 'LOGGED';
      const { index, entryId } = await clients[0]!.register(step.statement(told), { wait });
      entries.set(step.name, { rel: 'after', index, entry: entryId });
    }
  }

  /** Over both surfaces: the reason, or that it is allowed. */
  async function answer(
    ask: (client: LedgerClient) => Promise<GateDecision>,
  ): Promise<{ said: string; bundle: Uint8Array }> {
    const [grpc, http] = await Promise.all(clients.map(ask));
    assert.deepEqual([grpc!.decision, grpc!.reason], [http!.decision, http!.reason]);
    return { said: grpc!.reason ?? grpc!.decision, bundle: grpc!.bundle };
  }

  const activate = (full = false) =>
    answer((client) =>
      client.checkContract({ contract: story.contract.id, text: story.contract.text, ...(full && { full }) }),
    );

  test('datasets', async () => {
    const contract = story.contract;
    const dataset = story.imported('dataset.register');
    const ask = () =>
      answer((client) =>
        client.checkDataset({
          ...{ dataset: dataset.id, version: 1, provider: dataset.provider, ciphertext: dataset.ciphertext },
          ...{ kms: dataset.kms.did, dataKeyId: contract.datasets[0].dataKeyId },
        }),
      );
    await log(...story.governance());
    assert.equal((await ask()).said, 'DATASET_NOT_FOUND');
    await log(...story.participants(), ...story.delegations(), ...story.datasets(), story.baseModel());
    assert.equal((await ask()).said, 'allow');
  });

  test('the contract: with every signed acceptance', async () => {
    const [proposal, ...signatures] = story.signedContract();
    assert.equal((await activate()).said, 'CONTRACT_NOT_FOUND');
    await log(proposal!, ...signatures.slice(0, -1));
    assert.equal((await activate()).said, 'CONTRACT_NOT_FULLY_SIGNED');
    await log(signatures.at(-1)!);
    const { said, bundle } = await activate(true);
    assert.equal(said, 'allow');
    const signed = decodeBundle(bundle).entries;
    assert.deepEqual(
      signed.map(({ index }) => index),
      signatures.map(({ name }) => entries.get(name)!.index),
    );
    // One acceptance left out, or put in the place of another.
    const whole = decodeBundle(bundle);
    const question = { step: whole.step, request: whole.request };
    const evidence = { crypto: nodeCrypto, trust: clients[0]!.trust, question };
    const code = (changed: typeof signed) => {
      const bytes = encodeBundle({ ...whole, entries: changed });
      const result = verifyBundle({ ...evidence, bundle: bytes, now: Date.now() });
      return result.verified ? result.value.outcome : result.error.code;
    };
    assert.equal(code(signed), 'allow');
    assert.equal(code(signed.slice(1)), 'BUNDLE_INCOMPLETE');
    assert.equal(code([...signed, signed[0]!]), 'BUNDLE_MALFORMED');
    const [one, two, ...rest] = signed;
    assert.equal(code([two!, one!, ...rest]), 'BUNDLE_MALFORMED');
    assert.equal(code([{ ...one!, statement: two!.statement }, two!, ...rest]), 'INCLUSION_INVALID');
    assert.equal(code([{ ...one!, effect: two!.effect }, two!, ...rest]), 'INCLUSION_INVALID');
  });

  test('the clean room', async () => {
    const { id, pipeline, code } = story.imported('cleanroom.deploy');
    const request = { cleanroom: id, deployer: story.member('ccrp').did, code, pipeline };
    const ask = () => answer((client) => client.checkCleanroom(request));
    assert.equal((await ask()).said, 'CLEANROOM_NOT_FOUND');
    await log(...story.attested());
    assert.equal((await ask()).said, 'allow');
  });

  test('the keys: the KMS of the guide hands them over together', async () => {
    const keyed = story.keyed();
    const named = (prefix: string) => keyed.filter(({ name }) => name.startsWith(prefix));
    await log(...named('payment.hold'), ...named('key.request'));
    const { did, keys } = story.member('kms');
    const ids = PROVIDERS.map((_, i) => story.contract.datasets[i].dataKeyId as string);
    const owners = Object.fromEntries(ids.map((id, i) => [id, story.member(PROVIDERS[i]!).did]));
    const options = { ledger: server.grpc, trust: server.trust, did, key: keys[0], owners };
    kms = await startKms(options);
    const wrapKey = story.wrapKey('room 1');
    const ask = (i: number) =>
      kms!.ask({
        id: story.urn('release', 100 + i),
        dataKeyId: ids[i]!,
        wrapKey: toBase64url(wrapKey),
      });
    const answers = await Promise.all(ids.map((_, i) => ask(i)));
    for (const [i, { wrapped, reason }] of answers.entries()) {
      assert.equal(reason, undefined);
      assert.equal(Buffer.from(wrapped!, 'base64url').toString(), `${ids[i]} for ${toHex(wrapKey)}`);
    }
    assert.deepEqual(await ask(0), { reason: 'STATE_WRONG' });
    await log(...named('key.receive'));
  });

  test('the run, and what it may spend', async () => {
    const { id, pipeline, public: plan } = story.imported('cleanroom.deploy');
    const mounts = plan.datasets.map(
      ({ dataset, version }: { dataset: string; version: number }, i: number) => {
        return { dataset, version, ciphertext: story.imported('dataset.register', i).ciphertext };
      },
    );
    const request = { cleanroom: id, run: story.run(), pipeline, mounts };
    assert.equal((await answer((client) => client.checkRunStart(request))).said, 'RUN_NOT_FOUND');
    await log(story.started());
    assert.equal((await answer((client) => client.checkRunStart(request))).said, 'allow');

    const spend = (epsilon: number) =>
      answer((client) => client.checkBudgetSpend({ run: story.run(), epsilon, delta: DELTA }));
    assert.equal((await spend(1_494_700)).said, 'allow');
    assert.equal((await spend(1_500_001)).said, 'EPSILON_OVER_RESERVE');
    await log(...story.logged());
    assert.equal((await spend(1)).said, 'EPSILON_DECREASED');
    await log(story.completed());
    assert.equal((await spend(1_494_700)).said, 'RUN_NOT_OPEN');
  });

  test('payments, and the model', async () => {
    const [{ payee, amount, currency }] = story.contract.payments;
    const asked = {
      ...{ contract: story.contract.id, row: 0, cleanroom: story.roomId() },
      ...{ service: story.member('contract-service').did, payee, amount, currency },
    };
    assert.equal((await answer((client) => client.checkPayment(asked))).said, 'allow');
    const model = {
      ...{ model: story.urn('model'), run: story.run(), to: story.member('tdc').did },
      ciphertext: story.digest('model for the TDC 1'),
      wrapKid: nodeCrypto.sha256(story.wrapKey('tdc')),
    };
    const handOver = () => answer((client) => client.checkModelRelease(model));
    assert.equal((await handOver()).said, 'MODEL_NOT_FOUND');
    const released = story.released();
    const upTo = released.findIndex(({ kind }) => kind === 'model.receive');
    await log(...released.slice(0, upTo));
    assert.equal((await answer((client) => client.checkPayment(asked))).said, 'PAYMENT_CLOSED');
    assert.equal((await handOver()).said, 'allow');
    await log(released[upTo]!);
    assert.equal((await handOver()).said, 'MODEL_ALREADY_RECEIVED');
  });

  test('decisions are counted, by step, decision and reason', async () => {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    assert.match(
      text,
      /aichain_gate_decisions_total\{step="key\.release",decision="allow",reason="OK"\} [1-9]/,
    );
    assert.match(
      text,
      /aichain_gate_decisions_total\{step="contract\.activate",decision="deny",reason="CONTRACT_NOT_FULLY_SIGNED"\} 2/,
    );
  });

  test('what is not of the form is refused at the door', async () => {
    const post = async (step: string, body: object) => {
      const answer = await fetch(`${server.http}/v1/gates/${step}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return [answer.status, answer.headers.get('aichain-code')];
    };
    assert.deepEqual(await post('key.steal', { request: {} }), [404, 'NOT_FOUND']);
    assert.deepEqual(await post('budget.spend', { request: {} }), [400, 'ARGUMENT_INVALID']);
    const request = { run: 'urn:depa:run:x', epsilon: 1, delta: 1 };
    assert.deepEqual(await post('budget.spend', { request }), [400, 'ID_MALFORMED']);
    const run = { ...request, run: story.run() };
    assert.deepEqual(await post('budget.spend', { request: run, fromSize: 0 }), [400, 'ARGUMENT_INVALID']);
    assert.deepEqual(await post('budget.spend', { request: run, fromSize: 2 }), [200, null]);
    assert.deepEqual(await post('budget.spend', { request: run, fromSize: 1e9 }), [200, null]);
  });
});
