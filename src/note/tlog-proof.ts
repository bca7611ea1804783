/**
 * The text form of an inclusion proof, C2SP tlog-proof v1: index, path, and the checkpoint with its cosignatures, in
 * one file that can be verified offline. The extra data is nobody's word: whoever carried the file could change it.
 */
import { type Bytes, fromBase64, fromUtf8, toBase64 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { parseNote } from './note.ts';

export interface TlogProof {
  /** Zero-based; at most 2^53 − 1. */
  readonly index: number;
  /** RFC 9162 §2.1.3.1: leaf to root, 32 bytes each, at most 63. */
  readonly path: readonly Bytes[];
  /** The signed note, verbatim; its signatures are not verified. */
  readonly checkpoint: string;
  /** Not authenticated; at least one byte. */
  readonly extra?: Bytes;
}

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
const MAX_PATH = 63;
/** Of the whole file: a note of at most 1 MiB, as much extra data, and the path. */
const MAX_LENGTH = 3 << 20;

/** @throws PROOF_MALFORMED, NOTE_MALFORMED when {@link parseTlogProof} would not read it back */
export function formatTlogProof({ index, path, checkpoint, extra }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...path.map(toBase64),
  ];
  const text = `${lines.join('\n')}\n\n${checkpoint}`;
  parseTlogProof(text);
  return text;
}

/**
 * The typed value of a `.tlog-proof` file; nothing in it is verified.
 * @throws PROOF_MALFORMED the lines before the checkpoint; NOTE_MALFORMED the checkpoint is not a signed note
 * @example const { index, path, checkpoint } = parseTlogProof(await readFile('statement.tlog-proof', 'utf8'));
 */
export function parseTlogProof(proof: Bytes | string): TlogProof {
  if (proof.length > MAX_LENGTH) throw malformed('longer than 3 MiB');
  const text = proofText(proof);
  // No line before the checkpoint can be empty, so the first empty line ends them.
  const split = text.indexOf('\n\n');
  if (split < 0) throw malformed('no empty line before the checkpoint');
  const [first, ...lines] = text.slice(0, split).split('\n', MAX_PATH + 4);
  if (first !== FIRST_LINE) throw malformed(`the first line is not ${FIRST_LINE}`);
  const extra = lines[0]?.startsWith('extra ') ? parseExtra(lines.shift()!) : undefined;
  const index = parseIndex(lines.shift());
  if (lines.length > MAX_PATH) throw malformed(`more than ${MAX_PATH} hashes`);
  const path = lines.map(parseHash);
  const checkpoint = text.slice(split + 2);
  parseNote(checkpoint);
  return { index, path, checkpoint, ...(extra && { extra }) };
}

function proofText(proof: Bytes | string): string {
  try {
    return typeof proof === 'string' ? proof : fromUtf8(proof);
  } catch (cause) {
    throw malformed('not UTF-8', cause);
  }
}

function parseExtra(line: string): Bytes {
  const extra = parseBase64(line.slice('extra '.length));
  // The line is left out when there is none, so that a proof has one text.
  if (extra.length === 0) throw malformed('the extra data is empty');
  return extra;
}

function parseIndex(line: string | undefined): number {
  const digits = /^index (0|[1-9][0-9]{0,15})$/.exec(line ?? '')?.[1];
  const index = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(index)) {
    throw malformed('the index is not a decimal number up to 2^53 − 1 without leading zeros');
  }
  return index;
}

function parseHash(line: string): Bytes {
  const hash = parseBase64(line);
  if (hash.length !== 32) throw malformed('a hash is not 32 bytes');
  return hash;
}

function parseBase64(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw malformed('not canonical base64', cause);
  }
}

function malformed(message: string, cause?: unknown) {
  return fail('PROOF_MALFORMED', message, { cause });
}
