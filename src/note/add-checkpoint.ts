/**
 * The texts of C2SP tlog-witness: what a log sends with `add-checkpoint`, and what a witness answers. Syntax only:
 * nothing in them is verified here.
 */
import { type Bytes, fromBase64, fromUtf8, toBase64 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { formatSignatureLine, type NoteSignature, parseSignatureLine } from './signature-line.ts';

export interface AddCheckpoint {
  /** Size of the tree that the witness has cosigned last; 0: none. At most 2^53 − 1. */
  readonly old: number;
  /** RFC 6962 §2.1.2 consistency proof from the old size to the checkpoint's: at most 63 hashes of 32 bytes. */
  readonly proof: readonly Bytes[];
  /** The signed note, verbatim; not parsed. */
  readonly checkpoint: string;
}

/** What a witness answers. */
export type WitnessAnswer =
  | { readonly type: 'cosigned'; readonly signatures: readonly NoteSignature[] }
  /** The old size is not the recorded one, which the asker needs for its proof. */
  | { readonly type: 'conflict'; readonly size: number };

/** Media type of the answer 409, whose body is the recorded size. */
export const TLOG_SIZE = 'text/x.tlog.size';
/** Bytes of a request: 63 hashes, and a checkpoint with far more than the 16 signatures that everybody must take. */
export const MAX_ADD_CHECKPOINT = 256 << 10;
/** Bytes of an answer: some lines, of which an ML-DSA-44 one has 3.3 kB. */
export const MAX_COSIGNATURES = 64 << 10;

const MAX_PROOF = 63;

/** @throws REQUEST_MALFORMED when {@link parseAddCheckpoint} would not read it back */
export function formatAddCheckpoint({ old, proof, checkpoint }: AddCheckpoint): string {
  const text = `${[`old ${old}`, ...proof.map(toBase64)].join('\n')}\n\n${checkpoint}`;
  parseAddCheckpoint(text);
  return text;
}

/** @throws REQUEST_MALFORMED */
export function parseAddCheckpoint(body: Bytes | string): AddCheckpoint {
  if (body.length > MAX_ADD_CHECKPOINT) throw malformed('longer than 256 KiB');
  const text = textOf(body);
  // No line of the head can be empty, so the first empty line ends it; the checkpoint has empty lines of its own.
  const split = text.indexOf('\n\n');
  if (split < 0) throw malformed('no empty line before the checkpoint');
  const [first, ...hashes] = text.slice(0, split).split('\n', MAX_PROOF + 2);
  if (hashes.length > MAX_PROOF) throw malformed(`more than ${MAX_PROOF} hashes`);
  const digits = /^old (0|[1-9][0-9]{0,19})$/.exec(first!)?.[1];
  const old = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(old)) {
    throw malformed('the first line is not "old" and a tree size up to 2^53 − 1');
  }
  return { old, proof: hashes.map(parseHash), checkpoint: text.slice(split + 2) };
}

/** The body of a 200. */
export function formatCosignatures(signatures: readonly NoteSignature[]): string {
  return signatures.map((signature) => `${formatSignatureLine(signature)}\n`).join('');
}

/** @throws NOTE_MALFORMED not one or more signature lines, each with its newline */
export function parseCosignatures(body: Bytes | string): NoteSignature[] {
  if (body.length > MAX_COSIGNATURES) throw fail('NOTE_MALFORMED', 'longer than 64 KiB');
  let text: string;
  try {
    text = textOf(body);
  } catch (cause) {
    throw fail('NOTE_MALFORMED', 'not UTF-8', { cause });
  }
  if (!text.endsWith('\n')) throw fail('NOTE_MALFORMED', 'the last line has no newline');
  return text.slice(0, -1).split('\n').map(parseSignatureLine);
}

/** The size in the body of a 409. @throws RESPONSE_MALFORMED also above 2^53 − 1 */
export function parseTlogSize(body: Bytes): number {
  const digits =
    body.length <= 21 ? /^(0|[1-9][0-9]*)\n$/.exec(String.fromCharCode(...body))?.[1] : undefined;
  const size = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(size)) {
    throw fail('RESPONSE_MALFORMED', 'the answer is not a tree size');
  }
  return size;
}

function parseHash(line: string): Bytes {
  let hash: Bytes;
  try {
    hash = fromBase64(line);
  } catch (cause) {
    throw malformed('a proof line is not canonical base64', cause);
  }
  if (hash.length !== 32) throw malformed('a hash is not 32 bytes');
  return hash;
}

function textOf(body: Bytes | string): string {
  try {
    return typeof body === 'string' ? body : fromUtf8(body);
  } catch (cause) {
    throw malformed('not UTF-8', cause);
  }
}

function malformed(message: string, cause?: unknown) {
  return fail('REQUEST_MALFORMED', message, { cause });
}
