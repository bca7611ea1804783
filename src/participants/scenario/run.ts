/**
 * A whole training cycle on one machine: every service a process of its own, over sockets with mutual TLS; every participant signs
 * for itself; every step is taken because the ledger proves that it may be.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LedgerClient } from '../../client/index.ts';
import { type Bytes, fromBase64url, fromUtf8, toHex } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { decodePrivateKey } from '../../cose/index.ts';
import type { Sources } from '../../depa/index.ts';
import { parseTrust } from '../../verify/index.ts';
import { createSimulator } from '../cleanroom/index.ts';
import { startBank } from '../contract-service/bank.ts';
import { ContractServiceClient } from '../contract-service/client.ts';
import { type Account, accountOf } from './account.ts';
import { castOf, type Participant, readTerms, registration, type Terms } from './cast.ts';
import { governance, MEASUREMENT } from './governance.ts';
import { type Finished, Processes } from './processes.ts';
import { Recorder } from './recorder.ts';
import { readScenario, type ScenarioFiles, withOverlay } from './scenario-files.ts';
import { type SealedDataset, sealDataset } from './sealed-data.ts';
import { Site } from './site.ts';
import { startWatchedLog, type WatchedLog } from './watched-log.ts';

export interface ScenarioOptions {
  readonly crypto: Crypto;
  /** In DEPA-Training's shape. */
  readonly scenario: string;
  /** An empty folder. */
  readonly out: string;
  readonly program: readonly [command: string, ...args: string[]];
  readonly signal: AbortSignal;
  /** Told of every step: who, and what. */
  readonly observe: (who: string, what: string) => void;
}

export interface ScenarioOutcome extends Account {
  /** URN of the model, and the folder that it was received in. */
  readonly model: string;
  readonly folder: string;
  /** On rows that it was not trained on: how often the model is right, and how often who always says the same would be. */
  readonly heldOut: { readonly accuracy: number; readonly baseline: number } | undefined;
  readonly bundles: string;
  /** What `aichain model verify` said of it, from the bundle alone. */
  readonly verified: string;
}

const SRO = 'did:web:sro.aichain.localhost';
const PROCESSOR = 'bank.example';
/** Seconds for verifiers and payments, each; and for one answer. */
const PATIENCE = '120';
const TIMEOUT = ['--timeout', '30'];

/** @throws what stopped it, by its code */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioOutcome> {
  const { crypto, out, program, signal, observe } = options;
  const files = readScenario(options.scenario);
  const site = new Site(crypto, out, Date.now());
  await using processes = new Processes({ program, logs: site.path('logs'), signal });
  const log = await startWatchedLog(site, processes);
  observe('log', `${log.url}, cosigned by a witness and a replaying monitor`);
  const trust = parseTrust(crypto, fromUtf8(Uint8Array.from(readFileSync(log.trust))));
  using client = await LedgerClient.connect({
    ...{ http: log.url, tls: site.tls('participants'), trust, deadlineMs: 30_000, retries: 8 },
  });
  const { terms, sealed } = await prepareData(site, files, log, trust.origin, observe);
  const run = new Cycle({ site, processes, log, client, terms, sealed, files, observe });
  try {
    await run.prepare();
    await run.agree(files.sources);
    const room = await run.train();
    return await run.receive(room);
  } finally {
    await run.close();
  }
}

/** Each provider seals its table; from then on the terms name what was sealed. */
async function prepareData(
  site: Site,
  files: ScenarioFiles,
  log: WatchedLog,
  origin: string,
  observe: ScenarioOptions['observe'],
): Promise<{ terms: Terms; sealed: Map<string, SealedDataset> }> {
  const owners = ownersIn(files.sources);
  const sealed = new Map<string, SealedDataset>();
  for (const dataset of readTerms(site, files.sources, origin).datasets) {
    const local = dataset.id.split(':').at(-1)!;
    const done = await sealDataset(site, files, owners.get(local) ?? local, dataset);
    sealed.set(dataset.id, done);
    observe(dataset.provider, `sealed ${dataset.name}: ${done.size} bytes`);
  }
  const ledgerTrust = toHex(site.crypto.sha256(Uint8Array.from(readFileSync(log.trust))));
  const sources = withOverlay(files.sources, (overlay) => {
    for (const [id, { ciphertext, size }] of sealed) {
      const said = overlay.datasets?.[id.split(':').at(-1)!];
      if (said) Object.assign(said, { ciphertext: toHex(ciphertext), size });
    }
    Object.assign(overlay.code, { ledgerTrust });
  });
  Object.assign(files, { sources });
  return { terms: readTerms(site, sources, origin), sealed };
}

