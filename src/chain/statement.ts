/**
 * A statement: what a participant signs and the log keeps (FORMATS §1). This is the one place where a stranger's
 * bytes become a typed value: envelope, kind, body. Whether it counts in this log is for the transition function.
 */

import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { sigStructure } from '../cose/sign1.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import { kindNamed } from './kinds/index.ts';
import { readEncoded } from './schema.ts';

export { canonicalStatement, MAX_STATEMENT } from './envelope.ts';
export { type ForeignParts, type StatementParts, signForeign, signStatement } from './issue.ts';
export { type ChainHeader, type Ref, STATEMENT_TYPE } from './protected-header.ts';

export interface Statement extends Envelope {
  /** H(canonical bytes), 32 bytes: the leaf data, and the name of the entry. */
  readonly entryId: Bytes;
  /** The payload of a chain statement, as the schema of its kind reads it; absent in a foreign statement. */
  readonly body?: unknown;
}

/**
 * The statement that `canonical` is.
 * @param entryId of it, where it has been computed before
 * @throws every reason of the envelope (readEnvelope), then KIND_UNKNOWN, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC (the
 * payload), then SCHEMA_INVALID, ID_MALFORMED, NUMBER_MALFORMED, PLACEHOLDER_VALUE, SECRET_IN_BODY: the first that
 * the schema meets, in the order of its members
 * @example parseStatement(crypto, canonicalStatement(received)).entryId
 */
export function parseStatement(
  hasher: Hasher,
  canonical: Bytes,
  entryId: Bytes = hasher.sha256(canonical),
): Statement {
  const envelope = readEnvelope(canonical);
  // Nobody else has the envelope: a copy of it would cost as much as reading it.
  const statement: { -readonly [Name in keyof Statement]: Statement[Name] } = envelope as Statement;
  statement.entryId = entryId;
  if (!envelope.chain) return statement;
  const kind = kindNamed(envelope.chain.kind);
  if (!kind) throw fail('KIND_UNKNOWN', envelope.chain.kind);
  statement.body = readEncoded<unknown>(kind.body, envelope.payload, '');
  return statement;
}

/** Sig_structure of RFC 9052 §4.4: the bytes under the signature. */
export function toBeSigned(statement: Pick<Statement, 'protectedBytes' | 'payload'>): Bytes {
  return sigStructure(statement.protectedBytes, statement.payload);
}
