/**
 * Verifier keys ("vkeys"), C2SP signed-note: `name+hex(id)+base64(type ‖ key)`. The text is configuration, typed or
 * pasted by people, so the id is always computed again: some implementations do not, and then a note is checked
 * against a key that no signer has.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { type Bytes, concat, equal, fromBase64, fromHex, toBase64, toHex, utf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { checkPublicKey } from '../core/signature-profile.ts';

/** Signature types of C2SP signed-note that are understood here. */
export const SIGNATURE_TYPE = {
  /** Ed25519 over the note's text. */
  ED25519: 1,
  /** Timestamped Ed25519 cosignature (tlog-cosignature). */
  ED25519_COSIGNATURE: 4,
  /** Timestamped ML-DSA-44 cosignature (tlog-cosignature). */
  ML_DSA_44_COSIGNATURE: 6,
} as const;
export type SignatureType = (typeof SIGNATURE_TYPE)[keyof typeof SIGNATURE_TYPE];

const KEY_LENGTH: Readonly<Record<SignatureType, number>> = { 1: 32, 4: 32, 6: 1312 };

export interface VerifierKey {
  /** The key's name: not empty, no white space, no `+`. For a log it is the origin. */
  readonly name: string;
  /** 4 bytes, {@link keyId}. */
  readonly id: Bytes;
  readonly type: SignatureType;
  /** Ed25519: 32 bytes, a usable point. ML-DSA-44: 1,312 bytes. */
  readonly key: Bytes;
}

/** SHA-256(name ‖ 0x0A ‖ type ‖ key)[:4], C2SP signed-note "Signatures". An identifier, not a commitment. */
export function keyId(hasher: Hasher, name: string, type: SignatureType, key: Bytes): Bytes {
  return hasher.sha256(concat(utf8(name), Uint8Array.of(0x0a, type), key)).slice(0, 4);
}

/**
 * @throws VKEY_MALFORMED wrong form, unknown type, wrong key length, or an id that is not that of the key
 * @throws KEY_WEAK an Ed25519 key that is not canonical or of small order
 * @example parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
 */
export function parseVerifierKey(text: string): VerifierKey {
  const { name, id, type, material } = parseKeyText(text);
  const key = verifierKey({ sha256 }, name, type, material);
  if (!equal(key.id, id)) throw fail('VKEY_MALFORMED', `the key id of ${name} is not that of its key`);
  return key;
}

/** A checked key from its parts, the id computed. @throws VKEY_MALFORMED, KEY_WEAK as {@link parseVerifierKey} */
export function verifierKey(hasher: Hasher, name: string, type: number, key: Bytes): VerifierKey {
  if (!isKeyName(name)) throw fail('VKEY_MALFORMED', 'not a key name');
  if (!isSignatureType(type)) throw fail('VKEY_MALFORMED', `unknown signature type ${type}`);
  if (key.length !== KEY_LENGTH[type]) {
    throw fail('VKEY_MALFORMED', `a key of type ${type} has ${KEY_LENGTH[type]} bytes, not ${key.length}`);
  }
  if (type !== SIGNATURE_TYPE.ML_DSA_44_COSIGNATURE) checkPublicKey('Ed25519', key);
  return { name, id: keyId(hasher, name, type, key), type, key: Uint8Array.from(key) };
}

export function formatVerifierKey({ name, id, type, key }: VerifierKey): string {
  return `${name}+${toHex(id)}+${toBase64(concat(Uint8Array.of(type), key))}`;
}

/**
 * Whether `name` may name a key: not empty, without Unicode white space, `+` or ASCII control characters
 * (C2SP signed-note "Format").
 */
export function isKeyName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return name.length > 0 && name.isWellFormed() && !/[\p{White_Space}+\u0000-\u001f]/u.test(name);
}

/** The parts of `name+id+base64(type ‖ material)`, not checked against each other. @throws VKEY_MALFORMED */
export function parseKeyText(text: string): { name: string; id: Bytes; type: number; material: Bytes } {
  // Base64 may hold a '+' of its own: only the first two separate.
  const parts = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text);
  if (!parts) throw fail('VKEY_MALFORMED', 'not of the form name+id+key');
  try {
    const bytes = fromBase64(parts[3]!);
    return { name: parts[1]!, id: fromHex(parts[2]!), type: bytes[0]!, material: bytes.slice(1) };
  } catch (cause) {
    throw fail('VKEY_MALFORMED', 'the key is not canonical base64', { cause });
  }
}

function isSignatureType(type: number): type is SignatureType {
  return Object.hasOwn(KEY_LENGTH, type);
}
