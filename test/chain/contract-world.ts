/**
 * A world in which datasets can be registered and contracts made, by their own kinds: two providers, a consumer, a CCRP,
 * a KMS that both providers delegate to, a verifier and a contract service, all ACTIVE, and one piece of certified code.
 * What comes from kinds of other subjects is put there as records.
 * @example
 * const s = contractWorld(nodeCrypto);
 * const id = s.signed(s.twoDatasets());
 */
import type { ContractBody } from '../../src/chain/contract-terms.ts';
import type { DatasetBody } from '../../src/chain/dataset-description.ts';
import { CONTRACT, type ContractRecord } from '../../src/chain/records/contract.ts';
import { BUDGET, type BudgetRecord, DATASET, type DatasetRecord } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { DELEGATION, type DelegateRole, type Role } from '../../src/chain/state.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import type { Crypto } from '../../src/core/crypto.ts';
import { type Applied, type Member, ORIGIN, type SignOptions, World } from './world.ts';

const DAY = 86_400;
export const TEXT = utf8('{"purpose":"TRAINING"}');

/** @example urnOf('dataset', 1) */
export function urnOf(type: string, n: number): string {
  return `urn:depa:${type}:${ORIGIN}:00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}
export const CERTIFIED = urnOf('code', 1);

export class ContractWorld {
  readonly world: World;
  readonly icmr: Member;
  readonly cowin: Member;
  readonly tdc: Member;
  readonly ccrp: Member;
  readonly kms: Member;
  readonly verifier: Member;
  readonly service: Member;

  constructor(world: World, from?: ContractWorld) {
    this.world = world;
    const join = (name: string, roles: readonly Role[], keys = 1): Member => {
      if (from) return world.member(name, 'ES256', keys);
      const member = world.join(name, roles, 'ES256', keys);
      world.activate(member);
      return member;
    };
    this.icmr = join('icmr', ['TDP', 'DATA_COLLAB'], 2);
    this.cowin = join('cowin', ['TDP']);
    this.tdc = join('tdc', ['TDC']);
    this.ccrp = join('ccrp', ['CCRP']);
    this.kms = join('kms', ['KMS']);
    this.verifier = join('verifier', ['VERIFIER']);
    this.service = join('service', ['CONTRACT_SERVICE']);
  }

  clone(): ContractWorld {
    return new ContractWorld(this.world.clone(), this);
  }

  delegate(grantor: Member, delegate: Member, role: DelegateRole, change: object = {}): void {
    const { world } = this;
    const record = { grantor: grantor.did, delegate: delegate.did, role, revoked: false };
    const made = { kid: world.kid(grantor.keys[0]), changed: 0, changedAt: world.time, ...change };
    world.put(DELEGATION.put({ ...record, ...made }, grantor.did, delegate.did, role));
  }

  hash(text: string): Bytes {
    return this.world.crypto.sha256(utf8(text));
  }

  /** Dataset `n`: personal, ε = 1.5, of `provider` and a scope of its own. */
  datasetBody(n: number, provider: Member = this.icmr, change: Partial<DatasetBody> = {}): DatasetBody {
    return {
      id: urnOf('dataset', n),
      version: 1,
      provider: provider.did,
      name: `dataset ${n}`,
      schema: 'https://data.example/schema.json',
      card: this.hash(`card ${n}`),
      url: `https://data.example/${n}.img`,
      ciphertext: this.hash(`ciphertext ${n}`),
      size: 1_000_000,
      format: 'csv',
      plaintext: this.hash(`plaintext ${n}`),
      kms: { did: this.kms.did, dataKeyId: `key-${n}`, endpoint: 'https://kms.example' },
      sensitivity: 1,
      personal: true,
      scope: `population ${n}`,
      legalBasis: 'consent',
      purposes: ['TRAINING', 'RESEARCH'],
      joinKeys: ['pk_mobno_hashed'],
      targets: ['icmr_a_icmr_test_result'],
      budget: { epsilon: 1_500_000, delta: 10_000_000_000 },
      terms: {
        model: 'per-run',
        amount: 100_000,
        currency: 'INR',
        split: [{ payee: provider.did, percent: 100 }],
      },
      parents: [],
      ...change,
    };
  }

  register(n: number, provider: Member = this.icmr, change: Partial<DatasetBody> = {}): Applied {
    return this.world.accept(
      this.world.sign(provider, 'dataset.register', this.datasetBody(n, provider, change)),
    );
  }

  dataset(n: number, version = 1): DatasetRecord | undefined {
    return DATASET.read(this.world.read, urnOf('dataset', n), version);
  }

  budget(n: number, provider: Member = this.icmr): BudgetRecord | undefined {
    return BUDGET.read(this.world.read, provider.did, `population ${n}`);
  }

  /** A statement that refers to the entry that last changed this version. */
  toggle(
    by: Member,
    kind: 'dataset.update' | 'dataset.suspend' | 'dataset.reinstate' | 'dataset.withdraw',
    body: { readonly id: string; readonly version: number; readonly [member: string]: unknown },
    options: SignOptions = {},
  ): Bytes {
    const named = kind === 'dataset.update' ? body.version - 1 : body.version;
    const record = DATASET.read(this.world.read, body.id, named);
    const refs = record ? [this.world.ref('after', record.changed)] : [];
    return this.world.sign(by, kind, body, { refs, ...options });
  }

  /** Datasets 1 and 2, one of each provider, unless they are there. */
  twoDatasets(): this {
    if (!this.dataset(1)) this.register(1, this.icmr);
    if (!this.dataset(2)) this.register(2, this.cowin);
    return this;
  }

  /** Contract `n` over datasets 1 and 2. */
  contractBody(n = 1, change: Partial<ContractBody> = {}): ContractBody {
    const { world, icmr, cowin, tdc, ccrp, service, verifier } = this;
    return {
      id: urnOf('contract', n),
      version: 1,
      text: world.crypto.sha256(TEXT),
      contentType: 'application/json',
      parties: { tdc: tdc.did, tdps: [icmr.did, cowin.did], ccrp: ccrp.did, paymentService: service.did },
      datasets: [
        { id: urnOf('dataset', 1), version: 1, provider: icmr.did, dataKeyId: 'key-1' },
        { id: urnOf('dataset', 2), version: 1, provider: cowin.did, dataKeyId: 'key-2' },
      ],
      purpose: 'TRAINING',
      start: world.now,
      expiry: world.now + 90 * DAY,
      privacy: [1, 2].map((dataset) => ({
        dataset: urnOf('dataset', dataset),
        epsilon: 1_500_000,
        delta: 10_000_000_000,
        noiseMultiplier: 2000,
        epochsPerReport: 2,
      })),
      maxRuns: 1,
      code: [CERTIFIED],
      verifiers: [verifier.did],
      quorum: 1,
      appraisalPolicy: urnOf('appraisal-policy', 1),
      joinKeys: ['pk_mobno_hashed'],
      targets: ['icmr_a_icmr_test_result'],
      payments: [{ payee: icmr.did, amount: 100_000, currency: 'INR', trigger: 'model.release' }],
      revocation: [{ who: icmr.did, condition: 'breach of the agreement', notice: DAY }],
      ...change,
    };
  }

  propose(n = 1, change: Partial<ContractBody> = {}, by: Member = this.tdc): Applied {
    return this.world.accept(this.world.sign(by, 'contract.propose', this.contractBody(n, change)));
  }

  contract(n = 1): ContractRecord | undefined {
    return CONTRACT.read(this.world.read, urnOf('contract', n));
  }

  /** What a signatory says to contract `n`, as it stands. */
  answerBody(n = 1, change: object = {}) {
    const { version = 1, proposal = new Uint8Array(32), text = this.hash('') } = this.contract(n) ?? {};
    return { id: urnOf('contract', n), version, proposal, text, ...change };
  }

  answer(by: Member, n = 1, kind: 'contract.sign' | 'contract.decline' = 'contract.sign', change = {}) {
    return this.world.sign(by, kind, this.answerBody(n, change));
  }

  get signatories(): readonly [Member, Member, Member, Member] {
    return [this.tdc, this.icmr, this.cowin, this.ccrp];
  }

  /** Contract `n`, proposed and signed by all. */
  signed(n = 1, change: Partial<ContractBody> = {}): this {
    this.twoDatasets().propose(n, change);
    for (const member of this.signatories) this.world.accept(this.answer(member, n));
    return this;
  }

  /** What the kinds of other subjects do to contract `n`. */
  become(n: number, change: Partial<ContractRecord>): this {
    this.world.put(CONTRACT.put({ ...this.contract(n)!, ...change }, urnOf('contract', n)));
    return this;
  }
}

const made = new Map<Crypto, ContractWorld>();

/** A copy of its own each time. */
export function contractWorld(crypto: Crypto): ContractWorld {
  const known = made.get(crypto) ?? begin(crypto);
  made.set(crypto, known);
  return known.clone();
}

function begin(crypto: Crypto): ContractWorld {
  const world = World.begin(crypto);
  const begun = new ContractWorld(world);
  const { icmr, cowin, kms } = begun;
  begun.delegate(icmr, kms, 'kms');
  begun.delegate(cowin, kms, 'kms');
  const digest = new Uint8Array(32).fill(3);
  const code = { state: 'CERTIFIED', hostData: [digest], ledgerTrust: digest, entry: 0 } as const;
  world.put(CODE.put({ ...code }, CERTIFIED));
  return begun;
}
