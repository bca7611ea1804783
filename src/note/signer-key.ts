/**
 * Signer keys, the secret counterpart of verifier keys: `PRIVATE+KEY+name+hex(id)+base64(type ‖ seed)`, the text
 * form of golang.org/x/mod/sumdb/note. Messages of errors never quote the text: it is a secret.
 */
import { concat, equal, toBase64, toHex, utf8 } from '../core/bytes.ts';
import type { Crypto, Hasher, PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import type { NoteSignature } from './signature-line.ts';
import { keyId, parseKeyText, SIGNATURE_TYPE, type VerifierKey, verifierKey } from './verifier-key.ts';

/** What a signer key is for: notes (a log's checkpoints), or cosignatures. */
type SignerType = typeof SIGNATURE_TYPE.ED25519 | typeof SIGNATURE_TYPE.ED25519_COSIGNATURE;

export interface SignerKey {
  readonly name: string;
  readonly type: SignerType;
  /** Ed25519. */
  readonly privateKey: PrivateKey;
}

export interface NoteSigner {
  readonly verifierKey: VerifierKey;
  /** @param text with its final newline */
  sign(text: string): NoteSignature;
}

const PREFIX = 'PRIVATE+KEY+';

/** @throws VKEY_MALFORMED wrong form or type, or an id that is not that of the key; KEY_MALFORMED wrong seed length */
export function parseSignerKey(crypto: Crypto, text: string): SignerKey {
  if (!text.startsWith(PREFIX)) throw fail('VKEY_MALFORMED', 'not a signer key');
  const { name, id, type, material } = parseKeyText(text.slice(PREFIX.length));
  if (!isSignerType(type)) throw fail('VKEY_MALFORMED', `cannot sign with keys of type ${type}`);
  const privateKey = crypto.importPrivateKey('Ed25519', material);
  const key = verifierKey(crypto, name, type, privateKey.publicKey.bytes);
  if (!equal(key.id, id)) throw fail('VKEY_MALFORMED', `the key id of ${name} is not that of its key`);
  return { name, type, privateKey };
}

export function formatSignerKey(hasher: Hasher, { name, type, privateKey }: SignerKey): string {
  const id = keyId(hasher, name, type, privateKey.publicKey.bytes);
  return `${PREFIX}${name}+${toHex(id)}+${toBase64(concat(Uint8Array.of(type), privateKey.secret))}`;
}

/**
 * A signer of note texts (type 1), such as a log's checkpoint key, whose name is the origin.
 * @throws ARGUMENT_INVALID not an Ed25519 key; VKEY_MALFORMED not a key name
 */
export function noteSigner(hasher: Hasher, name: string, privateKey: PrivateKey): NoteSigner {
  if (privateKey.algorithm !== 'Ed25519') throw fail('ARGUMENT_INVALID', 'notes are signed with Ed25519');
  const key = verifierKey(hasher, name, SIGNATURE_TYPE.ED25519, privateKey.publicKey.bytes);
  return {
    verifierKey: key,
    sign: (text) => ({ name, id: key.id, signature: privateKey.sign(utf8(text)) }),
  };
}

function isSignerType(type: number): type is SignerType {
  return type === SIGNATURE_TYPE.ED25519 || type === SIGNATURE_TYPE.ED25519_COSIGNATURE;
}
