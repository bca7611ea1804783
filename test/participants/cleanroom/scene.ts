/**
 * A log with witness and replayer in which everything is ready for a clean room: participants, datasets that are sealed for real,
 * a signed contract, certified code, anchors of a simulator; and who has to act meanwhile: KMS, payment service, verifier.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseStatement, type Ref } from '../../../src/chain/index.ts';
import { EvidenceClient, LedgerClient } from '../../../src/client/index.ts';
import { type Bytes, concat, toHex, utf8 } from '../../../src/core/bytes.ts';
import { isLedgerError } from '../../../src/core/errors.ts';
import { AppraiserService, type Outcome } from '../../../src/participants/appraiser/index.ts';
import {
  type CleanroomOptions,
  type CleanroomOutcome,
  openSimulator,
  type Progress,
  runCleanroom,
  sealedBase,
  simulatedEvidence,
} from '../../../src/participants/cleanroom/index.ts';
import { KeyImportClient, type ReleaseOutcome, startKms } from '../../../src/participants/kms/index.ts';
import { seal } from '../../../src/participants/sealed-file.ts';
import { sampleModel, writeCsv } from '../../../src/participants/training/index.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../../src/server/index.ts';
import { PROVIDERS, type Step, Story, type Told } from '../../chain/story.ts';
import { World } from '../../chain/world.ts';
import { covidWith, type Overlay } from '../../depa/scenario.ts';
import { SimulatedRooms } from '../../e2e/simulated-room.ts';
import { serveWitnessed, type WitnessedServer } from '../../e2e/witnessed-server.ts';
import { config, file, request } from '../kms/imports.ts';
import { json, realFile, realTables, SUPPLEMENT } from '../training/covid.ts';

const APPRAISER = 'a'.repeat(43);
/** 48 bytes, as the story's appraisal policy has them. */
const MEASUREMENT = new Uint8Array(48).fill(5);

/** Of a provider, on its way into the KMS. */
interface DataKey {
  readonly name: string;
  readonly dataKeyId: string;
  readonly dataKey: Bytes;
}

