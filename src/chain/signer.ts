/** Who signed a statement, and on whose authority: key, signature, role, standing, delegation, in this order. */
import type { Crypto } from '../core/crypto.ts';
import { isUrn } from './identifier.ts';
import type { AnyContext, Kind } from './kind.ts';
import type { StateReader } from './record.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { signatureFault, type Verified, verificationKey } from './signing-key.ts';
import { delegationFault, keyFault, standingFault } from './standing.ts';
import { type KeyRecord, PARTICIPANT, type ParticipantRecord } from './state.ts';
import type { Statement } from './statement.ts';

interface Input {
  readonly crypto: Crypto;
  /** Unix milliseconds. */
  readonly time: number;
  readonly read: StateReader;
  readonly verified?: Verified;
}

/** The part of a rule's context that its signer mode calls for. */
export type Signer = Pick<AnyContext, 'signer' | 'principal' | 'room' | 'key'>;

/** What a kind says of who may sign it. */
type Rule = Pick<Kind, 'signer' | 'roles' | 'delegate'> & Partial<Pick<Kind, 'subject' | 'object'>>;

/** What signing a foreign statement takes. */
const FOREIGN: Rule = { signer: 'verified' };

export function authenticate(input: Input, statement: Statement, kind: Kind | undefined): Signer | Refusal {
  const rule: Rule = kind ?? FOREIGN;
  const key = verificationKey(input.crypto, statement, input.read);
  if (isRefusal(key)) return key;
  const { record } = key;
  if (record) {
    if (record.owner !== statement.issuer) return refuse('SIGNER_UNKNOWN', 'the key is not the issuer’s');
    const fault = keyFault(input.read, record, input.time);
    if (fault) return fault;
  }
  const fault = signatureFault(statement, key, input.verified);
  if (fault) return fault;
  if (!record) return statement.chain?.onBehalf === undefined ? {} : refuse('DELEGATION_MISSING');
  const byRoom = rule.signer === 'room-or-active' ? isUrn(statement.issuer) : rule.signer === 'room';
  return byRoom ? room(statement, record) : participant(input, statement, record, rule);
}

function room({ issuer, chain }: Statement, key: KeyRecord): Signer | Refusal {
  if (!isUrn(issuer, 'cleanroom')) return refuse('SIGNER_UNKNOWN', 'not a clean room');
  return chain?.onBehalf === undefined ? { room: issuer, key } : refuse('DELEGATION_MISSING');
}

function participant(
  { read, time }: Input,
  { issuer, chain, body }: Statement,
  key: KeyRecord,
  rule: Rule,
): Signer | Refusal {
  const signer = PARTICIPANT.read(read, issuer);
  if (!signer) return refuse('SIGNER_UNKNOWN', 'not a participant');
  const onBehalf = chain?.onBehalf;
  const principal = onBehalf === undefined ? signer : PARTICIPANT.read(read, onBehalf);
  if (!principal) return refuse('DELEGATION_MISSING', `${onBehalf} is not a participant`);
  const fault =
    roleFault(principal, rule) ??
    modeFault(signer, rule, time) ??
    // A delegate can do no more than who sent it could.
    (principal === signer ? undefined : modeFault(principal, rule, time)) ??
    (onBehalf === undefined ? undefined : behalfFault(read, onBehalf, issuer, rule, body, time));
  return fault ?? { signer, principal, key };
}

function roleFault({ roles }: ParticipantRecord, rule: Rule) {
  if (!rule.roles || rule.roles.some((role) => roles.includes(role))) return undefined;
  return refuse('ROLE_NOT_HELD', `one of ${rule.roles.join(', ')} is needed`);
}

function modeFault(participant: ParticipantRecord, { signer: mode }: Rule, time: number) {
  if (mode === 'any-state') return undefined;
  return standingFault(participant, mode === 'verified' ? 'verified' : 'active', time);
}

function behalfFault(
  read: StateReader,
  grantor: string,
  delegate: string,
  rule: Rule,
  body: unknown,
  time: number,
) {
  const { delegate: role } = rule;
  if (role === undefined) return refuse('DELEGATION_MISSING', 'nobody may sign this for another');
  const object = rule.object ? rule.object(read, body) : rule.subject?.(body);
  return delegationFault(read, grantor, delegate, role, time, object);
}
