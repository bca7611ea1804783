/** What has to hold between a certificate and the one that issued it (RFC 5280 §6.1). */
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import type { Certificate } from './certificate.ts';
import type { AttestationCode } from './codes.ts';
import { verifyPkcs1, verifyPss } from './rsa.ts';

/** keyCertSign, RFC 5280 §4.2.1.3. */
const KEY_CERT_SIGN = 5;

export function namesIssuer(certificate: Certificate, issuer: Certificate): boolean {
  return equal(certificate.issuer, issuer.subject);
}

export function isSelfIssued(certificate: Certificate): boolean {
  return equal(certificate.issuer, certificate.subject);
}

/** Why `certificate` may not issue one with `between` further authorities below itself, or undefined. */
export function authorityFault(certificate: Certificate, between: number): AttestationCode | undefined {
  const { basicConstraints, keyUsage } = certificate;
  if (!basicConstraints?.ca) return 'CHAIN_NOT_CA';
  if (basicConstraints.pathLength !== undefined && basicConstraints.pathLength < between) {
    return 'CHAIN_PATH_TOO_LONG';
  }
  return keyUsage?.[KEY_CERT_SIGN] === true ? undefined : 'CHAIN_KEY_USAGE';
}

/** Whether the signature of `certificate` verifies under the RSA key of `issuer`, by the scheme that it states. */
export function isSignedBy(
  crypto: Crypto,
  { scheme, tbs, signature }: Certificate,
  { key }: Certificate,
): boolean {
  if (key.type !== 'rsa' || scheme.type === 'other') return false;
  return scheme.type === 'pss'
    ? verifyPss(crypto, key.key, scheme.hash, scheme.saltLength, tbs, signature)
    : verifyPkcs1(crypto, key.key, scheme.hash, tbs, signature);
}

/** Why `certificate` cannot be relied on at `at` (Unix milliseconds), or undefined. */
export function dateFault({ notBefore, notAfter }: Certificate, at: number): AttestationCode | undefined {
  if (at < notBefore) return 'CERTIFICATE_NOT_YET_VALID';
  // The last second counts as a whole (RFC 5280 §4.1.2.5).
  return at >= notAfter + 1000 ? 'CERTIFICATE_EXPIRED' : undefined;
}
