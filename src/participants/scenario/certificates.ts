/**
 * A certificate authority for the processes of one run (RFC 5280): P-256, for this machine only, good for a day. Its key is
 * never written; who has a certificate of it is one of the run's own processes.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  bits,
  element,
  generalizedTime,
  integer,
  octets,
  oid,
  sequence,
  small,
  TRUE,
} from '../../attestation/der-write.ts';
import { type Bytes, concat, toBase64, utf8 } from '../../core/bytes.ts';

/** PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = oid('2.5.4.3');
const BASIC_CONSTRAINTS = oid('2.5.29.19');
const KEY_USAGE = oid('2.5.29.15');
const SUBJECT_ALT_NAME = oid('2.5.29.17');
const DAY = 86_400_000;

const SET = 0x31;
const UTF8 = 0x0c;
/** GeneralName: dNSName [2], iPAddress [7]. */
const DNS = 0x82;
const ADDRESS = 0x87;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;

/** Encoded where they are made: to export them later, of the generator's own, can hang (see platform/crypto-node.ts). */
function newKeys(): { publicKey: Bytes; privateKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { publicKey: Uint8Array.from(publicKey), privateKey };
}

export class Authority {
  readonly #name: Bytes;
  readonly #keys = newKeys();
  readonly #now: number;
  /** What whoever trusts it is given: PEM. */
  readonly cert: string;

  /** @param now Unix milliseconds */
  constructor(name: string, now: number) {
    this.#name = nameOf(name);
    this.#now = now;
    const isAuthority = critical(BASIC_CONSTRAINTS, sequence(TRUE, small(0)));
    // keyCertSign (5).
    const mayIssue = critical(KEY_USAGE, bits(Uint8Array.of(0x04), 2));
    this.cert = this.#certificate(this.#name, this.#keys.publicKey, [isAuthority, mayIssue]);
  }

  /** For a process that listens on this machine, connects from it, or both. */
  issue(commonName: string): Certificate {
    const { publicKey, privateKey } = newKeys();
    const names = sequence(element(DNS, utf8('localhost')), element(ADDRESS, Uint8Array.of(127, 0, 0, 1)));
    const cert = this.#certificate(nameOf(commonName), publicKey, [extension(SUBJECT_ALT_NAME, names)]);
    return { cert, key: privateKey };
  }

  #certificate(subject: Bytes, publicKey: Bytes, extensions: readonly Bytes[]): string {
    const serial = concat(Uint8Array.of(1), new Uint8Array(randomBytes(15)));
    const content = sequence(
      element(EXPLICIT_0, small(2)), // version 3
      integer(serial),
      ECDSA_SHA256,
      this.#name,
      sequence(timeOf(this.#now - DAY), timeOf(this.#now + DAY)),
      subject,
      publicKey,
      element(EXPLICIT_3, sequence(...extensions)),
    );
    const signature = Uint8Array.from(sign('sha256', content, this.#keys.privateKey));
    const text = toBase64(sequence(content, ECDSA_SHA256, bits(signature)));
    return `-----BEGIN CERTIFICATE-----\n${text.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}

function nameOf(commonName: string): Bytes {
  return sequence(element(SET, sequence(COMMON_NAME, element(UTF8, utf8(commonName)))));
}

function timeOf(milliseconds: number): Bytes {
  return generalizedTime(`${new Date(milliseconds).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`);
}

function extension(id: Bytes, value: Bytes): Bytes {
  return sequence(id, octets(value));
}

function critical(id: Bytes, value: Bytes): Bytes {
  return sequence(id, TRUE, octets(value));
}
