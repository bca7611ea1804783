/** How a certificate is signed: AlgorithmIdentifiers of RSA (RFC 4055, RFC 8017 appendix A.2). */
import { deny } from './codes.ts';
import { type Element, explicit, readOid, readSmall, TAG, within } from './der.ts';
import type { RsaHash } from './rsa.ts';

export type SignatureScheme =
  | { readonly type: 'pss'; readonly hash: RsaHash; readonly saltLength: number; readonly text: string }
  | { readonly type: 'pkcs1'; readonly hash: RsaHash; readonly text: string }
  /** One that nothing here verifies. */
  | { readonly type: 'other'; readonly text: string };

const PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const HASHES: Readonly<Record<string, RsaHash>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const PKCS1: Readonly<Record<string, RsaHash>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
};

/** @throws DER_MALFORMED, CERTIFICATE_MALFORMED */
export function readSignatureAlgorithm(element: Element): SignatureScheme {
  return within(element, (members) => {
    const oid = readOid(members.next(TAG.OID));
    const parameters = members.more ? members.next() : undefined;
    if (oid === PSS && parameters?.tag === TAG.SEQUENCE) return pss(parameters);
    const hash = PKCS1[oid];
    if (hash === undefined) return { type: 'other', text: oid };
    if (parameters?.tag !== TAG.NULL) throw deny('CERTIFICATE_MALFORMED', 'RSA with parameters');
    return { type: 'pkcs1', hash, text: `RSA PKCS#1 v1.5, ${hash}` };
  });
}

/** RSASSA-PSS-params. Its defaults are SHA-1 and a salt of 20: what is not written is not accepted by any chain. */
function pss(parameters: Element): SignatureScheme {
  return within(parameters, (members) => {
    const hash = members.optional(explicit(0));
    const mask = members.optional(explicit(1));
    const salt = members.optional(explicit(2));
    const trailer = members.optional(explicit(3));
    const hashOid = hash && within(hash, (inner) => digest(inner.next(TAG.SEQUENCE)));
    const maskOid = mask && within(mask, (inner) => maskHash(inner.next(TAG.SEQUENCE)));
    const saltLength = salt ? within(salt, (inner) => readSmall(inner.next(TAG.INTEGER), 512)) : 20;
    // X.690 §11.5 leaves a default out; most of AMD's certificates write this one all the same.
    if (trailer && within(trailer, (inner) => readSmall(inner.next(TAG.INTEGER), 255)) !== 1) {
      throw deny('CERTIFICATE_MALFORMED', 'a PSS trailer that nobody defines');
    }
    const name = hashOid === undefined ? undefined : HASHES[hashOid];
    const text = `RSA PSS, ${name ?? hashOid ?? 'sha1'}, salt ${saltLength}`;
    if (name === undefined || maskOid !== hashOid) return { type: 'other', text };
    return { type: 'pss', hash: name, saltLength, text };
  });
}

function digest(element: Element): string {
  return within(element, (members) => {
    const oid = readOid(members.next(TAG.OID));
    if (members.more && members.next(TAG.NULL).content.length > 0) {
      throw deny('CERTIFICATE_MALFORMED', 'a hash with parameters');
    }
    return oid;
  });
}

function maskHash(element: Element): string | undefined {
  return within(element, (members) => {
    const oid = readOid(members.next(TAG.OID));
    const inner = digest(members.next(TAG.SEQUENCE));
    return oid === MGF1 ? inner : undefined;
  });
}
