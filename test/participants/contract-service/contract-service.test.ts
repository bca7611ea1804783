/**
 * The contract service over mTLS beside a witnessed and replayed log: from datasets to a completed contract, on the COVID-19
 * scenario. Every party signs for itself; a bank pays against bundles that it verifies; what stops a contract is told.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Ref } from '../../../src/chain/statement.ts';
import { type ClientTls, LedgerClient } from '../../../src/client/index.ts';
import { type Bytes, fromBase64url, fromUtf8, toBase64, toBase64url, utf8 } from '../../../src/core/bytes.ts';
import { encodePrivateKey } from '../../../src/cose/index.ts';
import {
  ContractServiceClient,
  type RunningContractService,
  startContractService,
} from '../../../src/participants/contract-service/index.ts';
import type { ServiceEvent } from '../../../src/participants/contract-service/outbox.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { webhookSecret } from '../../../src/platform/webhook-signature.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../../src/server/index.ts';
import { proven, verifyBundle, verifyReceipt } from '../../../src/verify/index.ts';
import { multiSigned } from '../../chain/multi-signed.ts';
import { PROVIDERS, type Step, Story, type Told } from '../../chain/story.ts';
import { World } from '../../chain/world.ts';
import { aichain } from '../../cli/fake-terminal.ts';
import { covid, publishedEpsilons, REAL } from '../../depa/scenario.ts';
import { serveWitnessed, type WitnessedServer } from '../../e2e/witnessed-server.ts';
import { TestAuthority } from '../../service/test-certificates.ts';

const SECRET = `whsec_${toBase64(new Uint8Array(32).fill(7))}`;
const SIGNATORIES = ['tdc', ...PROVIDERS, 'ccrp'];

interface Started {
  readonly url: string;
  /** Resolves with what it wrote to standard error. */
  stop(): Promise<string>;
}

