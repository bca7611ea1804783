/**
 * The reference KMS in front of a real log with a witness and a replayer: data keys come in from their owners over mutual TLS,
 * and go out to the clean room that the ledger allows, and to nobody else.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher, request as send } from 'undici';
import { BUDGET } from '../../../src/chain/index.ts';
import type { LedgerClient } from '../../../src/client/index.ts';
import { type Bytes, fromBase64url, toBase64url } from '../../../src/core/bytes.ts';
import { encodePrivateKey } from '../../../src/cose/index.ts';
import { generateUnwrappingKey } from '../../../src/participants/key-wrap.ts';
import { KeyImportClient, type ReleaseOutcome, startKms } from '../../../src/participants/kms/index.ts';
import { ReleaseJournal } from '../../../src/participants/kms/release-journal.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { decodeBundle, verifyBundle } from '../../../src/verify/index.ts';
import { PROVIDERS, type Step, type Story } from '../../chain/story.ts';
import { aichain } from '../../cli/fake-terminal.ts';
import { REAL } from '../../depa/scenario.ts';
import { TestAuthority } from '../../service/test-certificates.ts';
import { config, dataKeyOf, file } from './imports.ts';
import { KmsScene, type Provider } from './scene.ts';

type Running = Awaited<ReturnType<typeof startKms>>;

describe('the reference KMS', { skip: REAL === undefined && 'no ../shared' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-kms-'));
  const authority = new TestAuthority();
  const [certificate, own] = [authority.issue('kms'), authority.issue('clean room')];
  const ca = authority.cert;
  const agent: Dispatcher = new Agent({ connect: { ca, cert: own.cert, key: own.key } });
  const outcomes: ReleaseOutcome[] = [];
  let scene: KmsScene;
  let client: LedgerClient;
  let story: Story;
  let kms: Running;
  let owners: KeyImportClient;

  before(async () => {
    scene = await KmsScene.open(folder);
    ({ client, story } = scene);
    kms = await started(1200);
    owners = new KeyImportClient(kms.url, { ca, cert: own.cert, key: own.key });
    await log(...story.governance(), ...story.participants(), ...story.delegations());
  });
  after(async () => {
    owners?.close();
    await agent.destroy();
    await kms?.close();
    await scene?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function started(patience: number): Promise<Running> {
    const { did, keys } = story.member('kms');
    return startKms({
      ...{ crypto, client, kms: { did, key: keys[0] }, dataDir: join(folder, 'kms'), patience },
      ...{ host: '127.0.0.1', port: 0, tls: { cert: certificate.cert, key: certificate.key, clientCa: ca } },
      observe: { released: (outcome) => outcomes.push(outcome) },
    });
  }

  const log = (...steps: readonly Step[]) => scene.log(...steps);
  const ask = (n: number) => scene.ask(kms.url, n, agent);
  const stateOf = (n: number) => scene.stateOf(n);
  const refusal = (status: number, code: string) => ({ status, code });
  const imported = async (provider: Provider, change?: object) =>
    owners.import(await scene.signed(kms.wrapKey, provider, change));

  test('takes keys from their owners, as the ledger knows them', async () => {
    assert.deepEqual(await owners.wrapKey(), kms.wrapKey);
    assert.equal(await imported('icmr'), scene.dataKeyId('icmr'));
    assert.equal(await imported('icmr'), scene.dataKeyId('icmr'));
    await assert.rejects(imported('icmr', { dataKey: dataKeyOf('other') }), { code: 'ID_TAKEN' });
    const other = story.member('cowin');
    await assert.rejects(imported('icmr', { key: other.keys[0] }), { code: 'SIGNER_UNKNOWN' });
    await assert.rejects(imported('icmr', { key: crypto.generatePrivateKey('ES256') }), {
      code: 'KID_UNKNOWN',
    });
    const ccrp = story.member('ccrp');
    await assert.rejects(imported('icmr', { owner: ccrp.did, key: ccrp.keys[0] }), { code: 'ROLE_NOT_HELD' });
    await assert.rejects(imported('icmr', { issuedAt: Math.floor(Date.now() / 1000) - 301 }), {
      code: 'IAT_TOO_OLD',
    });
    await assert.rejects(imported('icmr', { log: 'other.example' }), { code: 'ORIGIN_MISMATCH' });
    await assert.rejects(imported('icmr', { kms: ccrp.did }), { code: 'REQUEST_MALFORMED' });
    const { listed } = await generateUnwrappingKey('X25519');
    await assert.rejects(imported('cowin', { kmsKey: listed }), { code: 'WRAPPED_KEY_INVALID' });
    const damaged = await scene.signed(kms.wrapKey, 'cowin');
    damaged[damaged.length - 1]! ^= 1;
    await assert.rejects(owners.import(damaged), { code: 'SIGNATURE_INVALID' });
    // Somebody else’s key of the same name is somebody else’s.
    const tdc = story.member('tdc');
    await imported('icmr', { owner: tdc.did, key: tdc.keys[0], dataKey: dataKeyOf('tdc') });
  });

  test('from a shell: the service, and an owner who hands it a key', async () => {
    const path = (name: string) => join(folder, `shell-${name}`);
    const written = (name: string, content: string | Bytes) => {
      writeFileSync(path(name), content, { mode: 0o600 });
      return path(name);
    };
    const { did, keys } = story.member('kms');
    const icmr = story.member('icmr');
    const trust = ['--trust', written('trust.json', scene.witnessed.server.trust)];
    const pair = ({ cert, key }: { cert: string; key: string }, name: string) =>
      [written(`${name}.pem`, cert), written(`${name}.key`, key)] as const;
    const [cert, certKey] = pair(certificate, 'kms');
    const [mine, mineKey] = pair(own, 'owner');
    const authorities = written('ca.pem', ca);
    const ending = new AbortController();
    let announced: (text: string) => void = () => {};
    const started = new Promise<string>((resolve) => {
      announced = resolve;
    });
    const service = aichain(
      [
        ...['kms', '--key', written('signs', encodePrivateKey(keys[0])), '--issuer', did, '-o', 'json'],
        ...['--data-dir', path('kms'), '--wrap-key', path('secret/wrap'), '--http-port', '0', ...trust],
        ...['--http-tls-cert', cert, '--http-tls-key', certKey, '--http-tls-client-ca', authorities],
        ...['--server', scene.witnessed.server.grpc, '--log-level', 'silent'],
      ],
      { signal: ending.signal, onStdout: announced },
    );
    const { url, wrapKey } = JSON.parse(
      await Promise.race([started, service.then(({ stderr }) => Promise.reject(new Error(stderr)))]),
    );
    const handOver = (...more: string[]) =>
      aichain([
        ...['kms', 'import', '--url', url, '--kms', did, '--issuer', icmr.did, ...trust, ...more],
        ...['--config', written('importkey.json', file(config('icmr-key', scene.hostData())))],
        ...[
          '--data-key',
          written('data', dataKeyOf('icmr')),
          '--key',
          written('icmr', encodePrivateKey(icmr.keys[0])),
        ],
        ...[
          '--server',
          scene.witnessed.server.http,
          '--ca',
          authorities,
          '--cert',
          mine,
          '--cert-key',
          mineKey,
        ],
      ]);
    // To a key that the ledger does not know nothing is sealed, unless the owner knows it.
    const unknown = await handOver();
    assert.deepEqual([unknown.code, /KID_UNKNOWN/.test(unknown.stderr)], [14, true], unknown.stderr);
    const given = await handOver('--kms-key', written('wrap.pub', fromBase64url(wrapKey)));
    assert.equal(given.stdout, `${did} keeps icmr-key for ${icmr.did}\n`, given.stderr);
    const listed = { keyAlias: 'wrap', use: 'enc', key: fromBase64url(wrapKey) };
    await log(story.step('key.add', story.member('kms'), 'key.add', listed));
    const known = await handOver('-o', 'json');
    assert.equal(JSON.parse(known.stdout || '{}').dataKeyId, 'icmr-key', known.stderr);
    ending.abort();
    assert.equal((await service).code, 0);
    assert.equal(readdirSync(path('kms/keys')).length, 1);
  });

  test('lets nobody in without a certificate, and nothing that is not a request', async () => {
    const stranger = new KeyImportClient(kms.url, { ca });
    await assert.rejects(stranger.wrapKey(), { code: 'UNAUTHENTICATED' });
    stranger.close();
    const post = async (path: string, body: string, type = 'application/json') => {
      const options = { dispatcher: agent, method: 'POST' as const, headers: { 'content-type': type }, body };
      const { statusCode, headers } = await send(`${kms.url}${path}`, options);
      return [statusCode, headers['aichain-code']];
    };
    assert.deepEqual(await post('/v1/releases', '{}'), [400, 'ARGUMENT_INVALID']);
    assert.deepEqual(await post('/v1/releases', '{"release":1}'), [400, 'ARGUMENT_INVALID']);
    assert.deepEqual(await post('/v1/releases', '{"release":"x"}'), [400, 'ID_MALFORMED']);
    assert.deepEqual(await post('/v1/releases', '{'), [400, 'REQUEST_MALFORMED']);
    assert.deepEqual(await post('/v1/releases', 'x', 'text/plain'), [415, 'MEDIA_TYPE_UNSUPPORTED']);
    assert.deepEqual(await post('/v1/keys', '{"request":"!"}'), [400, 'REQUEST_MALFORMED']);
    assert.deepEqual(await post('/v1/keys', '{"request":"AA"}'), [400, 'COSE_TAG_WRONG']);
    const large = JSON.stringify({ request: 'A'.repeat(200_000) });
    assert.deepEqual(await post('/v1/keys', large), [413, 'REQUEST_TOO_LARGE']);
    assert.deepEqual(await post('/v1/vault', '{}'), [404, 'NOT_FOUND']);
  });

  test('releases nothing that nobody asked for, that it has not, or that the ledger denies', async () => {
    await log(...story.datasets(), story.baseModel(), ...story.signedContract(), ...story.attested());
    assert.deepEqual(await ask(1), refusal(403, 'RELEASE_NOT_FOUND'));
    await log(scene.asked(10, 'icmr'), scene.asked(11, 'cowin'), scene.asked(12, 'index'));
    assert.deepEqual(await ask(11), refusal(404, 'DATA_KEY_NOT_HELD'));
    await imported('cowin');
    const other = { config: file(config(scene.dataKeyId('index'), [new Uint8Array(32)])) };
    await imported('index', { ...other, issuedAt: Math.floor(Date.now() / 1000) - 10 });
    assert.deepEqual(await ask(12), refusal(403, 'KEY_POLICY_NOT_MET'));
    await imported('index');
    // Not logged: the room may ask again.
    assert.deepEqual([await stateOf(11), await stateOf(12)], ['REQUESTED', 'REQUESTED']);
    assert.deepEqual(await ask(10), refusal(403, 'PAYMENT_NOT_HELD'));
    assert.equal(await stateOf(10), 'DENIED');
    assert.deepEqual(await ask(10), refusal(403, 'PAYMENT_NOT_HELD'));
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      ['RELEASE_NOT_FOUND', 'DATA_KEY_NOT_HELD', 'KEY_POLICY_NOT_MET', 'PAYMENT_NOT_HELD'],
    );
  });

  test('a key without the others of its pipeline is not handed over, and costs nothing', async () => {
    await log(...story.payments('hold'), scene.asked(20, 'icmr'));
    assert.deepEqual(await ask(20), refusal(403, 'MOUNT_NOT_GRANTED'));
    assert.equal(await stateOf(20), 'CANCELLED');
    const { values } = await client.facts([BUDGET.key(story.member('icmr').did, 'icmr-patients')]);
    assert.deepEqual(BUDGET.decode(values[0]!).reserved, { epsilon: 0, delta: 0 });
    assert.deepEqual(await ask(20), refusal(403, 'MOUNT_NOT_GRANTED'));
  });

  test('what was under way when the process ended is cancelled by the next', async () => {
    await log(scene.asked(30, 'icmr'), scene.asked(31, 'cowin'));
    await kms.close();
    // As a process leaves it that is killed between the grant and the answer; and before the grant.
    const journal = new ReleaseJournal(crypto, join(folder, 'kms', 'releases'));
    const [release, before_] = [scene.urn(30), scene.urn(31)];
    journal.write({ release, owner: story.member('icmr').did, state: 'asked' });
    journal.write({ release: before_, owner: story.member('cowin').did, state: 'asked' });
    const { did } = story.member('icmr');
    const body = { id: release, nonce: crypto.randomBytes(32) };
    await log(story.step('granted', story.member('kms'), 'key.release', body, () => ({ onBehalf: did })));
    assert.equal(await stateOf(30), 'GRANTED');
    kms = await started(15_000);
    owners.close();
    owners = new KeyImportClient(kms.url, { ca, cert: own.cert, key: own.key });
    assert.deepEqual(await ask(30), refusal(403, 'RELEASE_CANCELLED'));
    assert.equal(await stateOf(30), 'CANCELLED');
    while (journal.asked().length > 0) await delay(100);
    assert.equal(journal.find(before_), undefined);
  });

  test('the keys of a pipeline are handed over together, to the attested room alone', async () => {
    // The second was asked for before the crash, and not decided.
    await log(scene.asked(40, 'icmr'), scene.asked(42, 'index'));
    const numbers = [40, 31, 42];
    const answers = await Promise.all([...numbers, ...numbers].map(ask));
    const wrapped = answers.map((answer) => {
      assert.equal(answer.status, 200, JSON.stringify(answer));
      return answer.wrapped!;
    });
    // Two who ask for one release are given one answer; and so is who asks again, of another process too.
    assert.deepEqual(wrapped.slice(3), wrapped.slice(0, 3));
    for (const [i, provider] of PROVIDERS.entries()) {
      assert.deepEqual(await scene.unwrap(numbers[i]!, provider, wrapped[i]!), dataKeyOf(provider));
    }
    await kms.close();
    kms = await started(1200);
    assert.deepEqual(await ask(40), { status: 200, wrapped: wrapped[0] });
    const received = (i: number) => ({
      id: scene.urn(numbers[i]!),
      wrapped: crypto.sha256(fromBase64url(wrapped[i]!)),
    });
    await log(
      ...PROVIDERS.map((name, i) =>
        story.step(`key.receive ${name}`, story.asRoom(), 'key.receive', received(i)),
      ),
    );
    assert.equal(await stateOf(40), 'RECEIVED');
    assert.deepEqual(await ask(40), { status: 200, wrapped: wrapped[0] });
  });

  test('keeps the proof that it went by, and no key in the clear', () => {
    const files = readdirSync(join(folder, 'kms'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => ({ name, bytes: readFileSync(join(parentPath, name)) }));
    const bundles = files.filter(({ name }) => name.endsWith('.bundle'));
    assert.equal(bundles.length, PROVIDERS.length);
    for (const { bytes } of bundles) {
      const bundle = new Uint8Array(bytes);
      const { step, request: asked } = decodeBundle(bundle);
      const question = { step, request: asked } as Required<Parameters<typeof verifyBundle>[0]>['question'];
      const { verified } = verifyBundle({ crypto, trust: client.trust, bundle, question, now: Date.now() });
      assert.ok(verified);
    }
    for (const provider of PROVIDERS) {
      const key = Buffer.from(dataKeyOf(provider));
      for (const { name, bytes } of files) {
        assert.ok(!bytes.includes(key) && !bytes.includes(toBase64url(key)), name);
      }
    }
  });

  test('does not start under a trust file that rests on the operator alone', async () => {
    const { policy: _, ...alone } = client.trust;
    const careless = { trust: alone } as unknown as LedgerClient;
    const options = { crypto, client: careless, kms: { did: 'did:web:kms.example', key: story.sro.keys[0] } };
    await assert.rejects(startKms({ ...options, dataDir: join(folder, 'x'), host: '127.0.0.1', port: 0 }), {
      code: 'QUORUM_NOT_MET',
    });
  });
});
