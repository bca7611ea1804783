/**
 * Cosignatures, C2SP tlog-cosignature: a timestamp and a signature by which a witness (or a replayer) says that the
 * checkpoint is the largest one it has seen of this log, consistent with all before it.
 *
 * Ed25519 (type 4) is made and verified; ML-DSA-44 (type 6) is verified, because witnesses SHOULD use it. The Ed25519
 * form does not bind the cosigner's name: one key for each cosigner, which the policy parser enforces.
 */
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { type Bytes, concat, fromU64be, u64be, utf8 } from '../core/bytes.ts';
import type { Crypto, Hasher, PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { parseCheckpoint } from './checkpoint-text.ts';
import { readyKey } from './ready-key.ts';
import type { NoteSignature } from './signature-line.ts';
import { SIGNATURE_TYPE, type VerifierKey, verifierKey } from './verifier-key.ts';

/** A cosignature that has been verified. */
export interface Cosignature {
  readonly key: VerifierKey;
  /** When it was made, by the cosigner's clock: Unix seconds. 0 (ML-DSA-44 only): no statement about time. */
  readonly timestamp: number;
}

export interface Cosigner {
  readonly verifierKey: VerifierKey;
  /**
   * Signs without looking at any tree: whoever calls has checked consistency and stored the checkpoint.
   * @param text the checkpoint's text, with its final newline
   * @param timestamp Unix seconds
   * @throws CHECKPOINT_MALFORMED, ARGUMENT_INVALID
   */
  cosign(text: string, timestamp: number): NoteSignature;
}

/** An Ed25519 cosigner (type 4). @throws ARGUMENT_INVALID not an Ed25519 key; VKEY_MALFORMED not a key name */
export function cosigner(hasher: Hasher, name: string, privateKey: PrivateKey): Cosigner {
  if (privateKey.algorithm !== 'Ed25519') throw fail('ARGUMENT_INVALID', 'a cosigner needs an Ed25519 key');
  const key = verifierKey(hasher, name, SIGNATURE_TYPE.ED25519_COSIGNATURE, privateKey.publicKey.bytes);
  return {
    verifierKey: key,
    cosign(text, timestamp) {
      parseCheckpoint(text);
      if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
        throw fail('ARGUMENT_INVALID', 'a timestamp is a whole number of seconds');
      }
      const signature = privateKey.sign(ed25519Message(text, timestamp));
      return { name, id: key.id, signature: concat(u64be(timestamp), signature) };
    },
  };
}

/**
 * @param signature u64 timestamp ‖ signature: 72 bytes (type 4) or 2,428 bytes (type 6)
 * @returns the timestamp, Unix seconds
 * @throws SIGNATURE_INVALID whatever is wrong, a timestamp above 2^53 − 1 included
 */
export function verifyCosignature(crypto: Crypto, key: VerifierKey, text: string, signature: Bytes): number {
  let timestamp = 0;
  let valid = false;
  let cause: unknown;
  try {
    timestamp = fromU64be(signature);
    const raw = signature.subarray(8);
    if (key.type === SIGNATURE_TYPE.ED25519_COSIGNATURE) {
      valid = readyKey(crypto, key).verify(ed25519Message(text, timestamp), raw);
    } else if (key.type === SIGNATURE_TYPE.ML_DSA_44_COSIGNATURE) {
      // Only a checkpoint has the origin, size and root that this form signs.
      const { origin, size, root } = parseCheckpoint(text);
      valid = mlDsa44Verify(key, { timestamp, origin, start: 0, end: size, root }, raw);
    }
  } catch (error) {
    cause = error;
  }
  if (!valid) throw fail('SIGNATURE_INVALID', `the cosignature of ${key.name} does not verify`, { cause });
  return timestamp;
}

/** What an ML-DSA-44 cosigner signs: a checkpoint (start 0), or a subtree with leaves start … end − 1. */
export interface Subtree {
  /** Unix seconds; 0 when start is not 0. */
  readonly timestamp: number;
  /** 1 to 255 bytes of UTF-8. */
  readonly origin: string;
  readonly start: number;
  readonly end: number;
  /** 32 bytes. */
  readonly root: Bytes;
}

/**
 * @param key of type 6: Ed25519 cosigners sign checkpoints only
 * @param signature 2,420 bytes, without the timestamp
 * @throws SIGNATURE_INVALID also when `subtree` is not one that may be signed
 */
export function verifySubtree(key: VerifierKey, subtree: Subtree, signature: Bytes): void {
  if (key.type !== SIGNATURE_TYPE.ML_DSA_44_COSIGNATURE || !mlDsa44Verify(key, subtree, signature)) {
    throw fail('SIGNATURE_INVALID', `the cosignature of ${key.name} does not verify`);
  }
}

function mlDsa44Verify(key: VerifierKey, subtree: Subtree, signature: Bytes): boolean {
  // The length is checked here because the library throws on it, and a verifier must only say no.
  return (
    signature.length === ml_dsa44.lengths.signature &&
    ml_dsa44.verify(signature, subtreeMessage(key.name, subtree), key.key)
  );
}

/** tlog-cosignature "Ed25519 signed message". */
function ed25519Message(text: string, timestamp: number): Bytes {
  return utf8(`cosignature/v1\ntime ${timestamp}\n${text}`);
}

/**
 * tlog-cosignature "ML-DSA-44 signed message": the structure `cosigned_message`. It binds the cosigner's name, and
 * leaves out extension lines.
 * @throws SIGNATURE_INVALID no such message may be signed
 */
export function subtreeMessage(cosignerName: string, subtree: Subtree): Bytes {
  const { timestamp, origin, start, end, root } = subtree;
  if (start !== 0 && timestamp !== 0) {
    throw fail('SIGNATURE_INVALID', 'a subtree that does not start at 0 has no timestamp');
  }
  if (start > end || root.length !== 32) throw fail('SIGNATURE_INVALID', 'not a subtree');
  return concat(
    utf8('subtree/v1\n\0'),
    opaque8(cosignerName),
    u64be(timestamp),
    opaque8(origin),
    u64be(start),
    u64be(end),
    root,
  );
}

/** `opaque x<1..2^8-1>` of RFC 8446 §3.4. */
function opaque8(text: string): Bytes {
  const bytes = utf8(text);
  if (bytes.length < 1 || bytes.length > 255) throw fail('SIGNATURE_INVALID', 'a name is not 1 to 255 bytes');
  return concat(Uint8Array.of(bytes.length), bytes);
}