describe('the contract service', { skip: REAL === undefined && 'no ../shared' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-contract-service-'));
  const authority = new TestAuthority();
  const tls = { ...authority.issue('participant'), ca: authority.cert };
  const entries = new Map<string, Ref>();
  const told: Told = { ref: (step, rel = 'after') => ({ ...entries.get(step)!, rel }) };
  const failures: string[] = [];
  let witnessed: WitnessedServer;
  let ledger: LedgerClient;
  let story: Story;
  let service: RunningContractService;
  let client: ContractServiceClient;
  let bank: Started | undefined;
  let command: Started | undefined;
  let id: string;

  before(async () => {
    witnessed = await serveWitnessed(folder);
    const { server, trust } = witnessed;
    ledger = await LedgerClient.connect({ grpc: server.grpc, trust });
    const world = World.empty(crypto, server.ledger.origin);
    world.time = Date.now();
    const keys = [developmentSro(crypto, keyFolder(join(folder, 'log')))] as const;
    const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
    const sro = { did: DEVELOPMENT_SRO, keys };
    story = Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
    id = story.contract.id;
    const { did, keys: own } = story.member('contract-service');
    service = await startContractService({
      ...{ crypto, client: ledger, did, key: own[0], dataDir: join(folder, 'service') },
      ...{ host: '127.0.0.1', port: 0, everyMs: 300 },
      tls: { ...authority.issue('contract-service'), clientCa: authority.cert },
      observer: { failed: (contract, { code, message }) => failures.push(`${contract} ${code} ${message}`) },
    });
    client = new ContractServiceClient({ url: service.url, tls });
  });
  after(async () => {
    client?.close();
    await bank?.stop();
    await command?.stop();
    await service?.close();
    ledger?.close();
    await witnessed?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function file(name: string, content: string | Uint8Array): string {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  }

  /** A command line in this process, that serves until it is stopped. */
  async function run(...args: readonly string[]): Promise<Started> {
    const stop = new AbortController();
    let ended = Promise.resolve({ stderr: '' });
    const ready = new Promise<{ url: string }>((resolve) => {
      const onStdout = (text: string) => text.endsWith('\n') && resolve(JSON.parse(text));
      ended = aichain([...args, '-o', 'json', '--log-level', 'error'], { signal: stop.signal, onStdout });
    });
    const early = ended.then(({ stderr }) => assert.fail(`${args[0]} ended: ${stderr}`));
    const { url } = await Promise.race([ready, early]);
    early.catch(() => undefined);
    return {
      url,
      stop: async () => {
        stop.abort();
        return (await ended).stderr;
      },
    };
  }

  const statement = (step: Step): Bytes => {
    story.world.time = Date.now();
    return step.statement(told);
  };
  async function log(...steps: readonly Step[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      const wait = i === steps.length - 1 ? 'WITNESSED' : 'LOGGED';
      const { index, entryId } = await ledger.register(statement(step), { wait });
      entries.set(step.name, { rel: 'after', index, entry: entryId });
    }
  }
  /** What went into the log through the service, once the gates answer from there. */
  async function passed(step: Step, way: (bytes: Bytes) => Promise<{ index: number; entryId: string }>) {
    const bytes = statement(step);
    const { index, entryId } = await way(bytes);
    entries.set(step.name, { rel: 'after', index, entry: fromBase64url(entryId) });
    await ledger.register(bytes, { wait: 'WITNESSED' });
  }
  function events(enough: (all: readonly ServiceEvent[]) => boolean): Promise<readonly ServiceEvent[]> {
    return until(async () => {
      const { events: all } = await client.events();
      return enough(all) && all;
    });
  }
  async function stages(): Promise<readonly string[]> {
    const { payments } = await client.payments(id, story.roomId());
    return payments.map(({ stage }: { stage: string }) => stage);
  }
  const types = (all: readonly ServiceEvent[]) => all.map(({ type }) => type);

  test('nobody without a certificate of the authority is answered', async () => {
    using stranger = new ContractServiceClient({ url: service.url, tls: { ca: authority.cert } });
    await assert.rejects(stranger.get('/v1/service'), { code: 'UNAUTHENTICATED' });
    const other = { ...new TestAuthority().issue('participant'), ca: authority.cert };
    using foreign = new ContractServiceClient({ url: service.url, tls: other });
    await assert.rejects(foreign.get('/v1/service'), { code: 'UNAUTHENTICATED' });
    const { did, log: origin } = await client.get('/v1/service');
    assert.deepEqual([did, origin], [story.member('contract-service').did, witnessed.trust.origin]);
  });

  test('datasets are registered by their providers, and found with their terms and proofs', async () => {
    await log(...story.governance(), ...story.participants(), ...story.delegations());
    await assert.rejects(client.registerDataset(statement(story.baseModel())), { code: 'KIND_UNKNOWN' });
    for (const step of story.datasets()) await passed(step, (bytes) => client.registerDataset(bytes));
    await log(story.baseModel());
    const { datasets } = await client.datasets({ purpose: 'TRAINING' });
    assert.equal(datasets.length, 3);
    const [{ id: dataset, version }] = story.contract.datasets;
    const [found] = datasets;
    assert.deepEqual([found.id, found.version, found.state], [dataset, version, 'PUBLISHED']);
    assert.deepEqual(found.description.budget, story.imported('dataset.register').budget);
    const own = await client.datasets({ provider: story.member('cowin').did });
    assert.equal(own.datasets.length, 1);
    assert.equal((await client.datasets({ purpose: 'MARKETING' })).datasets.length, 0);
    await assert.rejects(client.datasets({ colour: 'red' }), { code: 'ARGUMENT_INVALID' });
  });

  test('a contract is drafted from DEPA’s own files; what they lack is named, all of it', async () => {
    await assert.rejects(client.contract(id), { code: 'NOT_FOUND' });
    const { contract, ...others } = covid();
    const texts = Object.entries(others).map(([name, file]) => [name, fromUtf8(file.bytes)]);
    const files = { contract: fromUtf8(contract.bytes), ...Object.fromEntries(texts) };
    await assert.rejects(client.draft({ contract: files.contract }), { code: 'PLACEHOLDER_VALUE' });
    const drafted = await client.draft(files);
    assert.equal(drafted.id, id);
    assert.equal(drafted.text, toBase64url(story.contract.text));
    assert.equal((await client.draft(files)).draft, drafted.draft);
    const { state, drafts } = await client.contract(id);
    assert.equal(state, 'DRAFT');
    assert.equal(drafts.length, 1);
    assert.equal(drafts[0].text.content, files.contract);
    assert.equal(drafts[0].terms.expiry, story.contract.expiry);
  });

  test('each party signs for itself; the contract is in force when the last one has', async () => {
    const [proposal, ...signatures] = story.signedContract();
    await passed(proposal!, (bytes) => client.passOn('proposal', id, bytes));
    const [tdc, ...others] = signatures;
    await passed(tdc!, (bytes) => client.passOn('signatures', id, bytes));
    // A signature for somebody else, and one of another contract.
    const { id: of, version, text } = story.contract;
    const body = { id: of, version, text, proposal: told.ref('contract.propose').entry };
    const stranger = story.step('stranger', story.member('kms'), 'contract.sign', body);
    await assert.rejects(client.passOn('signatures', id, statement(stranger)), { code: 'NOT_A_SIGNATORY' });
    await assert.rejects(client.passOn('signatures', story.urn('contract', 9), statement(others[0]!)), {
      code: 'ARGUMENT_INVALID',
    });
    const partly = await client.contract(id);
    assert.equal(partly.state, 'PARTLY_SIGNED');
    assert.deepEqual(
      partly.signatories.map(({ signed }: { signed: object | null }) => signed !== null),
      [true, false, false, false, false],
    );
    assert.equal((await client.inForce(id)).reason, 'CONTRACT_NOT_FULLY_SIGNED');
    const last = others.pop()!;
    for (const step of others) await passed(step, (bytes) => client.passOn('signatures', id, bytes));
    // The CCRP by the command, which looks at the text that it is given.
    const { did, keys } = story.member('ccrp');
    const sign = (words: string, ...more: readonly string[]) =>
      aichain([
        ...['contract', 'sign', id, '--issuer', did, '--key', file('ccrp', encodePrivateKey(keys[0]))],
        ...['--text', file('text', words), '--server', witnessed.server.grpc],
        ...['--trust', witnessed.server.trustFile, ...more],
      ]);
    const content = fromUtf8(covid().contract.bytes);
    assert.match((await sign(`${content} `)).stderr, /CONTRACT_DIGEST_MISMATCH/);
    const out = join(folder, 'signature');
    assert.equal((await sign(content, '--out', out)).code, 0);
    const bySigner = new Uint8Array(readFileSync(out));
    await passed({ ...last, statement: () => bySigner }, (bytes) => client.passOn('signatures', id, bytes));

    const signed = await client.contract(id);
    assert.equal(signed.state, 'SIGNED');
    assert.equal(signed.text.content, content);
    const names = SIGNATORIES.map((name) => story.member(name).did);
    assert.deepEqual(new Set(signed.signatories.map(({ did }: { did: string }) => did)), new Set(names));
    const one = signed.signatories[0].signed;
    const { statement: bytes } = await ledger.entry({ index: one.index });
    verifyReceipt(crypto, witnessed.trust, fromBase64url(one.receipt), crypto.sha256(bytes!));

    const { decision, bundle } = await client.inForce(id);
    assert.equal(decision, 'allow');
    const request = { contract: id, text: story.contract.text, full: true };
    const offline = verifyBundle({
      ...{ crypto, trust: witnessed.trust, bundle: fromBase64url(bundle), now: Date.now() },
      question: { step: 'contract.activate', request },
    });
    assert.equal(proven(offline).outcome, 'allow');
    const all = await events((each) => each.length > 0);
    assert.deepEqual(types(all), ['contract.in-force']);
  });

  test('a dataset that is suspended stops the contract, and it goes on when that is lifted', async () => {
    const provider = story.member('icmr');
    const [{ id: dataset, version }] = story.contract.datasets;
    const stop = (kind: 'dataset.suspend' | 'dataset.reinstate', after: string) =>
      story.step(kind, provider, kind, { id: dataset, version, reason: 'audit' }, (tell) => ({
        refs: [tell.ref(after)],
      }));
    await log(stop('dataset.suspend', 'dataset.register icmr'));
    const stopped = (await events((all) => types(all).includes('contract.stopped'))).at(-1)!;
    assert.equal(stopped.data.reason, 'DATASET_SUSPENDED');
    assert.equal((await client.inForce(id)).reason, 'DATASET_SUSPENDED');
    await log(stop('dataset.reinstate', 'dataset.suspend'));
    await events((all) => types(all).at(-1) === 'contract.in-force');
  });

  test('a contract that two have signed with DEPA’s own service is brought in by its file, and then accepted', async () => {
    const [contract, overlay, scenario] = ['contract', 'overlay', 'scenario'].map((name) =>
      JSON.parse(fromUtf8(covid()[name as 'contract'].bytes)),
    );
    const urn = story.urn('contract', 7);
    contract.id = urn.split(':').at(-1);
    contract.datasets.length = 1;
    const [{ id: dataset }] = contract.datasets;
    const { privacy } = contract.constraints[0];
    contract.constraints = [
      { privacy: privacy.filter((row: { dataset: string }) => row.dataset === dataset) },
    ];
    const { cleanroom: _, code: __, ...rest } = overlay;
    const { baseModel: ___, payments, ...terms } = rest.contract;
    const targets = { joinKeys: story.contract.joinKeys, targets: story.contract.targets };
    const files = {
      overlay: JSON.stringify({
        ...rest,
        contract: { ...terms, ...targets, payments: payments.slice(0, 1) },
        datasets: { [dataset]: { ...rest.datasets[dataset], format: 'csv' } },
      }),
      scenario: JSON.stringify(scenario),
    };
    const [signed, template] = [fillIn(contract), utf8(JSON.stringify(contract))];
    const text = utf8(JSON.stringify(signed));
    const [tdc, icmr, ccrp] = [story.member('tdc'), story.member('icmr'), story.member('ccrp')];
    const verbatim = multiSigned({ signers: [tdc, icmr], text: template });
    await assert.rejects(client.importSigned(verbatim, files), { code: 'PLACEHOLDER_VALUE' });
    const one = multiSigned({ signers: [tdc], participants: [tdc.did, icmr.did], text });
    await assert.rejects(client.importSigned(one, files), { code: 'MULTISIG_SIGNER_MISSING' });
    const two = multiSigned({ signers: [tdc, icmr], text });
    const altered = Uint8Array.from(two);
    altered[altered.length - 1]! ^= 1;
    await assert.rejects(client.importSigned(altered, files), { code: 'MULTISIG_SIGNATURE_INVALID' });
    await assert.rejects(client.importSigned(text, files), { code: 'COSE_MALFORMED' });
    await assert.rejects(client.importSigned(two, {}), { code: 'CONTRACT_ALREADY_EXPIRED' });
    const brought = await client.importSigned(two, files);
    assert.deepEqual([brought.id, brought.signers], [urn, [tdc.did, icmr.did]]);
    const proposal = fromBase64url(brought.entry.entryId);
    const { version } = story.contract;
    const body = { id: urn, version, text: crypto.sha256(text), proposal };
    for (const member of [tdc, icmr, ccrp]) {
      await until(async () => (await client.contract(urn)).state !== 'DRAFT');
      assert.notEqual((await client.inForce(urn)).decision, 'allow');
      const step = story.step(`${member.did} signs`, member, 'contract.sign', body);
      await passed(step, (bytes) => client.passOn('signatures', urn, bytes));
    }
    const { state, text: known } = await client.contract(urn);
    assert.deepEqual([state, known.content], ['SIGNED', fromUtf8(text)]);
    await events((all) =>
      all.some(({ type, data }) => type === 'contract.in-force' && data.contract === urn),
    );
  });

  test('the commands go on where the service has stopped, and nothing is said again', async () => {
    const said = await client.events();
    const { port } = new URL(service.url);
    client.close();
    await service.close();
    const { did, keys } = story.member('contract-service');
    const [own, serving] = [authority.issue('bank'), authority.issue('contract-service')];
    const ca = file('ca.pem', authority.cert);
    const secret = file('secret', `${SECRET}\n`);
    const [cert, key] = [file('bank.pem', own.cert), file('bank.key', own.key)];
    const mutual = ['--ca', ca, '--cert', cert, '--cert-key', key];
    const trust = ['--trust', witnessed.server.trustFile];
    const url = `https://127.0.0.1:${port}`;
    bank = await run(
      ...['bank', '--service', url, '--service-did', did, '--secret', secret, '--http-port', '0'],
      ...['--http-tls-cert', cert, '--http-tls-key', key, '--http-tls-client-ca', ca, ...mutual, ...trust],
    );
    // Who has no certificate does not even get to be told that its signature is wrong.
    assert.match(bank.url, /^https:/);
    const asked = async (shown: ClientTls) => {
      using peer = new ContractServiceClient({ url: bank!.url, tls: shown });
      return await peer.post('/', {}).catch(({ code }: { code: string }) => code);
    };
    assert.deepEqual(
      [await asked({ ca: authority.cert }), await asked(tls)],
      ['UNAVAILABLE', 'UNAUTHENTICATED'],
    );
    const receivers = [{ name: 'bank', url: bank.url, secret: SECRET, events: ['payment.'] }];
    const shared = file('webhooks', JSON.stringify(receivers));
    const args = [
      ...['contract-service', '--issuer', did, '--key', file('key', encodePrivateKey(keys[0]))],
      ...['--data-dir', join(folder, 'service'), '--http-port', port, '--webhooks', shared],
      ...['--http-tls-cert', file('service.pem', serving.cert), '--http-tls-client-ca', ca],
      ...['--http-tls-key', file('service.key', serving.key), '--server', witnessed.server.http, ...trust],
      ...[
        '--ca',
        ca,
        '--cert',
        file('service.pem', serving.cert),
        '--cert-key',
        file('service.key', serving.key),
      ],
      ...['--processor', 'bank.example', '--processor-secret', secret],
    ];
    chmodSync(shared, 0o644);
    const { code, stderr } = await aichain(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /others may read it/);
    chmodSync(shared, 0o600);
    command = await run(...args);
    client = new ContractServiceClient({ url: command.url, tls });
    assert.equal(command.url, url);
    assert.deepEqual(await client.events(), said);
  });

  test('payments are held by the bank, and logged by what it signs', async () => {
    await log(...story.attested());
    const cleanroom = story.roomId();
    const { payee, amount, currency } = story.contract.payments[0];
    const said = { contract: id, row: 0, cleanroom, amount, currency, reference: 'transfer 1' } as const;
    const wrong = webhookSecret(`whsec_${toBase64(new Uint8Array(32).fill(8))}`);
    await assert.rejects(client.confirm(wrong, { ...said, outcome: 'held' }), { code: 'UNAUTHENTICATED' });
    const secret = webhookSecret(SECRET);
    const old = Date.now() - 3_600_000;
    await assert.rejects(client.confirm(secret, { ...said, outcome: 'held' }, old), {
      code: 'UNAUTHENTICATED',
    });
    await assert.rejects(client.post('/v1/payments', { ...said, outcome: 'held' }), {
      code: 'UNAUTHENTICATED',
    });
    const held = { ...said, outcome: 'held' } as const;
    const other = { ...said, outcome: 'failed', amount: amount + 1 } as const;
    await assert.rejects(client.confirm(secret, other), { code: 'AMOUNT_MISMATCH' });

    await events((all) => types(all).filter((type) => type === 'payment.due').length === 3);
    await until(async () => (await stages()).every((stage) => stage === 'held'));
    assert.equal((await client.payments(id, cleanroom)).payments[0].payee, payee);
    await assert.rejects(client.confirm(secret, held), { code: 'ID_TAKEN' });
    const early = { ...said, outcome: 'settled' } as const;
    await assert.rejects(client.confirm(secret, early), { code: 'RUN_NOT_COMPLETED' });
    await assert.rejects(client.complete(id), { code: 'OPEN_RUNS' });
  });

  test('they are paid out when the run is completed, against a bundle that the bank verifies', async () => {
    const keyed = story.keyed().filter(({ kind }) => kind !== 'payment.hold');
    await log(...keyed, ...story.trained());
    await until(async () => (await stages()).every((stage) => stage === 'closed'));
    const ended = story.released().filter(({ kind }) => kind !== 'payment.settle');
    await log(...ended);
    const asked = await bank!.stop();
    assert.equal(asked.match(/ held$/gm)?.length, 3, asked);
    assert.equal(asked.match(/ settled$/gm)?.length, 3, asked);
  });

  test('then the contract is completed', async () => {
    await client.complete(id);
    await events((each) => types(each).at(-1) === 'contract.closed');
    assert.equal((await client.contract(id)).state, 'COMPLETED');
    assert.equal((await client.inForce(id)).reason, 'CONTRACT_COMPLETED');
  });

  /** What its own service has filled in before a contract is signed. */
  function fillIn(contract: { datasets: readonly object[] }): object {
    const [tdc, icmr, ccrp] = ['tdc', 'icmr', 'ccrp'].map((name) => story.member(name).did);
    const datasets = contract.datasets.map((dataset) => ({
      ...{ ...dataset, provider: icmr, url: 'https://storage.example/icmr/data.img' },
      key: { properties: { kid: story.contract.datasets[0].dataKeyId, endpoint: 'kms.example' } },
    }));
    return { ...contract, datasets, tdc, tdps: [icmr], ccrp };
  }

  async function until<T>(ask: () => T | false | Promise<T | false>): Promise<T> {
    for (let tries = 0; tries < 600; tries++) {
      const answer = await ask();
      if (answer) return answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`it has not come: ${JSON.stringify(failures)}`);
  }
});
