/**
 * The COVID-19 run of LIFECYCLE, "A real run, entry by entry": from DEPA-Training's real files, with the project's overlay
 * for what they lack. Each step is a statement that is made when its turn comes, so that the same story is told to the
 * transition function, and to a log over the network.
 */

import { CHECKS } from '../../src/attestation/index.ts';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { DEFAULT_POLICY } from '../../src/chain/policy.ts';
import { provePossession } from '../../src/chain/possession.ts';
import type { Role } from '../../src/chain/state.ts';
import type { Ref } from '../../src/chain/statement.ts';
import { type Bytes, fromHex, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import { type ImportedBody, importContract, type Sources } from '../../src/depa/index.ts';
import type { Applied, Member, SignOptions, World } from './world.ts';

/** What a step can know of those before it. */
export interface Told {
  /** The entry of an earlier step. */
  ref(step: string, rel?: string): Ref;
}

export interface Step {
  readonly name: string;
  readonly kind: KindName;
  statement(told: Told): Bytes;
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind.
type Body = any;

const ROLES: Readonly<Record<string, readonly Role[]>> = {
  icmr: ['TDP'],
  cowin: ['TDP'],
  index: ['TDP'],
  tdc: ['TDC'],
  ccrp: ['CCRP'],
  kms: ['KMS'],
  verifier: ['VERIFIER'],
  'contract-service': ['CONTRACT_SERVICE'],
};
export const PROVIDERS = ['icmr', 'cowin', 'index'] as const;

/** The epochs of the published run: ε so far, in micro-units. */
export interface Training {
  readonly epsilons: readonly number[];
  readonly delta: number;
}

export interface StoryOptions {
  /** Overlay and files that it is told from. */
  readonly sources: Sources;
  readonly training: Training;
  /** Whose key the SRO signs with (default: the world's). */
  readonly sro?: Member;
  /** Version of the policy that the story publishes (default 1): a log for development begins with one. */
  readonly policyVersion?: number;
}

export class Story {
  readonly world: World;
  readonly sro: Member;
  readonly bodies: readonly ImportedBody[];
  readonly training: Training;
  readonly policyVersion: number;

  /** @param world signs; it need not hold the log's state */
  static of(world: World, options: StoryOptions): Story {
    const { sources, training, sro = world.sro, policyVersion = 1 } = options;
    const circumstances = { origin: world.origin, at: world.now, salt: new Uint8Array(32) };
    const { bodies, problems } = importContract(world.crypto, sources, circumstances);
    if (problems.length > 0) throw new Error(`not imported: ${JSON.stringify(problems)}`);
    return new Story(world, { sro, bodies, training, policyVersion });
  }

  protected constructor(world: World, of: Pick<Story, 'sro' | 'bodies' | 'training' | 'policyVersion'>) {
    this.world = world;
    this.sro = of.sro;
    this.bodies = of.bodies;
    this.training = of.training;
    this.policyVersion = of.policyVersion;
  }

  /** The same story, signed by another world of the same log. */
  in(world: World): Story {
    return new Story(world, this);
  }

  member(name: string): Member {
    return this.world.member(name);
  }

  digest(what: string): Bytes {
    return this.world.crypto.sha256(utf8(what));
  }

  /** The `n`th object of a type that the files do not name. */
  urn(type: string, n = 1): string {
    return `urn:depa:${type}:${this.world.origin}:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  }

  /** An X25519 key as a COSE_Key. */
  wrapKey(name: string): Bytes {
    const bytes = this.digest(`x25519 ${name}`);
    bytes[31]! &= 0x3f;
    return encodeCoseKey({ algorithm: 'X25519', bytes });
  }

  imported(kind: string, n = 0): Body {
    return this.bodies.filter((each) => each.kind === kind)[n]!.body;
  }

  get contract(): Body {
    return this.imported('contract.propose');
  }

  step(
    name: string,
    by: Member,
    kind: KindName,
    body: Body | ((told: Told) => Body),
    more: (told: Told) => SignOptions = () => ({}),
  ): Step {
    const bodyOf = typeof body === 'function' ? body : () => body;
    return { name, kind, statement: (told) => this.world.sign(by, kind, bodyOf(told), more(told)) };
  }

  /** All of it. */
  steps(): readonly Step[] {
    return [
      ...this.governance(),
      ...this.participants(),
      ...this.delegations(),
      ...this.datasets(),
      this.baseModel(),
      ...this.signedContract(),
      ...this.room(),
    ];
  }

  readonly agreement = {
    version: 1,
    digest: new Uint8Array(32).fill(0xa9),
  };

  policyBody() {
    const { policyVersion: version } = this;
    return {
      ...DEFAULT_POLICY,
      version,
      purposes: ['TRAINING'],
      formats: ['csv', 'onnx', 'json', 'log'],
    };
  }

  governance(): readonly Step[] {
    const { sro, world } = this;
    const policy = this.policyBody();
    const agreement = { id: this.urn('agreement'), ...this.agreement, url: 'https://sro.example/agreement' };
    const year = 366 * 86_400;
    return [
      this.step('policy.publish', sro, 'policy.publish', policy),
      this.step('agreement.publish', sro, 'agreement.publish', { ...agreement, acceptBy: world.now + year }),
      this.step('anchors.publish', sro, 'anchors.publish', this.anchors()),
      this.step('appraisal-policy.publish', sro, 'appraisal-policy.publish', {
        ...{ id: this.contract.appraisalPolicy, version: 1, policy: this.appraisalPolicy() },
      }),
      this.step('code.certify', sro, 'code.certify', this.imported('code.certify')),
    ];
  }

  anchors() {
    const roots = [fromHex('300302012a')];
    return { id: this.urn('anchors'), version: 1, tee: 'simulated', roots, collateral: [], endorsers: [] };
  }

  appraisalPolicy() {
    const minTcb = { bootLoader: 4, tee: 0, snp: 22, microcode: 213 };
    return {
      products: [{ family: 25, model: 1, stepping: 1, minTcb }],
      minReportVersion: 2,
      signer: ['vcek'],
      vmpl: [0],
      guestPolicy: { debug: false, migrate: false },
      launch: { endorsedBy: [], measurements: [new Uint8Array(48).fill(5)] },
      hostData: this.imported('code.certify').hostData,
      containerPolicy: 'may-be-absent',
      chips: { allow: 'any', deny: [] },
      binding: 'jcs-sha512',
      freshness: 600,
    };
  }

  participants(names: readonly string[] = Object.keys(ROLES)): readonly Step[] {
    return names.flatMap((name) => {
      const roles = ROLES[name]!;
      const member = this.member(name);
      const evidence = this.digest(`papers of ${name}`);
      const registration = this.world.registration(member, roles);
      const enc = { keyAlias: 'wrap', use: 'enc', key: this.wrapKey(name) };
      const keys = name === 'tdc' ? [...registration.keys, enc] : registration.keys;
      return [
        this.step(`participant.register ${name}`, member, 'participant.register', { ...registration, keys }),
        this.step(
          `participant.verify ${name}`,
          this.sro,
          'participant.verify',
          { decision: 'verified', did: member.did, roles, evidence },
          (told) => ({ refs: [told.ref(`participant.register ${name}`)] }),
        ),
        this.step(`agreement.accept ${name}`, member, 'agreement.accept', {
          ...{ agreement: this.urn('agreement'), ...this.agreement },
        }),
      ];
    });
  }

  delegations(): readonly Step[] {
    const body = { delegate: this.member('kms').did, role: 'kms' };
    return PROVIDERS.map((name) =>
      this.step(`delegate.grant ${name}`, this.member(name), 'delegate.grant', body),
    );
  }

  datasets(): readonly Step[] {
    return PROVIDERS.map((name, i) =>
      this.step(
        `dataset.register ${name}`,
        this.member(name),
        'dataset.register',
        this.imported('dataset.register', i),
      ),
    );
  }

  baseModel(): Step {
    const body = {
      id: this.contract.baseModel,
      digest: this.digest('model.onnx'),
      format: 'onnx',
      parents: [],
    };
    return this.step('model.register', this.member('tdc'), 'model.register', body);
  }

  proposal(): Step {
    return this.step('contract.propose', this.member('tdc'), 'contract.propose', this.contract);
  }

  signedContract(): readonly Step[] {
    const { id, version, text } = this.contract;
    const body = (told: Told) => ({ id, version, text, proposal: told.ref('contract.propose').entry });
    const signatories = ['tdc', ...PROVIDERS, 'ccrp'];
    return [
      this.proposal(),
      ...signatories.map((name) =>
        this.step(`contract.sign ${name}`, this.member(name), 'contract.sign', body),
      ),
    ];
  }

  /** The life of the `n`th clean room under the contract. */
  room(n = 1): readonly Step[] {
    return [...this.attested(n), ...this.keyed(n), ...this.trained(n), ...this.released(n)];
  }

  roomId(n = 1): string {
    return n === 1 ? this.imported('cleanroom.deploy').id : this.urn('cleanroom', n);
  }

  /** The room as who signs. */
  asRoom(n = 1): Member {
    return { did: this.roomId(n), keys: [this.roomKey(n)] };
  }

  roomKey(n: number): PrivateKey {
    return this.world.key(`room ${n}`);
  }

  attested(n = 1): readonly Step[] {
    const { world } = this;
    const id = this.roomId(n);
    const room = this.asRoom(n);
    const evidence = this.digest(`evidence ${n}`);
    const wrapKey = this.wrapKey(`room ${n}`);
    const deploy = `cleanroom.deploy ${n}`;
    const attestation = (told: Told) => ({
      ...{ id, tee: 'simulated', evidence, signKey: encodeCoseKey(room.keys[0].publicKey), wrapKey },
      pop: provePossession(room.keys[0], {
        ...{ log: world.origin, cleanroom: id, deploy: told.ref(deploy).entry, evidence },
        wrapKid: world.crypto.sha256(wrapKey),
      }),
    });
    return [
      this.step(deploy, this.member('ccrp'), 'cleanroom.deploy', {
        ...this.imported('cleanroom.deploy'),
        id,
      }),
      this.step(`cleanroom.attest ${n}`, this.member('ccrp'), 'cleanroom.attest', attestation),
      this.appraisal(n),
    ];
  }

  appraisal(n = 1, change: object = {}): Step {
    const digestOf = (document: object) => this.world.crypto.sha256(encode(document as Cbor));
    const body = () => ({
      id: this.roomId(n),
      evidence: this.digest(`evidence ${n}`),
      evidenceId: this.digest(`report ${n}`),
      policy: { id: this.contract.appraisalPolicy, version: 1, digest: digestOf(this.appraisalPolicy()) },
      anchors: { id: this.urn('anchors'), version: 1, digest: digestOf(this.anchors()) },
      head: this.world.now - 1,
      hostData: this.imported('code.certify').hostData[0],
      result: 'affirming',
      checks: Object.keys(CHECKS).map((name) => ({ name, passed: true })),
      ...change,
    });
    return this.step(`cleanroom.appraise ${n}`, this.member('verifier'), 'cleanroom.appraise', body);
  }

  /** What money and keys there are: all holds and requests, then all releases, then all receipts. */
  keyed(n = 1): readonly Step[] {
    const room = this.asRoom(n);
    const release = (i: number) => this.urn('release', 100 * n + i);
    const each = (make: (name: (typeof PROVIDERS)[number], i: number) => Step) => PROVIDERS.map(make);
    const contract = this.contract;
    return [
      ...this.payments('hold', n),
      ...each((name, i) => {
        const { id, version, dataKeyId } = contract.datasets[i];
        const body = { id: release(i), subject: id, version, contract: contract.id, dataKeyId };
        return this.step(`key.request ${name} ${n}`, room, 'key.request', body);
      }),
      ...each((name, i) => this.release(n, name, i)),
      ...each((name, i) => {
        const body = { id: release(i), wrapped: this.digest(`wrapped ${name} ${n}`) };
        return this.step(`key.receive ${name} ${n}`, room, 'key.receive', body);
      }),
    ];
  }

  release(n: number, name: (typeof PROVIDERS)[number], i: number, nonce = `nonce ${name} ${n}`): Step {
    const body = { id: this.urn('release', 100 * n + i), nonce: this.digest(nonce) };
    const onBehalf = this.member(name).did;
    return this.step(`key.release ${name} ${n}`, this.member('kms'), 'key.release', body, () => ({
      onBehalf,
    }));
  }

  payments(
    what: 'hold' | 'settle' | 'refund' | 'fail',
    n = 1,
    cleanroom: string = this.roomId(n),
  ): readonly Step[] {
    const rows = this.contract.payments as { payee: string; amount: number; currency: string }[];
    return rows.map(({ payee, amount, currency }, row) =>
      this.step(`payment.${what} ${row} ${n}`, this.member('contract-service'), `payment.${what}`, {
        ...{ contract: this.contract.id, row, cleanroom, payer: this.member('tdc').did },
        ...{
          payee,
          amount,
          currency,
          processor: 'bank.example',
          reference: this.digest(`${what} ${row} ${n}`),
        },
      }),
    );
  }

  run(n = 1): string {
    return this.urn('run', n);
  }

  started(n = 1): Step {
    const { baseModel, pipeline, public: plan } = this.imported('cleanroom.deploy');
    const mounts = plan.datasets.map(({ dataset, version }: Body, i: number) => {
      return { dataset, version, ciphertext: this.imported('dataset.register', i).ciphertext };
    });
    const body = { id: this.run(n), cleanroom: this.roomId(n), mounts, pipeline };
    const base = baseModel && { baseModel: { model: baseModel, digest: this.digest('model.onnx') } };
    return this.step(`run.start ${n}`, this.asRoom(n), 'run.start', { ...body, ...base });
  }

  logged(n = 1): readonly Step[] {
    const { epsilons, delta } = this.training;
    return epsilons.map((epsilon, i) =>
      this.step(`run.log ${i + 1} ${n}`, this.asRoom(n), 'run.log', {
        ...{ run: this.run(n), seq: i + 1, epoch: i + 1, epsilon, delta },
        batchRoot: this.digest(`batches ${i + 1} ${n}`),
      }),
    );
  }

  completed(n = 1, outputs: readonly object[] = this.outputs()): Step {
    const { epsilons, delta } = this.training;
    const body = { run: this.run(n), epsilon: epsilons.at(-1), delta, accountant: 'opacus', outputs };
    return this.step(`run.complete ${n}`, this.asRoom(n), 'run.complete', body);
  }

  outputs() {
    const file = (name: string, format: string, size: number) => ({
      ...{ name, format, digest: this.digest(name), size, private: true },
    });
    return [file('trained_model.onnx', 'onnx', 4_096), file('evaluation_metrics.json', 'json', 512)];
  }

  trained(n = 1): readonly Step[] {
    return [this.started(n), ...this.logged(n), this.completed(n)];
  }

  released(n = 1): readonly Step[] {
    const model = this.urn('model', n);
    const ciphertext = this.digest(`model for the TDC ${n}`);
    const release = {
      ...{ id: model, run: this.run(n), digest: this.digest('trained_model.onnx') },
      ...{ files: [this.digest('evaluation_metrics.json')], ciphertext, to: this.member('tdc').did },
      wrapKid: this.world.crypto.sha256(this.wrapKey('tdc')),
    };
    return [
      ...this.payments('settle', n),
      this.step(`model.release ${n}`, this.asRoom(n), 'model.release', release),
      this.step(`model.receive ${n}`, this.member('tdc'), 'model.receive', { model, ciphertext }),
      this.step(`cleanroom.terminate ${n}`, this.asRoom(n), 'cleanroom.terminate', {
        id: this.roomId(n),
        reason: 'done',
      }),
    ];
  }
}

/** Tells steps to a world, in which each has to be accepted; knows where each of them went. */
export class Telling implements Told {
  readonly world: World;
  readonly #entries: Map<string, number>;

  constructor(world: World, entries: ReadonlyMap<string, number> = new Map()) {
    this.world = world;
    this.#entries = new Map(entries);
  }

  /** What has been told so far, to go on with in a copy of the world. */
  in(world: World): Telling {
    return new Telling(world, this.#entries);
  }

  has(step: string): boolean {
    return this.#entries.has(step);
  }

  /** Logs the step, whatever becomes of it. */
  log(step: Step): Applied {
    const applied = this.world.apply(step.statement(this));
    if (applied.verdict.outcome === 'ok') this.#entries.set(step.name, applied.index);
    return applied;
  }

  ref(step: string, rel = 'after'): Ref {
    const index = this.#entries.get(step);
    if (index === undefined) throw new Error(`${step} has not been told`);
    return this.world.ref(rel, index);
  }

  tell(...steps: readonly Step[]): this {
    for (const step of steps) {
      this.world.advance(1);
      try {
        const { index } = this.world.accept(step.statement(this));
        this.#entries.set(step.name, index);
      } catch (cause) {
        throw new Error(`${step.name}: ${(cause as Error).message}`, { cause });
      }
    }
    return this;
  }

  /** What the chain says to a step: the reason of its refusal or denial, or "ok". */
  answer(step: Step): string {
    this.world.advance(1);
    return this.world.judge(step.statement(this)).verdict.reason ?? 'ok';
  }
}
