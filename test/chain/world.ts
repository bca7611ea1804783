/**
 * A whole chain in memory, for tests: participants with keys, statements signed and applied one by one, the state a
 * plain Map. Keys come from names, so a run is the same every time.
 * @example
 * const world = World.begin(nodeCrypto);
 * const tdp = world.join('hospital', ['TDP']);
 * world.apply(world.sign(tdp, 'key.add', world.listed(tdp, world.key('hospital/2'))));
 */
import assert from 'node:assert/strict';
import { listSigningKeys, signGenesis } from '../../src/chain/genesis.ts';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { DEFAULT_POLICY, type PolicyBody } from '../../src/chain/policy.ts';
import type { Write } from '../../src/chain/record.ts';
import type { Verified } from '../../src/chain/signing-key.ts';
import { PARTICIPANT, type ParticipantRecord, type Role } from '../../src/chain/state.ts';
import { type Ref, signForeign, signStatement } from '../../src/chain/statement.ts';
import { type LoggedEntry, type Transition, transition } from '../../src/chain/transition.ts';
import { type Bytes, toHex, utf8 } from '../../src/core/bytes.ts';
import type { Crypto, PrivateKey, SignatureAlgorithm } from '../../src/core/crypto.ts';
import { thumbprint } from '../../src/cose/key.ts';
import { assertBody, assertRecords } from './recorded.ts';

export const ORIGIN = 'log.example/test';
/** 2026-01-01T00:00:00Z in milliseconds: t of the genesis. */
export const START = 1_767_225_600_000;

export interface Member {
  readonly did: string;
  readonly keys: readonly [PrivateKey, ...PrivateKey[]];
}

export interface SignOptions {
  key?: PrivateKey;
  issuer?: string;
  subject?: string;
  /** Unix seconds (default: now). */
  issuedAt?: number;
  log?: string;
  onBehalf?: string;
  refs?: readonly Ref[];
}

export interface Applied extends Transition {
  readonly index: number;
}

/** Keys that were made before: making them takes longer than signing. */
const keys = new Map<string, PrivateKey>();

interface WorldEntry {
  readonly statement: Bytes;
  readonly entry: LoggedEntry | undefined;
  readonly applied: Applied;
  /** t, Unix milliseconds. */
  readonly time: number;
}

/** Hexadecimal entry ids, hashed once: each statement asks for the index of those before it. */
const names = new WeakMap<WorldEntry, string>();

export class World {
  readonly crypto: Crypto;
  readonly origin: string;
  readonly sro: Member;
  /** Encoded state records by the hexadecimal of their encoded keys. */
  readonly state: Map<string, Bytes>;
  readonly entries: WorldEntry[];
  /** t of the next entry, Unix milliseconds. */
  time: number;

  private constructor(crypto: Crypto, origin: string) {
    this.crypto = crypto;
    this.origin = origin;
    this.sro = this.member('sro');
    this.state = new Map();
    this.entries = [];
    this.time = START;
  }

  /** A log in which nothing has happened. */
  static empty(crypto: Crypto, origin: string = ORIGIN): World {
    return new World(crypto, origin);
  }

  /** A log with its genesis. */
  static begin(crypto: Crypto, origin: string = ORIGIN): World {
    const world = World.empty(crypto, origin);
    world.accept(world.genesis());
    return world;
  }

  /** An independent copy: what happens there does not happen here. */
  clone(): World {
    const copy = World.empty(this.crypto, this.origin);
    for (const [key, value] of this.state) copy.state.set(key, value);
    copy.entries.push(...this.entries);
    copy.time = this.time;
    return copy;
  }

  get now(): number {
    return Math.floor(this.time / 1000);
  }

  advance(seconds: number): this {
    this.time += seconds * 1000;
    return this;
  }

  /** A key that depends on its name only. */
  key(name: string, algorithm: SignatureAlgorithm = 'Ed25519'): PrivateKey {
    const called = `${this.crypto.name} ${algorithm} ${name}`;
    const known = keys.get(called);
    if (known) return known;
    const hash = algorithm === 'ES384' ? this.crypto.sha384 : this.crypto.sha256;
    const key = this.crypto.importPrivateKey(algorithm, hash(utf8(name)));
    keys.set(called, key);
    return key;
  }

  kid(key: PrivateKey): Bytes {
    return thumbprint(this.crypto, key.publicKey);
  }

  /** Somebody with keys, not registered. */
  member(name: string, algorithm: SignatureAlgorithm = 'Ed25519', keys = 1): Member {
    const [first, ...rest] = Array.from({ length: keys }, (_, i) => this.key(`${name}/${i + 1}`, algorithm));
    return { did: `did:web:${name}.example`, keys: [first!, ...rest] };
  }

  genesis(change: object = {}): Bytes {
    return signGenesis(this.crypto, {
      origin: this.origin,
      simulated: true,
      sro: this.sro.did,
      keys: this.sro.keys,
      recoveryKid: this.kid(this.key('recovery')),
      checkpointKey: this.key('checkpoint').publicKey,
      receiptKey: this.key('receipt', 'ES256').publicKey,
      issuedAt: this.now,
      ...change,
    });
  }

