/**
 * Signed notes, C2SP signed-note: text, an empty line, signature lines. The text means nothing before a signature by
 * a known key has been verified over exactly these bytes: use {@link openNote}, and {@link parseNote} only to carry
 * a note or to add signatures.
 */
import { type Bytes, equal, fromUtf8, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { type Cosignature, verifyCosignature } from './cosignature.ts';
import { readyKey } from './ready-key.ts';
import { formatSignatureLine, type NoteSignature, parseSignatureLine } from './signature-line.ts';
import type { NoteSigner } from './signer-key.ts';
import { formatVerifierKey, SIGNATURE_TYPE, type VerifierKey } from './verifier-key.ts';

export interface Note {
  /** With its final newline; without the empty line that follows. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface OpenedNote {
  readonly text: string;
  /** The known keys whose signatures verify, each once, in the order of the note. */
  readonly verified: readonly VerifierKey[];
  /** Those of them that are cosigners, with the newest timestamp of each. */
  readonly cosignatures: readonly Cosignature[];
}

/** C2SP asks for at least 16. An ML-DSA-44 line has 3.3 kB. */
const MAX_SIGNATURES = 100;
/** Length of a whole note (bytes, or characters of a string): far above 100 long lines and any checkpoint. */
const MAX_NOTE_BYTES = 1 << 20;

/** @throws NOTE_MALFORMED not UTF-8, control characters, no signatures, too many, too long, or a malformed line */
export function parseNote(note: Bytes | string): Note {
  const whole = noteText(note);
  // The text may hold empty lines: the last one separates. No signature line can be empty.
  const split = whole.lastIndexOf('\n\n');
  if (split < 0) throw malformed('no empty line before the signatures');
  if (!whole.endsWith('\n')) throw malformed('the last line has no newline');
  const lines = whole.slice(split + 2, -1).split('\n', MAX_SIGNATURES + 1);
  if (lines.length > MAX_SIGNATURES) throw malformed(`more than ${MAX_SIGNATURES} signatures`);
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

/** @throws NOTE_MALFORMED when {@link parseNote} would not read it back */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n')) throw malformed('the text does not end in a newline');
  if (signatures.length === 0) throw malformed('a note has at least one signature');
  if (signatures.length > MAX_SIGNATURES) throw malformed(`more than ${MAX_SIGNATURES} signatures`);
  return noteText(`${text}\n${signatures.map((s) => `${formatSignatureLine(s)}\n`).join('')}`);
}

/**
 * Verifies a note against the keys that the caller knows. Signatures by other keys are ignored, also when they share
 * a name or an id (not both) with a known one. A known key whose signature fails spoils the whole note: either
 * somebody tampered with it, or a signer is broken.
 * @throws NOTE_MALFORMED; SIGNATURE_INVALID a known key fails; NOTE_UNSIGNED no signature by a known key
 * @throws ARGUMENT_INVALID two of `keys` share name and id and differ
 */
export function openNote(
  crypto: Crypto,
  note: Note | Bytes | string,
  keys: readonly VerifierKey[],
): OpenedNote {
  const known = byNameAndId(keys);
  const { text, signatures } = typeof note === 'object' && 'text' in note ? note : parseNote(note);
  const verified = new Map<VerifierKey, number | undefined>();
  const seen = new Set<string>();
  for (const signature of signatures) {
    const key = known.get(nameAndId(signature));
    if (!key) continue;
    // Anybody can repeat a good line: it costs one verification all the same.
    const line = formatSignatureLine(signature);
    if (seen.has(line)) continue;
    seen.add(line);
    const timestamp = verifySignature(crypto, key, text, signature.signature);
    verified.set(key, timestamp === undefined ? undefined : Math.max(timestamp, verified.get(key) ?? 0));
  }
  if (verified.size === 0) throw fail('NOTE_UNSIGNED', 'no signature by a known key');
  return {
    text,
    verified: [...verified.keys()],
    cosignatures: [...verified].flatMap(([key, timestamp]) =>
      timestamp === undefined ? [] : [{ key, timestamp }],
    ),
  };
}

/**
 * @param text with its final newline, no control characters
 * @throws NOTE_MALFORMED
 */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  return formatNote({ text, signatures: signers.map((signer) => signer.sign(text)) });
}

/** The timestamp of a cosignature, undefined for a plain signature. @throws SIGNATURE_INVALID */
function verifySignature(
  crypto: Crypto,
  key: VerifierKey,
  text: string,
  signature: Bytes,
): number | undefined {
  if (key.type !== SIGNATURE_TYPE.ED25519) return verifyCosignature(crypto, key, text, signature);
  if (!readyKey(crypto, key).verify(utf8(text), signature)) {
    throw fail('SIGNATURE_INVALID', `the signature of ${key.name} does not verify`);
  }
  return undefined;
}

function byNameAndId(keys: readonly VerifierKey[]): Map<string, VerifierKey> {
  const known = new Map<string, VerifierKey>();
  for (const key of keys) {
    const other = known.get(nameAndId(key));
    // Ids are 4 bytes: a collision can be made on purpose, and then a signature would not say whose it is.
    if (other && !(other.type === key.type && equal(other.key, key.key))) {
      throw fail('ARGUMENT_INVALID', `two known keys share name and id: ${formatVerifierKey(key)}`);
    }
    known.set(nameAndId(key), key);
  }
  return known;
}

function nameAndId({ name, id }: Pick<VerifierKey, 'name' | 'id'>): string {
  return `${name} ${id.join('.')}`;
}

/** The note as text, with what holds for every character of it. */
function noteText(note: Bytes | string): string {
  if (note.length > MAX_NOTE_BYTES) throw malformed('longer than 1 MiB');
  let text: string;
  try {
    text = typeof note === 'string' ? note : fromUtf8(note);
  } catch (cause) {
    throw malformed('not UTF-8', cause);
  }
  if (!text.isWellFormed()) throw malformed('text with a lone surrogate');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note has no control characters but newlines.
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw malformed('a control character other than newline');
  return text;
}

function malformed(message: string, cause?: unknown) {
  return fail('NOTE_MALFORMED', message, { cause });
}
