/** One signature line of a note, C2SP signed-note "Signatures": `— name base64(id ‖ signature)`. */
import { type Bytes, concat, fromBase64, toBase64 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { isKeyName } from './verifier-key.ts';

export interface NoteSignature {
  readonly name: string;
  /** 4 bytes: with the name it says which key, and which algorithm. */
  readonly id: Bytes;
  /** At least one byte; what it means depends on the key. */
  readonly signature: Bytes;
}

/** The line without its newline. @throws NOTE_MALFORMED when the parts cannot be a signature */
export function formatSignatureLine({ name, id, signature }: NoteSignature): string {
  if (!isKeyName(name) || id.length !== 4 || signature.length === 0) {
    throw fail('NOTE_MALFORMED', 'not a note signature');
  }
  return `\u2014 ${name} ${toBase64(concat(id, signature))}`;
}

/** @throws NOTE_MALFORMED */
export function parseSignatureLine(line: string): NoteSignature {
  const [dash, name, base64, ...rest] = line.split(' ', 4);
  if (dash !== '\u2014' || base64 === undefined || rest.length > 0 || !isKeyName(name!)) {
    throw fail('NOTE_MALFORMED', 'a signature line is not "— name base64"');
  }
  let bytes: Bytes;
  try {
    bytes = fromBase64(base64);
  } catch (cause) {
    throw fail('NOTE_MALFORMED', 'a signature is not canonical base64', { cause });
  }
  if (bytes.length < 5) throw fail('NOTE_MALFORMED', 'a signature is shorter than a key id and one byte');
  return { name: name!, id: bytes.slice(0, 4), signature: bytes.slice(4) };
}
