/** Which key a statement must verify under: the registered one with its kid, or for `self` kinds one in its body. */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { sigStructureLength, writeSigStructure } from '../cose/sign1.ts';
import { kindNamed } from './kinds/index.ts';
import { signatureKey } from './public-key.ts';
import type { StateReader } from './record.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { KEY, type KeyRecord } from './state.ts';
import { type Statement, toBeSigned } from './statement.ts';

export interface VerificationKey {
  readonly publicKey: PublicKey;
  /** Absent: the key comes with the statement itself. */
  readonly record?: KeyRecord;
}

/** Says nothing about whether the key may sign this, or still may. */
export function verificationKey(
  crypto: Crypto,
  statement: Statement,
  read: StateReader,
): VerificationKey | Refusal {
  const kind = statement.chain && kindNamed(statement.chain.kind);
  if (kind?.self) {
    const listed = kind.self(crypto, statement.body, statement);
    if (!(listed instanceof Uint8Array)) return listed;
    const publicKey = signatureKey(crypto, statement.kid, listed);
    return isRefusal(publicKey) ? publicKey : { publicKey };
  }
  const record = KEY.read(read, statement.kid);
  if (record?.use !== 'sig') return refuse('KID_UNKNOWN', record && 'a key for encryption only');
  const publicKey = signatureKey(crypto, statement.kid, record.key);
  return isRefusal(publicKey) ? publicKey : { publicKey, record };
}

/** True when this statement is known to verify under exactly these public key bytes: an earlier stage did it. */
export type Verified = (kid: Bytes, publicKey: Bytes) => boolean;

export function signatureFault(
  statement: Statement,
  { publicKey }: VerificationKey,
  verified: Verified = () => false,
): Refusal<'ALG_NOT_ALLOWED' | 'SIGNATURE_INVALID'> | undefined {
  // The algorithm is the key's, never the message's choice (RFC 9053 §2).
  if (statement.algorithm !== publicKey.algorithm) {
    return refuse('ALG_NOT_ALLOWED', `the key is for ${publicKey.algorithm}`);
  }
  if (verified(statement.kid, publicKey.bytes)) return undefined;
  return publicKey.verify(signedBytes(statement), statement.signature)
    ? undefined
    : refuse('SIGNATURE_INVALID');
}

/** Where the bytes under a signature are put together, again and again: verifying ends before the next one begins. */
const SCRATCH = new Uint8Array(4096);

function signedBytes(statement: Statement): Bytes {
  const { protectedBytes, payload } = statement;
  const length = sigStructureLength(protectedBytes, payload);
  if (length > SCRATCH.length) return toBeSigned(statement);
  writeSigStructure(SCRATCH, 0, protectedBytes, payload);
  return SCRATCH.subarray(0, length);
}
