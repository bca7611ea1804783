/**
 * X.509 certificates (RFC 5280) read strictly: version 3, DER throughout, every extension once. What a field may say
 * is for the chain that the certificate is part of (amd-chain.ts, uvm-chain.ts).
 */
import { type Bytes, equal } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import { deny } from './codes.ts';
import {
  DerReader,
  type Element,
  explicit,
  readBits,
  readBoolean,
  readDer,
  readFlags,
  readMagnitude,
  readOid,
  readSmall,
  readTime,
  TAG,
  within,
} from './der.ts';
import { type RsaPublicKey, rsaPublicKey } from './rsa.ts';
import { readSignatureAlgorithm, type SignatureScheme } from './signature-scheme.ts';

/** Far above AMD's 1,360 bytes and Microsoft's 1,749. */
const MAX_CERTIFICATE = 4096;
const MAX_EXTENSIONS = 32;

export interface Extension {
  readonly critical: boolean;
  readonly value: Bytes;
}

export type SubjectKey =
  | { readonly type: 'rsa'; readonly key: RsaPublicKey }
  /** Curve as its object identifier, point as it is encoded. */
  | { readonly type: 'ec'; readonly curve: string; readonly point: Bytes }
  | { readonly type: 'other'; readonly algorithm: string };

export interface Certificate {
  readonly raw: Bytes;
  /** What is signed. */
  readonly tbs: Bytes;
  readonly scheme: SignatureScheme;
  readonly signature: Bytes;
  /** Names as they are encoded: they are compared byte by byte. */
  readonly issuer: Bytes;
  readonly subject: Bytes;
  /** The last common name of the subject, or ''. */
  readonly commonName: string;
  /** Unix milliseconds, the first and the last second of its validity. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: SubjectKey;
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  /** RFC 5280 §4.2.1.3 bits: 0 digitalSignature, 5 keyCertSign. */
  readonly keyUsage: readonly boolean[] | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
}

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const COMMON_NAME = '2.5.4.3';
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

/**
 * @throws CERTIFICATE_MALFORMED, CERTIFICATE_EXTENSION_DUPLICATE, CERTIFICATE_CRITICAL_UNKNOWN
 */
export function readCertificate(bytes: Bytes): Certificate {
  if (bytes.length > MAX_CERTIFICATE)
    throw deny('CERTIFICATE_MALFORMED', `longer than ${MAX_CERTIFICATE} bytes`);
  try {
    return certificate(bytes);
  } catch (error) {
    if (!isLedgerError(error, 'DER_MALFORMED')) throw error;
    throw deny('CERTIFICATE_MALFORMED', error.message, error);
  }
}

function certificate(raw: Bytes): Certificate {
  const [tbs, outer, signature] = within(readDer(raw, TAG.SEQUENCE), (members) => [
    members.next(TAG.SEQUENCE),
    members.next(TAG.SEQUENCE),
    readBits(members.next(TAG.BIT_STRING)),
  ]);
  return within(tbs, (members) => {
    const version = within(members.next(explicit(0)), (inner) => readSmall(inner.next(TAG.INTEGER), 2));
    if (version !== 2) throw deny('CERTIFICATE_MALFORMED', 'not version 3');
    readMagnitude(members.next(TAG.INTEGER)); // the serial number; AMD's chips have 0
    const inner = members.next(TAG.SEQUENCE);
    // RFC 5280 §4.1.1.2: what is signed has to say how.
    if (!equal(inner.raw, outer.raw)) throw deny('CERTIFICATE_MALFORMED', 'two signature algorithms');
    const issuer = members.next(TAG.SEQUENCE);
    const [notBefore, notAfter] = within(members.next(TAG.SEQUENCE), (dates) => [
      readTime(dates.next()),
      readTime(dates.next()),
    ]);
    const subject = members.next(TAG.SEQUENCE);
    const key = subjectKey(members.next(TAG.SEQUENCE));
    const extensions = within(members.next(explicit(3)), (list) => readExtensions(list.next(TAG.SEQUENCE)));
    return {
      ...{ raw, tbs: tbs.raw, scheme: readSignatureAlgorithm(inner), signature },
      ...{ issuer: issuer.raw, subject: subject.raw, commonName: commonName(subject) },
      ...{ notBefore, notAfter, key, extensions },
      ...known(extensions),
    };
  });
}

