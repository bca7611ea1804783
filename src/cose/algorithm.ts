/**
 * COSE signature algorithm ids and what they fix: curve and hash together. Each algorithm has two ids: the one of
 * RFC 9053 §2, and the fully specified one of RFC 9864 §2.
 */
import type { Cbor, CborMap } from '../core/cbor.ts';
import type { PublicKey, SignatureAlgorithm } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { ALG } from './header.ts';

const ALGORITHMS: ReadonlyMap<Cbor, SignatureAlgorithm> = new Map<number, SignatureAlgorithm>([
  [-7, 'ES256'],
  [-9, 'ES256'], // ESP256
  [-35, 'ES384'],
  [-51, 'ES384'], // ESP384
  [-8, 'Ed25519'], // EdDSA; Ed448 keys cannot be imported, so the curve is fixed all the same
  [-19, 'Ed25519'],
]);

/** Every `alg` value that stands for one. */
export const ALGORITHM_IDS: readonly number[] = [...ALGORITHMS.keys()] as number[];

/** The id that is written when a header does not bring one: RFC 9053's, which every COSE library reads. */
export const ALGORITHM_ID: Readonly<Record<SignatureAlgorithm, number>> = {
  ES256: -7,
  ES384: -35,
  Ed25519: -8,
};

/** The algorithm that an `alg` value stands for; undefined when this software does not have it. */
export function algorithmOf(id: Cbor | undefined): SignatureAlgorithm | undefined {
  return id === undefined ? undefined : ALGORITHMS.get(id);
}

/**
 * The protected `alg` must be the key's own: a key is never used with an algorithm that the message chose. An
 * unprotected `alg` does not count.
 * @throws HEADER_MISSING no protected alg; ALG_NOT_ALLOWED unknown, or not the key's
 */
export function checkAlgorithm(protectedMap: CborMap, key: Pick<PublicKey, 'algorithm'>): void {
  const id = protectedMap.get(ALG);
  if (id === undefined) throw fail('HEADER_MISSING', 'no alg in the protected header');
  const algorithm = algorithmOf(id);
  if (algorithm === undefined)
    throw fail('ALG_NOT_ALLOWED', `alg ${typeof id === 'number' ? id : 'unknown'}`);
  if (algorithm !== key.algorithm) {
    throw fail('ALG_NOT_ALLOWED', `alg is ${algorithm}, the key is for ${key.algorithm}`);
  }
}
