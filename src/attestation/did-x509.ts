/**
 * did:x509, as far as endorsements use it: `did:x509:0:sha256:<fingerprint>::eku:<oid>`. It names an authority by the
 * digest of its certificate, and the use that a certificate below it has to be for; the name carries its own trust.
 */
import { type Bytes, equal, fromBase64url } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import type { Certificate } from './certificate.ts';
import { deny } from './codes.ts';

const FORM = /^did:x509:0:sha256:([A-Za-z0-9_-]{43})::eku:([0-9]+(?:\.[0-9]+){1,30})$/;

/** @throws UVM_ISSUER_NOT_ALLOWED a form that is not known; UVM_ROOT_MISMATCH, UVM_EKU_MISSING */
export function checkDidX509(crypto: Hasher, did: string, chain: readonly Certificate[]): void {
  const [, fingerprint, purpose] = FORM.exec(did) ?? [];
  if (fingerprint === undefined || purpose === undefined) {
    throw deny('UVM_ISSUER_NOT_ALLOWED', 'not a did:x509 of the form that is known');
  }
  const [leaf, ...authorities] = chain;
  const wanted = readFingerprint(fingerprint);
  if (!authorities.some(({ raw }) => equal(crypto.sha256(raw), wanted))) {
    throw deny('UVM_ROOT_MISMATCH', 'no certificate of the chain has the fingerprint');
  }
  if (!leaf?.extendedKeyUsage?.includes(purpose)) {
    throw deny('UVM_EKU_MISSING', `not for ${purpose}`);
  }
}

function readFingerprint(text: string): Bytes {
  try {
    return fromBase64url(text);
  } catch (cause) {
    throw deny('UVM_ISSUER_NOT_ALLOWED', 'a fingerprint that is not canonical', cause);
  }
}
