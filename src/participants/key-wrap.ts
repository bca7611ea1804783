/**
 * Data keys on their way: wrapped by a KMS to the key that a clean room has attested, or by a clean room to the key that a
 * model is released to. HPKE (RFC 9180), base mode, by @hpke/core: whoever wraps is not authenticated by it, and need not be,
 * since the ledger says who released what to which key. Where and what for is part of the derivation: a wrapped key opens for
 * nothing else.
 */
import {
  Aes256Gcm,
  CipherSuite,
  DhkemP256HkdfSha256,
  DhkemP384HkdfSha384,
  DhkemX25519HkdfSha256,
  HkdfSha256,
  HkdfSha384,
} from '@hpke/core';
import { type Bytes, equal } from '../core/bytes.ts';
import { decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { type CoseKey, decodeCoseKey, encodeCoseKey, thumbprint } from '../cose/key.ts';

/** What a key is wrapped for. Both sides say it, each from what the ledger proves to it. */
export interface WrapPurpose {
  /** Origin of the log. */
  readonly log: string;
  /** `data` for a key.release, `model` for a model.release, `import` on the way from its owner to a KMS. */
  readonly use: 'data' | 'model' | 'import';
  /** Id of the release, or URN of the model; of an import, DID of the owner. */
  readonly release: string;
  /** URN of the clean room, DID of the consumer, or DID of the KMS. */
  readonly recipient: string;
  readonly keyId: string;
}

/** The private part of a key that things are wrapped to. */
export interface UnwrappingKey {
  /** As the ledger lists it: a COSE_Key. */
  readonly listed: Bytes;
  readonly secret: CryptoKey;
}

export type WrapAlgorithm = 'ES256' | 'ES384' | 'X25519';

const LABEL = 'aichain/key-wrap/v1';
const WRAPPED = 'aichain/wrapped-key/v1';
const MAX_KEY = 256;

/** By the curve of the key. A P-256 key of use `enc` has the algorithm name of the signatures that it never makes. */
const SUITES: Readonly<Record<WrapAlgorithm, () => CipherSuite>> = {
  ES256: () => suite(new DhkemP256HkdfSha256(), new HkdfSha256()),
  ES384: () => suite(new DhkemP384HkdfSha384(), new HkdfSha384()),
  X25519: () => suite(new DhkemX25519HkdfSha256(), new HkdfSha256()),
};

function suite(kem: ConstructorParameters<typeof CipherSuite>[0]['kem'], kdf: HkdfSha256 | HkdfSha384) {
  return new CipherSuite({ kem, kdf, aead: new Aes256Gcm() });
}

/** The algorithms of RFC 9180 that go with a key. */
export function hpkeSuite(algorithm: WrapAlgorithm): CipherSuite {
  return SUITES[algorithm]();
}

/** A new key pair, for a clean room that comes up or a consumer. The private part stays with whoever asked. */
export async function generateUnwrappingKey(algorithm: WrapAlgorithm): Promise<UnwrappingKey> {
  const { kem } = hpkeSuite(algorithm);
  const { privateKey, publicKey } = await kem.generateKeyPair();
  const bytes = new Uint8Array(await kem.serializePublicKey(publicKey));
  return { listed: encodeCoseKey({ algorithm, bytes } as CoseKey), secret: privateKey };
}

/** From the secret scalar: 32 bytes, for P-384 48. @throws KEY_MALFORMED */
export async function importUnwrappingKey(listed: Bytes, secret: Bytes): Promise<UnwrappingKey> {
  const { kem } = hpkeSuite(algorithmOf(decodeCoseKey(listed)));
  try {
    return { listed, secret: await kem.deserializePrivateKey(buffer(secret)) };
  } catch (cause) {
    throw fail('KEY_MALFORMED', 'not a secret of this key', { cause });
  }
}

/**
 * Wraps a key to a listed one; the answer is what `key.receive` has the digest of.
 * @throws KEY_MALFORMED, KEY_WEAK `to` is no key that things can be wrapped to
 */
export async function wrapKey(hasher: Hasher, to: Bytes, purpose: WrapPurpose, key: Bytes): Promise<Bytes> {
  const listed = decodeCoseKey(to);
  const kid = thumbprint(hasher, listed);
  const hpke = hpkeSuite(algorithmOf(listed));
  const recipientPublicKey = await hpke.kem.deserializePublicKey(buffer(listed.bytes));
  const info = buffer(infoOf(purpose, kid));
  const { enc, ct } = await hpke.seal({ recipientPublicKey, info }, buffer(key));
  return encode([WRAPPED, kid, new Uint8Array(enc), new Uint8Array(ct)]);
}

/** @throws WRAPPED_KEY_INVALID altered, wrapped to another key, or for something else */
export async function unwrapKey(
  hasher: Hasher,
  mine: UnwrappingKey,
  purpose: WrapPurpose,
  wrapped: Bytes,
): Promise<Bytes> {
  const listed = decodeCoseKey(mine.listed);
  const kid = thumbprint(hasher, listed);
  const { to, enc, ct } = parse(wrapped);
  if (!equal(to, kid)) throw fail('WRAPPED_KEY_INVALID', 'wrapped to another key');
  const hpke = hpkeSuite(algorithmOf(listed));
  try {
    const info = buffer(infoOf(purpose, kid));
    return new Uint8Array(await hpke.open({ recipientKey: mine.secret, enc: buffer(enc), info }, buffer(ct)));
  } catch (cause) {
    throw fail('WRAPPED_KEY_INVALID', 'altered, or wrapped for another release', { cause });
  }
}

function parse(wrapped: Bytes): { to: Bytes; enc: Bytes; ct: Bytes } {
  try {
    const items = decode(wrapped);
    const [label, to, enc, ct] = Array.isArray(items) && items.length === 4 ? items : [];
    const bytes = to instanceof Uint8Array && enc instanceof Uint8Array && ct instanceof Uint8Array;
    if (label === WRAPPED && bytes && ct.length <= MAX_KEY) return { to, enc, ct };
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
  }
  throw fail('WRAPPED_KEY_INVALID', 'not a wrapped key');
}

function infoOf({ log, use, release, recipient, keyId }: WrapPurpose, kid: Bytes): Bytes {
  return encode([LABEL, log, use, release, recipient, keyId, kid]);
}

function algorithmOf({ algorithm }: CoseKey): WrapAlgorithm {
  if (algorithm !== 'Ed25519') return algorithm;
  throw fail('KEY_MALFORMED', 'nothing can be wrapped to a key for signatures');
}

/** WebCrypto takes no bytes that might be shared between threads. */
function buffer(bytes: Bytes): ArrayBuffer {
  return Uint8Array.from(bytes).buffer as ArrayBuffer;
}