export class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), 'aichain-cleanroom-'));
  readonly appraised: Outcome[] = [];
  readonly progress: Progress[] = [];
  witnessed!: WitnessedServer;
  client!: LedgerClient;
  story!: Story;
  kms!: Awaited<ReturnType<typeof startKms>>;
  /** What came of each release that the KMS was asked for. */
  readonly releases: ReleaseOutcome[] = [];
  /** The TDC's key of use `enc`. */
  readonly encryption = crypto.generatePrivateKey('ES256');
  readonly #entries = new Map<string, Ref>();
  readonly #told: Told = { ref: (step, rel = 'after') => ({ ...this.#entries.get(step)!, rel }) };
  readonly #stop = new AbortController();
  readonly #work: Promise<unknown>[] = [];
  #simulatorFile!: string;

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** @param simulatorFile keys of a simulator */
  async begin(simulatorFile: string): Promise<void> {
    this.#simulatorFile = simulatorFile;
    writeFileSync(this.path('access'), `read token sha256:${toHex(crypto.sha256(utf8(APPRAISER)))}\n`);
    this.witnessed = await serveWitnessed(this.folder, { evidenceAccessFile: this.path('access') });
    const { server, trust } = this.witnessed;
    writeFileSync(this.path('trust.json'), server.trust);
    this.client = await LedgerClient.connect({ grpc: server.grpc, trust });
    const vaults = await this.#tell();
    await this.#staff(vaults);
  }

  async #tell(): Promise<readonly DataKey[]> {
    const world = World.empty(crypto, this.client.trust.origin);
    world.time = Date.now();
    const sro = {
      did: DEVELOPMENT_SRO,
      keys: [developmentSro(crypto, keyFolder(this.path('log')))] as const,
    };
    const options = { training: { epsilons: [], delta: 0 }, sro, policyVersion: 2 };
    const draft = Story.of(world, { ...options, sources: covidWith(() => undefined) });
    const { files, vaults } = await this.#seal(draft);
    const base = await this.#sealBase(draft);
    const sources = covidWith((overlay: Overlay) => {
      for (const [id, { digest, size }] of files) {
        Object.assign(overlay.datasets[id], { ciphertext: toHex(digest), size });
      }
      overlay.code.ledgerTrust = toHex(crypto.sha256(Uint8Array.from(readFileSync(this.path('trust.json')))));
      overlay.code.accountant = { name: 'aichain-rdp-1', trusted: true };
    });
    this.story = Story.of(world, { ...options, sources });
    const rooms = new SimulatedRooms(this.story, openSimulator(crypto, this.#simulatorFile));
    const governance = this.story.governance.bind(this.story);
    this.story.governance = () => governance().map((step) => this.#withSafetensors(step));
    this.story.baseModel = () => base.registered;
    // All but the deployment: that is for the clean room.
    const kms = { delegate: this.story.member('kms').did, role: 'kms' };
    const lent = this.story.step('delegate.grant tdc', this.story.member('tdc'), 'delegate.grant', kms);
    const steps = rooms
      .before()
      .slice(0, -1)
      .flatMap((step) => (step === base.registered ? [lent, step] : [step]));
    steps.push(this.#encryptionKey());
    for (const step of steps) await this.log(step, step === steps.at(-1));
    return [...vaults, base.vault];
  }

  /** The consumer's model, whose weights are secret. */
  async #sealBase(draft: Story) {
    const { pipeline, supplement } = this.pipeline();
    const model = sampleModel(crypto, pipeline, supplement!, 'scene');
    const { baseModel: id } = draft.contract;
    const [key, dataKeyId] = [crypto.randomBytes(32), 'ModelFilesystemEncryptionKey'];
    const parts: Bytes[] = [];
    for await (const part of seal(key, sealedBase(id, dataKeyId), [model])) parts.push(part);
    writeFileSync(this.path('base.sealed'), concat(...parts));
    const body = { id, digest: crypto.sha256(model), format: 'safetensors', parents: [] };
    const [tdc, kms] = [draft.member('tdc'), { did: draft.member('kms').did, dataKeyId }];
    const registered = draft.step('model.register', tdc, 'model.register', { ...body, kms });
    return { registered, vault: { name: 'tdc', dataKeyId, dataKey: key } };
  }

  /** The story's own is nobody's. */
  #encryptionKey(): Step {
    const tdc = this.story.member('tdc');
    const body = { ...this.story.world.listed(tdc, this.encryption, 'models'), use: 'enc' };
    return this.story.step('key.add', tdc, 'key.add', body);
  }

  #withSafetensors(step: Step): Step {
    if (step.name !== 'policy.publish') return step;
    const policy = { ...this.story.policyBody(), formats: ['csv', 'json', 'safetensors', 'onnx'] };
    return this.story.step(step.name, this.story.sro, 'policy.publish', policy);
  }

  /** What providers do: standardise, seal, hand the file over. */
  async #seal(draft: Story) {
    mkdirSync(this.path('data'));
    const files = new Map<string, { digest: Bytes; size: number }>();
    const vaults: DataKey[] = [];
    const tables = [...realTables()];
    for (const [i, { id, version, dataKeyId }] of draft.contract.datasets.entries()) {
      const local = id.split(':').at(-1);
      const name = draft.imported('dataset.register', i).name;
      const table = tables.find(([each]) => each === name)![1];
      const key = crypto.randomBytes(32);
      const parts: Bytes[] = [];
      const sealedFor = { subject: id, version, dataKeyId };
      for await (const part of seal(key, sealedFor, [utf8(writeCsv(table))])) parts.push(part);
      const sealed = concat(...parts);
      writeFileSync(this.path('data', `${name}.sealed`), sealed);
      files.set(local, { digest: crypto.sha256(sealed), size: sealed.length });
      vaults.push({ name: PROVIDERS[i]!, dataKeyId, dataKey: key });
    }
    return { files, vaults };
  }

  async #staff(vaults: readonly DataKey[]): Promise<void> {
    const { server, trust } = this.witnessed;
    const own = await LedgerClient.connect({ grpc: server.grpc, trust });
    const kms = this.story.member('kms');
    this.kms = await startKms({
      ...{ crypto, client: own, kms: { did: kms.did, key: kms.keys[0] }, dataDir: this.path('kms') },
      ...{ host: '127.0.0.1', port: 0, observe: { released: (outcome) => this.releases.push(outcome) } },
    });
    using imports = new KeyImportClient(this.kms.url);
    const { hostData } = this.story.imported('code.certify');
    for (const { name, dataKeyId, dataKey } of vaults) {
      const { did: owner, keys } = this.story.member(name);
      const parts = { log: own.trust.origin, owner, key: keys[0], kms: kms.did, kmsKey: this.kms.wrapKey };
      await imports.import(await request({ ...parts, config: file(config(dataKeyId, hostData)), dataKey }));
    }
    const { did, keys } = this.story.member('verifier');
    const appraiser = new AppraiserService({
      ...{ crypto, client: own, verifier: { did, key: keys[0] } },
      evidence: new EvidenceClient({ url: server.http, token: APPRAISER }),
      observe: (outcome) => this.appraised.push(outcome),
    });
    this.#work.push(appraiser.run(this.#stop.signal), this.#pay(this.#stop.signal));
    this.#stop.signal.addEventListener('abort', () => own.close());
  }

  async log(step: Step, witnessed = false): Promise<void> {
    this.story.world.time = Date.now();
    try {
      const { index, entryId } = await this.client.register(step.statement(this.#told), {
        ...(witnessed && { wait: 'WITNESSED', deadlineMs: 30_000 }),
      });
      this.#entries.set(step.name, { rel: 'after', index, entry: entryId });
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      throw new Error(`${step.name}: ${cause.code} ${cause.message}`, { cause });
    }
  }

  /** What a payment service does for rooms: holds once one is attested, settles once its run is over. */
  async #pay(signal: AbortSignal): Promise<void> {
    const rooms = new Map<string, string>();
    for (let next = 0; !signal.aborted; await delay(300)) {
      for await (const { index, statement } of this.client.entries(next)) {
        next = index + 1;
        const parsed = statement && parseStatement(crypto, statement);
        const { kind } = parsed?.chain ?? {};
        if (kind === 'run.start') {
          const { id, cleanroom } = parsed!.body as { id: string; cleanroom: string };
          rooms.set(id, cleanroom);
        }
        if (kind === 'cleanroom.attest') await this.#paid('hold', (parsed!.body as { id: string }).id);
        if (kind === 'run.complete')
          await this.#paid('settle', rooms.get((parsed!.body as { run: string }).run)!);
      }
    }
  }

  async #paid(what: 'hold' | 'settle', cleanroom: string): Promise<void> {
    for (const step of this.story.payments(what, 1, cleanroom)) await this.log(step);
  }

  /** A room, with what a test wants otherwise. */
  run(
    name: string,
    change: Partial<CleanroomOptions> & { guestPolicy?: bigint } = {},
  ): Promise<CleanroomOutcome> {
    const { guestPolicy, ...rest } = change;
    const { did, keys } = this.story.member('ccrp');
    const store = new EvidenceClient({ url: this.witnessed.server.http });
    this.progress.length = 0;
    return runCleanroom({
      ...{ crypto, client: this.client, trustFile: Uint8Array.from(readFileSync(this.path('trust.json'))) },
      ...{ deployer: { did, key: keys[0] }, contract: this.story.contract.id, files: this.pipeline() },
      ...{ data: this.path('data'), work: this.path(`${name}.work`), out: this.path(name) },
      ...{ kms: [{ url: this.kms.url }], patience: 30 },
      evidence: ([hostData]) =>
        simulatedEvidence(crypto, openSimulator(crypto, this.#simulatorFile), {
          ...{ measurement: MEASUREMENT, hostData: hostData! },
          ...(guestPolicy !== undefined && { guestPolicy }),
        }),
      store,
      observe: (said) => this.progress.push(said),
      ...rest,
    }).finally(() => store.close());
  }

  pipeline(change: object = {}): CleanroomOptions['files'] {
    return {
      pipeline: realFile('covid/config/pipeline_config.json'),
      supplement: json({ ...SUPPLEMENT, ...change }),
      salt: crypto.sha256(utf8('salt')),
    };
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.kms?.close();
    await Promise.allSettled(this.#work);
    this.client?.close();
    await this.witnessed?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