  sign(member: Member, kind: KindName, body: object, options: SignOptions = {}): Bytes {
    const { key = member.keys[0], ...rest } = options;
    const parts = { log: this.origin, kind, issuer: member.did, issuedAt: this.now, body, ...rest };
    return signStatement(this.crypto, key, parts);
  }

  foreign(member: Member, change: Partial<Parameters<typeof signForeign>[2]> = {}): Bytes {
    const parts = { issuer: member.did, contentType: 'text/plain', payload: utf8('hello') };
    return signForeign(this.crypto, member.keys[0], { ...parts, ...change });
  }

  /** `key` as a key of `member`, with its proof of possession. */
  listed(member: Pick<Member, 'did'>, key: PrivateKey, keyAlias = 'extra') {
    const keys = { log: this.origin, owner: member.did, keys: [key], aliases: [keyAlias] };
    return listSigningKeys(this.crypto, keys)[0]!;
  }

  registration(member: Member, roles: readonly string[] = ['TDP'], change: object = {}) {
    return {
      did: member.did,
      roles,
      keys: listSigningKeys(this.crypto, { log: this.origin, owner: member.did, keys: member.keys }),
      organisation: this.crypto.sha256(utf8(member.did)),
      jurisdiction: 'IN',
      endpoints: [],
      ...change,
    };
  }

  register(member: Member, roles?: readonly Role[]): Applied {
    return this.accept(this.sign(member, 'participant.register', this.registration(member, roles)));
  }

  /** The SRO's answer to the last registration of `member`. */
  verification(member: Member, change: object = {}, options: SignOptions = {}, by: Member = this.sro): Bytes {
    const record = this.participant(member);
    const body = { did: member.did, evidence: new Uint8Array(32).fill(7), ...change };
    const roles = { decision: 'verified', roles: record?.requested ?? ['TDP'], ...body };
    const refs = record ? [this.ref('after', record.changed)] : [];
    return this.sign(by, 'participant.verify', 'decision' in change ? body : roles, { refs, ...options });
  }

  /** A registered and verified participant. */
  join(name: string, roles?: readonly Role[], algorithm?: SignatureAlgorithm, keys?: number): Member {
    const member = this.member(name, algorithm, keys);
    this.register(member, roles);
    this.accept(this.verification(member));
    return member;
  }

  /** What agreement.accept will do. */
  activate(member: Member): this {
    return this.put(PARTICIPANT.put({ ...this.participant(member)!, state: 'ACTIVE' }, member.did));
  }

  policy(change: object = {}): PolicyBody {
    return { ...DEFAULT_POLICY, version: 1, ...change };
  }

  participant({ did }: Pick<Member, 'did'>): ParticipantRecord | undefined {
    return PARTICIPANT.read(this.read, did);
  }

  ref(rel: string, index: number): Ref {
    return { rel, index, entry: this.entries[index]!.entry!.entryId };
  }

  readonly read = (key: Bytes): Bytes | undefined => this.state.get(toHex(key));

  /** Writes to the state without an entry: what kinds that do not exist yet would have left there. */
  put(...writes: readonly Write[]): this {
    for (const [key, value] of writes) {
      if (value === null) this.state.delete(toHex(key));
      else this.state.set(toHex(key), value);
    }
    return this;
  }

  /** What the next entry would do, without doing it. */
  judge(statement: Bytes, verified?: Verified): Transition {
    const index = this.entries.length;
    return transition({
      crypto: this.crypto,
      origin: this.origin,
      index,
      time: this.time,
      statement,
      read: this.read,
      entryIndex: (id) => this.#find(id),
      entryAt: (at) => this.entries[at]?.entry,
      ...(verified && { verified }),
    });
  }

  #find(entryId: Bytes): number | undefined {
    const name = toHex(entryId);
    const found = this.entries.findIndex((entry) => this.#name(entry) === name);
    return found < 0 ? undefined : found;
  }

  #name(entry: WorldEntry): string {
    const known = names.get(entry);
    if (known !== undefined) return known;
    const name = toHex(this.crypto.sha256(entry.statement));
    names.set(entry, name);
    return name;
  }

  /** Appends the statement, refused or not. */
  apply(statement: Bytes): Applied {
    const applied = { ...this.judge(statement), index: this.entries.length };
    assertRecords(applied.writes);
    const read = applied.verdict.outcome === 'ok' ? applied.statement : undefined;
    if (read) assertBody(read);
    const entry = read && { entryId: read.entryId, kind: read.chain?.kind ?? null };
    this.entries.push({ statement, entry, applied, time: this.time });
    this.put(...applied.writes);
    return applied;
  }

  /** Appends a statement that has to be accepted. */
  accept(statement: Bytes): Applied {
    const applied = this.apply(statement);
    assert.deepEqual([applied.verdict.reason, applied.detail], [null, undefined]);
    return applied;
  }
}
