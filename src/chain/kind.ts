/**
 * What a kind of entry is: one declaration that reads like its row in LIFECYCLE. The frame (transition.ts) does
 * everything that all kinds share, in one order: envelope, signer, state. A kind brings its body, who may sign it,
 * and its rule; the rule sees only what is proven by then.
 *
 * A rule is a pure function of its context and body. It returns writes or a refusal; it has no clock but
 * `ctx.time`, and every loop in it is bounded by a schema.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto, Hasher, SignatureAlgorithm } from '../core/crypto.ts';
import type { Policy } from './policy.ts';
import type { Ref } from './protected-header.ts';
import type { StateReader, Write } from './record.ts';
import type { Refusal, SharedReason } from './refusal.ts';
import type { Schema } from './schema.ts';
import type { DelegateRole, GenesisRecord, KeyRecord, ParticipantRecord, Role } from './state.ts';

/**
 * Who signs, one mode for each kind.
 * - `self`: a key in the body itself (genesis, registration).
 * - `verified`: a participant who is VERIFIED or ACTIVE. - `active`: one who is ACTIVE.
 * - `any-state`: a registered participant in whatever state.
 * - `room`: a clean room, by its attested key. - `room-or-active`: a clean room, or a participant who is ACTIVE.
 */
export type SignerMode = 'self' | 'verified' | 'active' | 'any-state' | 'room' | 'room-or-active';

interface BaseContext {
  readonly crypto: Crypto;
  readonly origin: string;
  /** Index of the entry that is judged. */
  readonly index: number;
  /** t: Unix milliseconds of the state entry that closes the batch. */
  readonly time: number;
  /** Entry id of the statement, 32 bytes. */
  readonly entryId: Bytes;
  readonly issuer: string;
  readonly kid: Bytes;
  readonly algorithm: SignatureAlgorithm;
  /** In force at t. */
  readonly policy: Policy;
  /** Undefined only while entry 0 is judged. */
  readonly genesis: GenesisRecord | undefined;
  /** Id of the rules that this software implements. */
  readonly rules: Bytes;
  readonly read: StateReader;
  /** The refs of the statement with this relation: each is to an earlier entry of a declared kind. */
  refs(rel: string): readonly Ref[];
}

interface ParticipantContext extends BaseContext {
  /** Who signed. */
  readonly signer: ParticipantRecord;
  readonly key: KeyRecord;
  /** On whose authority: the signer, or the participant who delegated to it. */
  readonly principal: ParticipantRecord;
}

interface RoomContext extends BaseContext {
  /** URN of the clean room. */
  readonly room: string;
  readonly key: KeyRecord;
}

interface Contexts {
  self: BaseContext;
  verified: ParticipantContext;
  active: ParticipantContext;
  'any-state': ParticipantContext;
  room: RoomContext;
  'room-or-active':
    | (RoomContext & { readonly signer?: undefined })
    | (ParticipantContext & { readonly room?: undefined });
}
export type Context<Mode extends SignerMode = 'self'> = Contexts[Mode];
export type AnyContext = BaseContext & Partial<Omit<ParticipantContext & RoomContext, keyof BaseContext>>;

/** A relation that the refs of a kind may have. */
export interface Relation {
  /** Kinds of the entries that it may lead to; null stands for a foreign statement. */
  readonly kinds: readonly (string | null)[];
  /** Refs with this relation (default: any number). */
  readonly count?: { readonly min: number; readonly max: number };
}

/** `ref` changes hands only against the entry that last changed the subject: exactly one. */
export function after(...kinds: readonly string[]): Relation {
  return { kinds, count: { min: 1, max: 1 } };
}

/** Signer and key of a `self` kind. */
interface SelfSigned<Body, Code extends string> {
  /** The COSE_Key in the body that has to verify the signature of a statement by `issuer` under `kid`. */
  self(hasher: Hasher, body: Body, signed: { issuer: string; kid: Bytes }): Bytes | Refusal<Code>;
}

interface Declaration<
  Mode extends SignerMode,
  Body,
  Own extends Readonly<Record<string, string>>,
  Shared extends SharedReason,
  Denials extends Readonly<Record<string, string>>,
> {
  readonly name: string;
  /** The rule in one sentence, for the reference. */
  readonly rule: string;
  readonly signer: Mode;
  /** The principal holds at least one of these. */
  readonly roles?: readonly Role[];
  /** The role of a delegate who may sign this on the principal's behalf (default: nobody may). */
  readonly delegate?: DelegateRole;
  readonly refs?: Readonly<Record<string, Relation>>;
  /** The statement may have been signed long before it is logged (default false). */
  readonly anyAge?: boolean;
  readonly body: Schema<Body>;
  /** The DID or URN that the entry is about: whose timeline it is in. Undefined: its issuer. */
  subject(body: Body): string | undefined;
  /** What a delegation that is limited to some objects has to cover (default: the subject). */
  object?(read: StateReader, body: Body): string | undefined;
  /** Its own refusals, in evaluation order, with what they mean. */
  readonly refusals: Own;
  /** Catalogue codes that its rule can answer with, besides those of the frame. */
  readonly shared?: readonly Shared[];
  /** Answers that are logged with effect, because they are evidence: the statement is good, what it asks is denied. */
  readonly denials?: Denials;
  apply(
    context: Context<Mode>,
    body: Body,
  ):
    | readonly Write[]
    | Refusal<NoInfer<(keyof Own & string) | Shared>>
    | Denial<NoInfer<keyof Denials & string>>;
}

/** A decision against what was asked, with what it changes; its reason is in the verdict beside "ok". */
export interface Denial<Code extends string = string> {
  readonly denied: Code;
  readonly writes: readonly Write[];
}

export function isDenial(effect: readonly Write[] | Refusal | Denial): effect is Denial {
  return 'denied' in effect;
}

export type Kind<
  Name extends string = string,
  Own extends Readonly<Record<string, string>> = Readonly<Record<string, string>>,
  Denials extends Readonly<Record<string, string>> = Readonly<Record<string, string>>,
> = Omit<
  Declaration<SignerMode, unknown, Own, SharedReason, Denials>,
  'name' | 'apply' | 'body' | 'subject' | 'object'
> & {
  readonly name: Name;
  readonly body: Schema<unknown>;
  subject(body: unknown): string | undefined;
  object?(read: StateReader, body: unknown): string | undefined;
  /** Method syntax: the frame gives each rule the context of its mode. */
  apply(context: AnyContext, body: unknown): readonly Write[] | Refusal | Denial;
  self?(hasher: Hasher, body: unknown, signed: { issuer: string; kid: Bytes }): Bytes | Refusal;
};

/** Declares a kind; its rule can only answer with codes that the declaration lists. */
export function declareKind<
  const Name extends string,
  Mode extends SignerMode,
  Body,
  const Own extends Readonly<Record<string, string>>,
  const Shared extends SharedReason = never,
  const Denials extends Readonly<Record<string, string>> = Readonly<Record<never, string>>,
>(
  declaration: Declaration<Mode, Body, Own, Shared, Denials> & { readonly name: Name } & (Mode extends 'self'
      ? SelfSigned<Body, NoInfer<(keyof Own & string) | Shared | 'KID_UNKNOWN' | 'SIGNER_UNKNOWN'>>
      : unknown),
): Kind<Name, Own, Denials> {
  return declaration as unknown as Kind<Name, Own, Denials>;
}

/** The codes that a kind declares itself. */
export type OwnReason<K> =
  K extends Kind<string, infer Own, infer Denials> ? (keyof Own & string) | (keyof Denials & string) : never;