function ownersIn({ contract }: Sources): ReadonlyMap<string, string> {
  const { datasets = [] } = JSON.parse(fromUtf8(contract.bytes)) as {
    datasets?: { id: string; owner: string }[];
  };
  return new Map(datasets.map(({ id, owner }) => [id, owner]));
}

interface Parts extends Pick<ScenarioOptions, 'observe'> {
  readonly site: Site;
  readonly processes: Processes;
  readonly log: WatchedLog;
  readonly client: LedgerClient;
  readonly terms: Terms;
  readonly sealed: ReadonlyMap<string, SealedDataset>;
  readonly files: ScenarioFiles;
}

class Cycle {
  readonly #parts: Parts;
  readonly #cast: ReadonlyMap<string, Participant>;
  readonly #recorder: Recorder;
  readonly #closers: (() => unknown)[] = [];
  #service!: ContractServiceClient;
  #kms = '';

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#cast = castOf(parts.site, parts.terms);
    this.#recorder = new Recorder(parts.site.crypto, parts.client);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
  }

  #who(did: string): Participant {
    const found = this.#cast.get(did);
    if (!found) throw fail('ARGUMENT_INVALID', `${did} has no part in the contract`);
    return found;
  }

  #one(role: Participant['roles'][number]): Participant {
    const found = [...this.#cast.values()].find(({ roles }) => roles.includes(role));
    if (!found) throw fail('ARGUMENT_INVALID', `nobody is ${role}: the runner needs one`);
    return found;
  }

  #flags(name: string): string[] {
    return [...this.#parts.log.flags(name), ...TIMEOUT];
  }

  /** Regulator, participants, services, datasets, keys. */
  async prepare(): Promise<void> {
    const { site, processes, log, client, terms, sealed, observe } = this.#parts;
    const { crypto } = site;
    const { origin } = client.trust;
    const simulator = await createSimulator(crypto, site.path('platform.simulator'));
    const sro = { did: SRO, key: decodePrivateKey(crypto, Uint8Array.from(readFileSync(log.sro))) };
    const published = governance(crypto, origin, terms, simulator);
    for (const { kind, body } of published.statements) await this.#recorder.log(sro, kind, body);
    observe(SRO, 'published policy, agreement, anchors, appraisal policy; certified the code');

    const kms = this.#one('KMS');
    const running = await processes.serve('kms', [
      ...['kms', '-o', 'json', '--key', kms.keyFile, '--issuer', kms.did, '--data-dir', site.path('kms')],
      ...['--http-port', '0', '--log-level', 'info', ...site.serverFlags('kms'), ...this.#flags('kms')],
    ]);
    this.#kms = running.said('url');
    const tdc = this.#one('TDC');
    const wrap = site.key('tdc-wrap');
    const wraps = new Map<string, Bytes | PrivateKey>([
      [kms.did, fromBase64url(running.said('wrapKey'))],
      [tdc.did, wrap.key],
    ]);
    for (const who of this.#cast.values()) {
      const listed = registration(site, origin, who, wraps.get(who.did));
      const registered = await this.#recorder.log(who, 'participant.register', listed);
      const evidence = crypto.randomBytes(32);
      const verified = { decision: 'verified', did: who.did, roles: who.roles, evidence };
      await this.#recorder.log(sro, 'participant.verify', verified, { refs: [registered] });
      await this.#recorder.log(who, 'agreement.accept', {
        ...{ agreement: published.agreement.id, version: 1, digest: published.agreement.digest },
      });
      observe(who.did, `is a participant: ${who.roles.join(', ')}`);
    }
    await this.#startContractService();
    for (const provider of new Set(terms.datasets.map((each) => each.provider))) {
      await this.#recorder.log(this.#who(provider), 'delegate.grant', { delegate: kms.did, role: 'kms' });
    }
    const bodies = terms.bodies.filter(({ kind }) => kind === 'dataset.register');
    for (const [i, dataset] of terms.datasets.entries()) {
      const { id, name, provider, dataKeyId } = dataset;
      const owner = this.#who(provider);
      const statement = this.#recorder.sign(owner, 'dataset.register', bodies[i]!.body);
      await this.#service.registerDataset(statement);
      observe(provider, `registered ${name}`);
      await this.#importKey(owner, kms, dataKeyId, sealed.get(id)!.keyFile);
      observe(provider, `handed the key of ${name} to ${kms.did}`);
    }
    const { baseModel } = terms.body('contract.propose');
    if (baseModel !== undefined) {
      throw fail('ARGUMENT_INVALID', 'a base model is not what this runner has: leave it out of the overlay');
    }
    const verifier = this.#one('VERIFIER');
    await processes.serve(
      'appraiser',
      [
        ...['appraiser', '--key', verifier.keyFile, '--issuer', verifier.did, '--evidence', log.url],
        ...['--token-file', log.token, '--docket', site.path('docket'), ...this.#flags('appraiser')],
      ],
      /^/,
    );
  }

  async #startContractService(): Promise<void> {
    const { site, processes, client, observe } = this.#parts;
    const { did, keyFile } = this.#one('CONTRACT_SERVICE');
    const port = await freePort();
    const url = `https://127.0.0.1:${port}`;
    this.#service = new ContractServiceClient({ url, tls: site.tls('participants'), deadlineMs: 60_000 });
    this.#closers.push(() => this.#service.close());
    const secret = `whsec_${Buffer.from(site.crypto.randomBytes(32)).toString('base64')}`;
    const bank = await startBank({
      ...{ crypto: site.crypto, trust: client.trust, service: this.#service, serviceDid: did, secret },
      ...{ host: '127.0.0.1', port: 0 },
      observe: (event, outcome) => {
        if (outcome) observe(PROCESSOR, `${event.type}: ${outcome}`);
      },
    });
    this.#closers.push(() => bank.close());
    const receivers = [{ name: 'bank', url: bank.url, secret, events: ['payment.'] }];
    await processes.serve('contract-service', [
      ...['contract-service', '-o', 'json', '--key', keyFile, '--issuer', did],
      ...['--data-dir', site.path('contract-service'), '--http-port', String(port)],
      ...['--webhooks', site.secret('webhooks.json', JSON.stringify(receivers)), '--processor', PROCESSOR],
      ...['--processor-secret', site.secret('processor-secret', `${secret}\n`), '--log-level', 'info'],
      ...[...site.serverFlags('contract-service'), ...this.#flags('contract-service')],
    ]);
    observe(did, 'serves discovery, contracts and payments');
  }

  async #importKey(owner: Participant, kms: Participant, kid: string, dataKey: string): Promise<void> {
    const { site, terms } = this.#parts;
    const claims = terms.body('code.certify').hostData.map((hostData: Uint8Array) => [
      { claim: 'x-ms-sevsnpvm-hostdata', equals: toHex(hostData) },
      { claim: 'x-ms-compliance-status', equals: 'azure-compliant-uvm' },
    ]);
    const config = site.path('data', `${kid}.importkey-config.json`);
    writeFileSync(config, JSON.stringify({ key: { kid, kty: 'oct' }, claims }, null, 2));
    await this.#command(`import-${kid}`, [
      ...['kms', 'import', '--url', this.#kms, '--kms', kms.did, '--config', config, '--data-key', dataKey],
      ...['--key', owner.keyFile, '--issuer', owner.did, ...this.#flags(owner.name)],
    ]);
  }

  /** Drafted by the contract service, proposed by the TDC, signed by everybody with a key of their own. */
  async agree(sources: Sources): Promise<void> {
    const { terms, observe } = this.#parts;
    const text = (role: keyof Sources) => fromUtf8(sources[role]!.bytes);
    await this.#service.draft({
      ...{ contract: text('contract'), overlay: text('overlay'), pipeline: text('pipeline') },
      ...{ dataset: text('dataset'), scenario: text('scenario'), policy: text('policy') },
    });
    const contract = terms.body('contract.propose');
    const tdc = this.#one('TDC');
    const proposal = this.#recorder.sign(tdc, 'contract.propose', contract);
    const entry = await this.#service.passOn('proposal', contract.id, proposal);
    observe(tdc.did, `proposed the contract`);
    const { id, version, text: digest, parties } = contract;
    for (const did of new Set<string>([parties.tdc, ...parties.tdps, parties.ccrp])) {
      const body = { id, version, proposal: fromBase64url(entry.entryId), text: digest };
      const statement = this.#recorder.sign(this.#who(did), 'contract.sign', body);
      await this.#service.passOn('signatures', id, statement);
      observe(did, 'signed the contract');
    }
  }

  /** @returns the folder with what the room has left */
  async train(): Promise<string> {
    const { site, terms, log, files, observe } = this.#parts;
    const ccrp = this.#one('CCRP');
    const out = site.path('cleanroom');
    await this.#command('cleanroom', [
      ...['cleanroom', 'run', '-o', 'json', '--contract', terms.body('contract.propose').id],
      ...['--pipeline', files.pipeline, '--data', site.path('data'), '--out', out],
      ...(files.supplement === undefined ? [] : ['--supplement', files.supplement]),
      ...['--key', ccrp.keyFile, '--issuer', ccrp.did, '--kms', this.#kms, '--evidence', log.url],
      ...['--simulator', site.path('platform.simulator'), '--measurement', toHex(MEASUREMENT)],
      ...['--patience', PATIENCE, ...this.#flags('cleanroom')],
    ]);
    observe(ccrp.did, 'ran the clean room: deployed, attested, keyed, trained, released');
    return out;
  }

  async receive(delivery: string): Promise<ScenarioOutcome> {
    const { site, client, terms, observe } = this.#parts;
    const tdc = this.#one('TDC');
    const folder = site.path('model');
    const { stdout } = await this.#command('receive', [
      ...['cleanroom', 'receive', '-o', 'json', '--delivery', delivery, '--issuer', tdc.did, '--key'],
      ...[tdc.keyFile, '--wrap-key', site.path('keys', 'tdc-wrap.cosekey'), '--out', folder],
      ...this.#flags(tdc.name),
    ]);
    const { model, files } = JSON.parse(stdout) as { model: string; files: { name: string }[] };
    observe(tdc.did, `received ${files.map(({ name }) => name).join(', ')}`);
    const contract = terms.body('contract.propose').id;
    await this.#service.complete(contract);
    observe(this.#one('CONTRACT_SERVICE').did, 'completed the contract');
    const bundle = site.path('bundles', 'model.proof');
    const verify = ['model', 'verify', folder];
    await this.#command('verify', [...verify, '--out', bundle, ...this.#flags(tdc.name)]);
    const offline = ['--bundle', bundle, '--trust', this.#parts.log.trust];
    const { stdout: verified } = await this.#command('verify-offline', [...verify, ...offline]);
    const scopes = terms.bodies
      .filter(({ kind }) => kind === 'dataset.register')
      .flatMap(({ body }) => {
        const { provider, scope } = body as { provider: string; scope?: string };
        return scope === undefined ? [] : [{ provider, scope }];
      });
    const account = await accountOf(site.crypto, client, { contract, scopes });
    return {
      ...{
        ...account,
        model,
        folder,
        heldOut: heldOutIn(folder, files),
        bundles: site.path('bundles'),
        verified,
      },
    };
  }

  /** @throws what the command says, by its code */
  async #command(name: string, args: readonly string[]): Promise<Finished> {
    const done = await this.#parts.processes.run(name, args);
    if (done.code === 0) return done;
    const [, code = 'INTERNAL', detail = ''] =
      [...done.stderr.matchAll(/^aichain: ([A-Z][A-Z0-9_]+): (.*)$/gm)].at(-1) ?? [];
    throw new LedgerError(code, `${name}: ${detail}`);
  }
}

/** From the metrics that left with the model, which are noisy: the run spent privacy on them, too. */
function heldOutIn(folder: string, files: readonly { readonly name: string }[]) {
  const found = files.find(({ name }) => name.includes('metrics'));
  if (!found) return undefined;
  const { heldOut } = JSON.parse(readFileSync(join(folder, found.name), 'utf8')) as {
    heldOut?: { accuracy: number; confusion: readonly (readonly number[])[] };
  };
  if (!heldOut) return undefined;
  const actual = heldOut.confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const all = actual.reduce((sum, count) => sum + count, 0);
  return { accuracy: heldOut.accuracy, baseline: Math.max(...actual) / all };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
