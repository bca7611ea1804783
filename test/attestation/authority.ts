/**
 * A certificate authority of the test's own, with AMD's names: for evidence whose signatures all verify and which has to be
 * refused all the same. Made with @peculiar/x509, an implementation that shares nothing with the one that is tested.
 */
import { type KeyExportOptions, type KeyObject, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type Bytes, concat, fromBase64url, utf8 } from '../../src/core/bytes.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type RsaKeyName, rsaKey } from './rsa-keys.ts';

cryptoProvider.set(webcrypto as Crypto);

export type Pair = CryptoKeyPair;
export const AMD = '1.3.6.1.4.1.3704.1';
export const PSS = { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 } as const;
type Scheme = { readonly name: string; readonly hash: string; readonly saltLength?: number };

export async function rsaPair(key: RsaKeyName, name = 'RSA-PSS', hash = 'SHA-384'): Promise<Pair> {
  const { privateKey, publicKey } = rsaKey(key);
  const imported = (format: 'pkcs8' | 'spki', from: KeyObject, usage: 'sign' | 'verify') => {
    const der = from.export({ type: format, format: 'der' } as KeyExportOptions<'der'>);
    return webcrypto.subtle.importKey(format, der, { name, hash }, true, [usage]);
  };
  return {
    privateKey: (await imported('pkcs8', privateKey, 'sign')) as CryptoKey,
    publicKey: (await imported('spki', publicKey, 'verify')) as CryptoKey,
  };
}

/** The same key for another scheme: WebCrypto binds keys to one. */
export async function rebound({ privateKey, publicKey }: Pair, scheme: Scheme): Promise<Pair> {
  const algorithm = { name: scheme.name, hash: scheme.hash };
  const key = async (from: CryptoKey, format: 'pkcs8' | 'spki', usage: 'sign' | 'verify') =>
    webcrypto.subtle.importKey(format, await webcrypto.subtle.exportKey(format, from), algorithm, true, [
      usage,
    ]);
  return {
    privateKey: (await key(privateKey, 'pkcs8', 'sign')) as CryptoKey,
    publicKey: (await key(publicKey, 'spki', 'verify')) as CryptoKey,
  };
}

export async function ecPair(namedCurve = 'P-384'): Promise<Pair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, [
    'sign',
    'verify',
  ]) as Promise<Pair>;
}

/** A key of WebCrypto as one of this project, to sign reports with. */
export async function signingKey({ privateKey }: Pair): Promise<PrivateKey> {
  const { d } = await webcrypto.subtle.exportKey('jwk', privateKey);
  return nodeCrypto.importPrivateKey('ES384', fromBase64url(d!));
}

export function amdName(commonName: string): Name {
  return new Name([
    { OU: ['Engineering'] },
    { C: ['US'] },
    { L: ['Santa Clara'] },
    { ST: ['CA'] },
    { O: ['Advanced Micro Devices'] },
    { CN: [commonName] },
  ]);
}

export interface Issue {
  readonly subject: string;
  readonly issuer: string;
  readonly key: CryptoKey;
  readonly by: Pair;
  readonly scheme?: Scheme;
  readonly extensions: readonly Extension[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export async function issue(request: Issue): Promise<Bytes> {
  const { subject, issuer, key, by, scheme = PSS, extensions } = request;
  const { notBefore = new Date('2025-01-01T00:00:00Z'), notAfter = new Date('2035-01-01T00:00:00Z') } =
    request;
  const certificate: X509Certificate = await X509CertificateGenerator.create({
    serialNumber: '01',
    subject: amdName(subject).toJSON(),
    issuer: amdName(issuer).toJSON(),
    publicKey: key,
    signingKey: (await rebound(by, scheme)).privateKey,
    signingAlgorithm: { ...scheme },
    extensions: [...extensions],
    notBefore,
    notAfter,
  });
  return new Uint8Array(certificate.rawData);
}

export function authority(pathLength?: number, ca = true, usage = KeyUsageFlags.keyCertSign): Extension[] {
  return [new BasicConstraintsExtension(ca, pathLength, true), new KeyUsagesExtension(usage, true)];
}

/** An extension whose value is given byte by byte. */
export function raw(oid: string, value: Bytes): Extension {
  return new Extension(oid, false, Uint8Array.from(value).buffer);
}

const integer = (value: number) =>
  value < 0x80
    ? Uint8Array.of(2, 1, value)
    : value < 0x100
      ? Uint8Array.of(2, 2, 0, value)
      : Uint8Array.of(2, 2, value >> 8, value & 0xff);

export function level(component: number, value: number): Extension {
  return raw(`${AMD}.3.${component}`, integer(value));
}

export function product(name: string): Extension {
  return raw(`${AMD}.2`, concat(Uint8Array.of(0x16, name.length), utf8(name)));
}

export const version = () => raw(`${AMD}.1`, integer(1));
export const hwid = (id: Bytes) => raw(`${AMD}.4`, id);
export const cspId = (name: string) => raw(`${AMD}.5`, concat(Uint8Array.of(0x16, name.length), utf8(name)));
