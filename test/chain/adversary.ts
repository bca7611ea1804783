/**
 * Statements that nobody honest would make, in histories that are honest enough to get somewhere: any body that was logged
 * before, or could be, with members exchanged for other values of the same form, signed by anybody.
 */
import { isDid, isUrn } from '../../src/chain/identifier.ts';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { DELEGATION, POLICY, ROLES } from '../../src/chain/state.ts';
import type { Ref } from '../../src/chain/statement.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { type Action, movesOf } from './lifecycle-actions.ts';
import type { Base } from './lifecycle-base.ts';
import { PROVIDERS, type Step } from './story.ts';
import type { Member } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind.
type Body = any;

const OLD = ['icmr', 'cowin', 'index', 'tdc', 'ccrp', 'kms', 'verifier', 'contract-service'] as const;
const NEW = ['newcomer', 'second-tdc', 'second-sro'] as const;
const ROOMS = [1, 2, 3] as const;
const FATAL: readonly KindName[] = [
  ...(['participant.suspend', 'participant.revoke', 'participant.withdraw', 'key.revoke'] as const),
  ...(['contract.revoke', 'code.revoke', 'dataset.withdraw', 'dataset.suspend', 'policy.publish'] as const),
  ...(['agreement.publish', 'appraisal-policy.publish', 'delegate.revoke'] as const),
];

export class Adversary {
  readonly #base: Base;
  /** Whole numbers below the argument, the same ones for the same seed. */
  readonly #below: (n: number) => number;

  constructor(base: Base, below: (n: number) => number) {
    this.#base = base;
    this.#below = below;
  }

  /** Some rooms have come a way before. */
  begin(): void {
    const { telling, world } = this.#base;
    for (const room of ROOMS) {
      for (let steps = this.#below(8); steps > 0; steps--) {
        for (const { step } of movesOf(this.#base, { what: 'go', room, i: 0, k: 0 })) {
          world.advance(1);
          telling.log(step);
        }
      }
    }
  }

  /** The next statements of the history. */
  next(): readonly Step[] {
    const turn = this.#below(10);
    if (turn < 5) return this.#usual();
    return turn < 8 ? [this.#made(this.#template())] : this.#repeated();
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }

  #member(): Member {
    const { story } = this.#base;
    const name = this.#pick([...OLD, ...OLD, ...NEW, 'sro', 'sro']);
    return name === 'sro' ? story.sro : story.member(name);
  }

  /** What lifecycle-actions knows to do. */
  #usual(): readonly Step[] {
    const whats: readonly Action['what'][] = [
      ...(['go', 'go', 'go', 'go', 'go', 'keys', 'keys', 'affirm', 'hold', 'ask', 'grant', 'take'] as const),
      ...(['log', 'wait', 'lift', 'lift-data', 'deploy', 'attest', 'stale', 'contraindicate'] as const),
      ...(['cancel', 'start', 'complete', 'fail', 'abort', 'settle', 'release', 'terminate'] as const),
    ];
    const [room, i, k] = [this.#pick(ROOMS), this.#below(3), this.#below(4)];
    const { telling } = this.#base;
    return movesOf(this.#base, { what: this.#pick(whats), room, i, k }).flatMap(({ step }) => {
      try {
        const statement = step.statement(telling);
        return [{ ...step, statement: () => statement }];
      } catch {
        // It builds on a step that was refused.
        return [];
      }
    });
  }

  /** An earlier statement again, by its own signer or another, with something else in it. */
  #repeated(): readonly Step[] {
    const { applied } = this.#pick(this.#base.world.entries);
    const { statement } = applied;
    if (!statement?.chain || statement.chain.kind === 'log.genesis') return [];
    const { issuer, chain, body } = statement;
    const by = this.#below(4) > 0 ? this.#signer(issuer) : this.#member();
    const onBehalf = this.#below(5) > 0 ? chain.onBehalf : this.#member().did;
    return [this.#made({ by, kind: chain.kind as KindName, body, ...(onBehalf && { onBehalf }) }, 1)];
  }

