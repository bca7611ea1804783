/**
 * One of many training cycles that are told side by side in one log: the COVID-19 run of test/chain/story.ts, by people and
 * with data of its own, under what is published for all. Most copies go the way of the published run; every few, in turn,
 * something else happens in one, as it does in life, so that every kind of entry comes up.
 */
import type { KindName } from '../src/chain/kinds/index.ts';
import { type Bytes, concat, utf8 } from '../src/core/bytes.ts';
import type { Crypto, PrivateKey } from '../src/core/crypto.ts';
import { multiSigned } from '../test/chain/multi-signed.ts';
import { PROVIDERS, type Step, Story, type Told } from '../test/chain/story.ts';
import type { Member } from '../test/chain/world.ts';

/** Who serves every copy; the SRO does as well. */
export const SHARED = ['kms', 'verifier', 'contract-service'] as const;
const OWN = [...PROVIDERS, 'tdc', 'ccrp'];
const UUID = 36;
/** Types of what is published for all. */
const PUBLISHED = ['agreement', 'anchors', 'appraisal-policy', 'code'];
/** After so many copies everything has happened as often as it should. */
export const ROUND = 20;

export class Copy extends Story {
  readonly #n: number;
  readonly #keys = new Map<string, PrivateKey>();
  readonly #published: Story;

  /** @param n from 1 */
  constructor(published: Story, n: number) {
    super(published.world, { ...published, bodies: ownBodies(published, n) });
    this.#published = published;
    this.#n = n;
  }

  /** Everything that happens in it, in this order. */
  life(): readonly Step[] {
    return [
      ...this.participants(OWN),
      ...this.#keysChange(),
      ...this.#ofEvery(10, 4, () => this.#suspended('ccrp')),
      ...this.delegations(),
      ...this.datasets(),
      ...this.#ofEvery(10, 5, () => this.#dataSuspended('icmr')),
      this.baseModel(),
      ...this.#ofEvery(20, 8, () => this.#codeRevoked()),
      ...this.#ofEvery(10, 9, () => this.#declined()),
      ...this.signedContract(),
      ...this.#ofEvery(10, 2, () => this.#aborted()),
      ...this.attested(),
      ...this.keyed(),
      ...(this.#is(10, 5) ? this.#failed() : this.#succeeded()),
      this.#is(10, 6)
        ? this.#by(this.sro, 'contract.revoke', { id: this.contract.id, reason: 'misuse' })
        : this.#by(this.member('contract-service'), 'contract.complete', { id: this.contract.id }),
      ...this.#after(),
    ];
  }

  override member(name: string): Member {
    if ((SHARED as readonly string[]).includes(name)) return this.#published.member(name);
    return { did: ownDid(name, this.#n), keys: [this.#key(name)] };
  }

  override digest(what: string): Bytes {
    return super.digest(`${what} of ${this.#n}`);
  }

  override urn(type: string, n = 1): string {
    return ownUrn(super.urn(type, n), this.#n);
  }

  override roomKey(n: number): PrivateKey {
    return this.#key(`room ${n}`);
  }

  /** A contract in ten comes from today's contract service. */
  override proposal(): Step {
    if (!this.#is(10, 1)) return super.proposal();
    const signers = ['tdc', ...PROVIDERS].map((name) => this.member(name));
    const body = { ...this.contract, multiSigned: multiSigned({ signers, text: textOf(this.#n) }) };
    const service = this.member('contract-service');
    // Under the same name, so that those who sign find it.
    return this.step('contract.propose', service, 'contract.import', body);
  }

  /** Of so many copies, this is the one. */
  #is(every: number, nth: number): boolean {
    return this.#n % every === nth;
  }

  #ofEvery(every: number, nth: number, steps: () => readonly Step[]): readonly Step[] {
    return this.#is(every, nth) ? steps() : [];
  }

  /** @param after the step that last changed what it is about */
  #by(who: Member, kind: KindName, body: object, after?: string, name: string = kind): Step {
    return this.step(name, who, kind, body, (told) =>
      after === undefined ? {} : { refs: [told.ref(after)] },
    );
  }

  #keysChange(): readonly Step[] {
    const [tdc, ccrp] = [this.member('tdc'), this.member('ccrp')];
    const [spare, other] = [this.#key('spare'), this.#key('recovered')];
    return [
      ...this.#ofEvery(4, 0, () => [
        this.#by(tdc, 'key.add', this.world.listed(tdc, spare)),
        this.#by(tdc, 'key.revoke', { reason: 'rotation', kid: this.world.kid(spare) }),
      ]),
      ...this.#ofEvery(20, 3, () => [
        this.#by(this.sro, 'key.recover', { did: ccrp.did, key: this.world.listed(ccrp, other) }),
        this.#by(ccrp, 'key.object', { kid: this.world.kid(other) }),
      ]),
    ];
  }

  #suspended(name: string): readonly Step[] {
    const { did } = this.member(name);
    return [
      this.#by(this.sro, 'participant.suspend', { did, reason: 'an audit' }, `agreement.accept ${name}`),
      this.#by(this.sro, 'participant.reinstate', { did, reason: 'all clear' }, 'participant.suspend'),
    ];
  }

  #dataSuspended(name: string): readonly Step[] {
    const { id } = this.imported('dataset.register', PROVIDERS.indexOf(name as (typeof PROVIDERS)[number]));
    const body = { id, version: 1, reason: 'an error' };
    return [
      this.#by(this.member(name), 'dataset.suspend', body, `dataset.register ${name}`),
      this.#by(this.member(name), 'dataset.reinstate', body, 'dataset.suspend'),
    ];
  }