function subjectKey(element: Element): SubjectKey {
  return within(element, (members) => {
    const [algorithm, parameter] = within(members.next(TAG.SEQUENCE), (inner) => [
      readOid(inner.next(TAG.OID)),
      inner.more ? inner.next() : undefined,
    ]);
    const bits = readBits(members.next(TAG.BIT_STRING));
    if (algorithm === EC_PUBLIC_KEY) {
      if (!parameter) throw deny('CERTIFICATE_MALFORMED', 'a key without its curve');
      return { type: 'ec', curve: readOid(parameter), point: bits };
    }
    if (algorithm !== RSA_ENCRYPTION) return { type: 'other', algorithm };
    if (parameter?.tag !== TAG.NULL || parameter.content.length > 0) {
      throw deny('CERTIFICATE_MALFORMED', 'an RSA key with parameters');
    }
    const key = within(readDer(bits, TAG.SEQUENCE), (numbers) =>
      rsaPublicKey(readMagnitude(numbers.next()), readMagnitude(numbers.next())),
    );
    return key ? { type: 'rsa', key } : { type: 'other', algorithm: 'RSA of an unusual size or exponent' };
  });
}

function readExtensions(sequence: Element): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  const members = new DerReader(sequence.content);
  while (members.more) {
    within(members.next(TAG.SEQUENCE), (inner) => {
      const oid = readOid(inner.next(TAG.OID));
      const flag = inner.optional(TAG.BOOLEAN);
      // X.690 §11.5: FALSE is the default, and a default is not written.
      if (flag && !readBoolean(flag)) throw deny('CERTIFICATE_MALFORMED', 'a default that is written');
      const { content: value } = inner.next(TAG.OCTET_STRING);
      if (extensions.has(oid)) throw deny('CERTIFICATE_EXTENSION_DUPLICATE', oid);
      if (extensions.size >= MAX_EXTENSIONS) throw deny('CERTIFICATE_MALFORMED', 'too many extensions');
      extensions.set(oid, { critical: flag !== undefined, value });
    });
  }
  return extensions;
}

/** The extensions that a chain is judged by. A critical one that nobody here reads makes the certificate unusable. */
function known(extensions: ReadonlyMap<string, Extension>) {
  for (const [oid, { critical }] of extensions) {
    if (critical && ![BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE].includes(oid)) {
      throw deny('CERTIFICATE_CRITICAL_UNKNOWN', oid);
    }
  }
  const value = (oid: string) => extensions.get(oid)?.value;
  const [basic, usage, extended] = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE].map(value);
  return {
    basicConstraints: basic && readBasicConstraints(basic),
    keyUsage: usage && readFlags(readDer(usage, TAG.BIT_STRING)),
    extendedKeyUsage: extended && readPurposes(extended),
  };
}

function readBasicConstraints(value: Bytes) {
  return within(readDer(value, TAG.SEQUENCE), (members) => {
    const flag = members.optional(TAG.BOOLEAN);
    if (flag && !readBoolean(flag)) throw deny('CERTIFICATE_MALFORMED', 'a default that is written');
    const length = members.optional(TAG.INTEGER);
    return { ca: flag !== undefined, pathLength: length && readSmall(length, 255) };
  });
}

function readPurposes(value: Bytes): readonly string[] {
  return within(readDer(value, TAG.SEQUENCE), (members) => {
    const purposes: string[] = [];
    while (members.more && purposes.length < MAX_EXTENSIONS) purposes.push(readOid(members.next(TAG.OID)));
    return purposes;
  });
}

/** The value of the last common name: names go from the general to the particular. */
function commonName(name: Element): string {
  let found = '';
  const sets = new DerReader(name.content);
  while (sets.more) {
    const attributes = new DerReader(sets.next(TAG.SET).content);
    while (attributes.more) {
      within(attributes.next(TAG.SEQUENCE), (attribute) => {
        const type = readOid(attribute.next(TAG.OID));
        const value = attribute.next();
        const plain = value.tag === TAG.UTF8_STRING || value.tag === TAG.PRINTABLE_STRING;
        if (type === COMMON_NAME && plain) found = ascii(value.content);
      });
    }
  }
  return found;
}

/** Printable ASCII as text; anything else is no name that is compared here. */
export function ascii(bytes: Bytes): string {
  const plain = bytes.length <= 128 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return plain ? String.fromCharCode(...bytes) : '';
}