  #signer(did: string): Member {
    const { story } = this.#base;
    const room = ROOMS.find((n) => story.roomId(n) === did);
    if (room) return story.asRoom(room);
    const name = [...OLD, ...NEW].find((each) => story.member(each).did === did);
    return name ? story.member(name) : story.sro;
  }

  #made({ by, kind, body, onBehalf }: Draft, least = 0): Step {
    const { world } = this.#base;
    let changed = structuredClone(body);
    for (let n = least + (this.#below(3) === 0 ? 1 : 0); n > 0; n--) changed = this.#change(changed);
    const refs = this.#refs(kind, changed, by);
    const options = { refs, ...(onBehalf !== undefined && { onBehalf }) };
    const statement = world.sign(by, kind, changed, options);
    return { name: `adversary ${world.entries.length}`, kind, statement: () => statement };
  }

  /** One member, somewhere in it, is another. */
  #change(value: Body): Body {
    if (Array.isArray(value)) {
      const at = this.#below(value.length + 1);
      if (at === value.length) return value.length > 1 ? value.slice(1) : [...value, ...value];
      return value.map((item, i) => (i === at ? this.#change(item) : item));
    }
    if (value instanceof Uint8Array) return this.#bytes(value);
    if (typeof value === 'object' && value !== null) {
      const name = this.#pick(Object.keys(value));
      const { [name]: member, ...rest } = value;
      return this.#below(12) === 0 ? rest : { ...value, [name]: this.#change(member) };
    }
    if (typeof value === 'number') return this.#pick([0, 1, 2, value + 1, Math.max(0, value - 1), 2 ** 40]);
    if (typeof value === 'boolean') return !value;
    return typeof value === 'string' ? this.#text(value) : value;
  }

  #text(value: string): string {
    if (isDid(value)) return this.#member().did;
    return isUrn(value)
      ? this.#id(value.split(':')[2]!)
      : this.#pick([value, `${value}2`, 'csv', 'TRAINING']);
  }

  /** An object of the type, that there is or that there is not. */
  #id(type: string): string {
    const { world, story } = this.#base;
    const known = world.entries.flatMap(({ applied }) => {
      const { id } = (applied.statement?.body ?? {}) as { id?: string };
      return id?.startsWith(`urn:depa:${type}:`) ? [id] : [];
    });
    return this.#pick([...known, ...known, story.urn(type, 900 + this.#below(4))]);
  }

  #bytes(value: Bytes): Bytes {
    if (value.length !== 32) return value;
    const keys = [...OLD, ...NEW].map((name) => this.#base.story.member(name).keys[0]);
    return this.#pick([value.map((byte) => byte ^ 1), this.#base.world.kid(this.#pick(keys))]);
  }

  /** The entry that changed it last, mostly. */
  #refs(kind: KindName, body: Body, by: Member): readonly Ref[] {
    const { world } = this.#base;
    const { read } = world;
    const of = (index: number | undefined) =>
      index === undefined || !world.entries[index]?.entry ? [] : [world.ref('after', index)];
    if (this.#below(12) === 0) return of(this.#below(world.entries.length));
    switch (kind) {
      case 'participant.withdraw':
        return of(world.participant(by)?.changed);
      case 'participant.verify':
      case 'participant.suspend':
      case 'participant.reinstate':
      case 'participant.revoke':
        return of(world.participant({ did: `${body.did}` })?.changed);
      case 'delegate.grant':
      case 'delegate.revoke':
        return of(DELEGATION.read(read, by.did, `${body.delegate}`, `${body.role}`)?.changed);
      case 'dataset.update':
        return of(DATASET.read(read, `${body.id}`, body.version - 1 || 0)?.changed);
      case 'dataset.suspend':
      case 'dataset.reinstate':
      case 'dataset.withdraw':
        return of(DATASET.read(read, `${body.id}`, body.version || 0)?.changed);
      case 'code.revoke': {
        const code = CODE.read(read, `${body.id}`);
        return of(code?.lastStop?.entry ?? code?.entry);
      }
      default:
        return [];
    }
  }

  /** A statement that makes sense somewhere. */
  #template(): Draft {
    const { world, story } = this.#base;
    const { sro } = story;
    const fresh = this.#below(1 << 20);
    const digest = story.digest(`adversary ${fresh}`);
    const { did } = this.#member();
    const later = this.#below(4) === 0 ? { effectiveFrom: world.now + this.#below(900) } : {};
    const reason = 'an audit';
    const provider = this.#pick(PROVIDERS);
    const dataset = { id: this.#id('dataset'), version: 1 + this.#below(2) };
    const contract = this.#id('contract');
    const proposed = CONTRACT.read(world.read, contract);
    const tdc = this.#pick([story.member('tdc'), story.member('second-tdc')]);
    const drafts: readonly (() => Draft)[] = [
      () => ({ by: sro, kind: 'participant.suspend', body: { did, reason, ...later } }),
      () => ({ by: sro, kind: 'participant.reinstate', body: { did, reason } }),
      () => ({ by: sro, kind: 'participant.reinstate', body: { did, reason } }),
      () => ({ by: sro, kind: 'participant.revoke', body: { did, reason, ...later } }),
      () => ({ by: this.#member(), kind: 'participant.withdraw', body: { reason, ...later } }),
      () => {
        const by = story.member(this.#pick(NEW));
        const roles = by.did.includes('tdc') ? ['TDC', 'TDP'] : [this.#pick(ROLES), 'TDP'];
        const body = world.registration(by, [...new Set(roles)]);
        return { by, kind: 'participant.register', body };
      },
      () => {
        const member = story.member(this.#pick(NEW));
        const roles = world.participant(member)?.requested ?? ['TDP'];
        const body = { decision: 'verified', did: member.did, roles, evidence: digest };
        const rejected = { decision: 'rejected', did: member.did, evidence: digest };
        return { by: sro, kind: 'participant.verify', body: this.#below(5) === 0 ? rejected : body };
      },
      () => {
        const by = story.member(this.#pick(NEW));
        const body = { agreement: story.urn('agreement'), ...story.agreement };
        return { by, kind: 'agreement.accept', body };
      },
      () => {
        const by = this.#member();
        const alias = `key-${fresh % 8}`;
        return { by, kind: 'key.add', body: world.listed(by, world.key(`added ${fresh % 64}`), alias) };
      },
      () => {
        const kid = world.kid(this.#pick([this.#member().keys[0], world.key(`added ${fresh % 64}`)]));
        const compromise = { reason: 'compromise', kid, compromisedSince: world.now - this.#below(100) };
        const body = this.#below(2) === 0 ? { reason: 'rotation', kid } : compromise;
        return { by: this.#member(), kind: 'key.revoke', body };
      },
      () => {
        const key = world.key(`added ${fresh % 64}`);
        return { by: sro, kind: 'key.recover', body: { did, key: world.listed({ did }, key, 'recovered') } };
      },
      () => {
        return { by: this.#member(), kind: 'key.object', body: { kid: world.kid(world.key('added 1')) } };
      },
      () => {
        const role = this.#pick(['kms', 'registrar', 'collab', 'auditor', 'payment']);
        return { by: this.#member(), kind: 'delegate.grant', body: { delegate: did, role } };
      },
      () => ({ by: this.#member(), kind: 'delegate.revoke', body: { delegate: did, role: 'kms' } }),
      () => {
        const body = story.imported('dataset.register', this.#below(3));
        const parent = { dataset: dataset.id, version: 1 };
        const made = { id: story.urn('dataset', 900 + (fresh % 6)), ciphertext: digest, version: 1 };
        const kms = { ...body.kms, dataKeyId: `key ${fresh % 6}` };
        const parents = this.#below(2) === 0 ? [parent] : [];
        return {
          by: story.member(provider),
          kind: 'dataset.register',
          body: { ...body, ...made, kms, parents },
        };
      },
      () => {
        const at = this.#below(3);
        const body = story.imported('dataset.register', at);
        const budget = { ...body.budget, epsilon: Math.max(1, body.budget.epsilon - this.#below(300_000)) };
        const next = { ...body, version: 2 + this.#below(2), budget, ciphertext: digest };
        return { by: story.member(PROVIDERS[at]!), kind: 'dataset.update', body: next };
      },
      () => ({ by: story.member(provider), kind: 'dataset.suspend', body: { ...dataset, reason, ...later } }),
      () => ({ by: sro, kind: 'dataset.suspend', body: { ...dataset, reason, ...later } }),
      () => ({
        by: this.#pick([sro, story.member(provider)]),
        kind: 'dataset.reinstate',
        body: { ...dataset, reason },
      }),
      () => {
        const body = { ...dataset, version: 2, reason, ...later };
        return { by: story.member(provider), kind: 'dataset.withdraw', body };
      },
      () => {
        const supersedes = this.#below(3) === 0 ? { supersedes: contract } : {};
        const revocation = [{ who: story.member(provider).did, condition: 'breach', notice: this.#below(3) }];
        const change = { id: story.urn('contract', 900 + (fresh % 4)), revocation, ...supersedes };
        return { by: tdc, kind: 'contract.propose', body: { ...story.contract, ...change } };
      },
      ...['sign', 'sign', 'sign', 'sign', 'sign', 'decline'].map((answer) => (): Draft => {
        const { version = 1, text = digest, proposal = digest, signatories = [did] } = proposed ?? {};
        const by = this.#signer(this.#pick(signatories));
        const kind = answer === 'sign' ? 'contract.sign' : 'contract.decline';
        return { by, kind, body: { id: contract, version, text, proposal } };
      }),
      () => ({
        by: this.#pick([sro, story.member(provider)]),
        kind: 'contract.revoke',
        body: { id: contract, reason, ...later },
      }),
      () => ({ by: tdc, kind: 'contract.complete', body: { id: contract } }),
      () => {
        const n = this.#pick(ROOMS);
        const body = { ...story.imported('cleanroom.deploy'), id: story.roomId(n) };
        const contracts = [...new Set([contract, story.contract.id])];
        return { by: story.member('ccrp'), kind: 'cleanroom.deploy', body: { ...body, contracts } };
      },
      () => {
        const by = this.#pick([this.#member(), story.asRoom(this.#pick(ROOMS))]);
        const body = { id: story.roomId(this.#pick(ROOMS)), reason };
        return { by, kind: this.#pick(['cleanroom.abort', 'cleanroom.terminate']), body };
      },
      () => {
        const [n, i] = [this.#pick(ROOMS), this.#below(3)];
        const mount = CLEANROOM.read(world.read, story.roomId(n))?.mounts[i];
        const { subject = dataset.id, version = 1, dataKeyId = 'key' } = mount ?? {};
        const body = {
          id: story.urn('release', 100 * n + (fresh % 90)),
          subject,
          version,
          contract,
          dataKeyId,
        };
        return { by: story.asRoom(n), kind: 'key.request', body };
      },
      () => {
        const made = { id: story.urn('model', 900 + (fresh % 5)), digest, format: 'onnx', parents: [] };
        const parents = this.#below(2) === 0 ? [] : [this.#id('model')];
        const kms = this.#below(3) === 0 ? { kms: { did: tdc.did, dataKeyId: `key ${fresh % 6}` } } : {};
        return { by: tdc, kind: 'model.register', body: { ...made, parents, ...kms } };
      },
      () => {
        const made = { id: story.urn('model', 905 + (fresh % 5)), digest, format: 'onnx' };
        return { by: tdc, kind: 'model.derive', body: { ...made, parents: [this.#id('model')] } };
      },
      () => ({ by: tdc, kind: 'model.deploy', body: { model: this.#id('model'), purpose: 'TRAINING' } }),
      () => {
        const n = this.#pick(ROOMS);
        const ciphertext = story.digest(`model for the TDC ${n}`);
        return { by: tdc, kind: 'model.receive', body: { model: story.urn('model', n), ciphertext } };
      },
      () => ({ by: tdc, kind: 'model.retire', body: { model: this.#id('model') } }),
      () => ({
        by: this.#pick([tdc, sro]),
        kind: 'model.recall',
        body: { model: this.#id('model'), reason },
      }),
      () => {
        const n = this.#pick(ROOMS);
        const row = this.#below(2);
        const { payee, amount, currency } = story.contract.payments[row] ?? story.contract.payments[0];
        const money = { payer: story.member('tdc').did, payee, amount, currency };
        const body = {
          contract,
          row,
          cleanroom: story.roomId(n),
          ...money,
          processor: 'a bank',
          reference: digest,
        };
        const kind = this.#pick([
          'payment.hold',
          'payment.settle',
          'payment.refund',
          'payment.fail',
        ] as const);
        return { by: story.member('contract-service'), kind, body };
      },
      () => {
        const id = story.urn('code', 900 + (fresh % 3));
        return { by: sro, kind: 'code.certify', body: { ...story.imported('code.certify'), id } };
      },
      () => ({ by: sro, kind: 'code.revoke', body: { id: this.#id('code'), reason, ...later } }),
      () => {
        const record = POLICY.read(world.read);
        const policy = record?.next ?? record?.current;
        const version = (policy?.version ?? 0) + 1;
        return { by: sro, kind: 'policy.publish', body: { ...policy, version, ...later } };
      },
      () => {
        const version = 2 + this.#below(3);
        const acceptBy = world.now + this.#below(100_000);
        const body = { id: story.urn('agreement'), version, digest, url: 'https://sro.example/a', acceptBy };
        return { by: sro, kind: 'agreement.publish', body };
      },
      () => {
        const body = { id: story.contract.appraisalPolicy, version: 2, policy: story.appraisalPolicy() };
        return { by: sro, kind: 'appraisal-policy.publish', body };
      },
    ];
    const draft = this.#pick(drafts)();
    // A history that ends at once shows little.
    return FATAL.includes(draft.kind) && this.#below(8) > 0 ? this.#template() : draft;
  }
}

interface Draft {
  readonly by: Member;
  readonly kind: KindName;
  readonly body: Body;
  readonly onBehalf?: string;
}