  #codeRevoked(): readonly Step[] {
    const id = ownUrn(this.imported('code.certify').id, this.#n, []);
    return [
      this.#by(this.sro, 'code.certify', { ...this.imported('code.certify'), id }),
      this.#by(this.sro, 'code.revoke', { id, reason: 'a hole' }, 'code.certify'),
    ];
  }

  /** Another contract, to which a provider says no. */
  #declined(): readonly Step[] {
    const other = { ...this.contract, id: this.urn('contract', 2) };
    const { id, version, text } = other;
    return [
      this.#by(this.member('tdc'), 'contract.propose', other, undefined, 'contract.propose 2'),
      this.step('contract.decline', this.member('icmr'), 'contract.decline', (told: Told) => ({
        ...{ id, version, text, proposal: told.ref('contract.propose 2').entry },
      })),
    ];
  }

  /** Another room, which never comes to have a key: its payments go back, or cannot be made. */
  #aborted(): readonly Step[] {
    const [deploy] = this.attested(2);
    const end = this.#is(20, 2) ? 'refund' : 'fail';
    const abort = { id: this.roomId(2), reason: 'no longer needed' };
    return [deploy!, this.#by(this.member('ccrp'), 'cleanroom.abort', abort), ...this.payments(end, 2)];
  }

  override keyed(n = 1): readonly Step[] {
    const steps = super.keyed(n);
    if (!this.#is(10, 7)) return steps;
    // The KMS thinks better of its first grant, and is asked again.
    const kms = this.member('kms');
    const onBehalf = { onBehalf: this.member('icmr').did };
    const release = this.urn('release', 100 * n);
    const again = this.urn('release', 100 * n + 10);
    const { id: subject, version, dataKeyId } = this.contract.datasets[0];
    const asked = { id: again, subject, version, contract: this.contract.id, dataKeyId };
    const received = { id: again, wrapped: this.digest('wrapped again') };
    const grants = steps.findLastIndex(({ kind }) => kind === 'key.release') + 1;
    const taken = steps.findIndex(({ kind }) => kind === 'key.receive');
    return [
      ...steps.slice(0, grants),
      this.step('key.cancel', kms, 'key.cancel', { id: release }, () => onBehalf),
      this.step('key.request again', this.asRoom(n), 'key.request', asked),
      this.step(
        'key.release again',
        kms,
        'key.release',
        { id: again, nonce: this.digest('again') },
        () => onBehalf,
      ),
      this.step('key.receive again', this.asRoom(n), 'key.receive', received),
      ...steps.slice(taken + 1),
    ];
  }

  #failed(): readonly Step[] {
    const fail = { run: this.run(), reason: 'out of memory' };
    return [
      this.started(),
      ...this.logged().slice(0, 2),
      this.#by(this.asRoom(), 'run.fail', fail),
      ...this.payments('refund'),
    ];
  }

  #succeeded(): readonly Step[] {
    const tdc = this.member('tdc');
    const model = this.urn('model');
    const derived = {
      ...{ id: this.urn('model', 2), digest: this.digest('finetuned.onnx'), format: 'onnx' },
      parents: [model],
    };
    return [
      ...this.trained(),
      ...this.released(),
      ...this.#ofEvery(5, 1, () => [this.#by(tdc, 'model.derive', derived)]),
      ...this.#ofEvery(2, 0, () => [
        this.#by(tdc, 'model.deploy', { model, purpose: this.contract.purpose }),
      ]),
      ...this.#ofEvery(10, 8, () => [this.#by(tdc, 'model.retire', { model })]),
      ...this.#ofEvery(20, 11, () => [this.#by(tdc, 'model.recall', { model, reason: 'a flaw' })]),
    ];
  }

  /** When all is over. */
  #after(): readonly Step[] {
    const kms = this.member('kms').did;
    const cowin = this.imported('dataset.register', 1);
    const next = { ...cowin, version: 2, ciphertext: this.digest('cowin, again') };
    const withdrawn = {
      id: this.imported('dataset.register', 2).id,
      version: 1,
      reason: 'retention is over',
    };
    const ccrp = { did: this.member('ccrp').did, reason: 'out of business' };
    return [
      ...this.#ofEvery(5, 2, () => [
        this.#by(this.member('cowin'), 'dataset.update', next, 'dataset.register cowin'),
      ]),
      ...this.#ofEvery(10, 3, () => [
        this.#by(this.member('index'), 'dataset.withdraw', withdrawn, 'dataset.register index'),
      ]),
      ...this.#ofEvery(5, 4, () => [
        this.#by(
          this.member('icmr'),
          'delegate.revoke',
          { delegate: kms, role: 'kms' },
          'delegate.grant icmr',
        ),
      ]),
      ...this.#ofEvery(10, 0, () => [
        this.#by(this.member('index'), 'participant.withdraw', { reason: 'done' }, 'agreement.accept index'),
      ]),
      ...this.#ofEvery(20, 7, () => [
        this.#by(this.sro, 'participant.revoke', ccrp, 'agreement.accept ccrp'),
      ]),
    ];
  }

  #key(name: string): PrivateKey {
    const known = this.#keys.get(name);
    if (known) return known;
    const key = this.world.crypto.generatePrivateKey('ES256');
    this.#keys.set(name, key);
    return key;
  }
}

/** Of the contract. */
function textOf(n: number): Bytes {
  return utf8(`{"purpose":"TRAINING","agreement":${n}}`);
}

function ownDid(name: string, n: number): string {
  return `did:web:${name}-${n}.example`;
}

/** The first part of the UUID tells copies apart; how far apart, is the same for all that the story names. */
function ownUrn(urn: string, n: number, shared: readonly string[] = PUBLISHED): string {
  if (shared.includes(urn.split(':')[2]!)) return urn;
  const at = urn.length - UUID;
  const first = (Number.parseInt(urn.slice(at, at + 8), 16) ^ (n << 4)) >>> 0;
  return `${urn.slice(0, at)}${first.toString(16).padStart(8, '0')}${urn.slice(at + 8)}`;
}

function ownBodies({ bodies, world: { crypto } }: Story, n: number): Story['bodies'] {
  const contract = { text: crypto.sha256(textOf(n)), refundAfterGrant: 'if-failed' };
  return bodies.map((each) => {
    const body = own(crypto, each.body, n) as object;
    return { ...each, body: each.kind === 'contract.propose' ? { ...body, ...contract } : body };
  });
}

/** The same with names, ciphertexts and data keys of the copy's own. */
function own(crypto: Crypto, value: unknown, n: number): unknown {
  if (typeof value === 'string') return ownName(value, n);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((each) => own(crypto, each, n));
  const members = Object.entries(value).map(([name, each]) => {
    if (name === 'dataKeyId') return [name, `${each}-${n}`];
    if (name === 'ciphertext') return [name, crypto.sha256(concat(each as Bytes, utf8(`${n}`)))];
    return [name, own(crypto, each, n)];
  });
  return Object.fromEntries(members);
}

function ownName(text: string, n: number): string {
  if (text.startsWith('urn:depa:')) return ownUrn(text, n);
  const name = /^did:web:([a-z-]+)\.example$/.exec(text)?.[1];
  return name !== undefined && OWN.includes(name) ? ownDid(name, n) : text;
}
