/** The text of a checkpoint, C2SP tlog-checkpoint "Note text": origin, tree size, root, extension lines. */
import { type Bytes, equal, fromBase64, fromHex, toBase64 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

export interface Checkpoint {
  /** Identifies the log; one line of text. */
  readonly origin: string;
  /** Leaves in the tree; exact, at most 2^53 − 1. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
  /** Opaque lines that the log added; ours adds none, since witnesses do not compare them. */
  readonly extensions: readonly string[];
}

/** SHA-256 of nothing: the root of the empty tree, RFC 9162 §2.1.1. */
const EMPTY_ROOT = fromHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

/** @throws CHECKPOINT_MALFORMED or CONSISTENCY_INVALID when {@link parseCheckpoint} would not read it back */
export function formatCheckpoint({
  origin,
  size,
  root,
  extensions = [],
}: Omit<Checkpoint, 'extensions'> & Partial<Checkpoint>): string {
  const text = `${[origin, size, toBase64(root), ...extensions].join('\n')}\n`;
  // Reading it back is the whole check: what is signed here is what everybody else can read.
  const read = parseCheckpoint(text);
  if (read.origin !== origin || read.extensions.length !== extensions.length) {
    throw malformed('a line contains a newline');
  }
  return text;
}

/**
 * @param text a note's text, with its final newline
 * @throws CHECKPOINT_MALFORMED also for a size above 2^53 − 1, which this software does not handle
 * @throws CONSISTENCY_INVALID a size of 0 with another root than the empty tree's: well formed and untrue (a witness
 *   answers 422 to it, not 400)
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw malformed('the text does not end in a newline');
  const lines = text.slice(0, -1).split('\n');
  const [origin, sizeLine, rootLine, ...extensions] = lines;
  if (origin === undefined || sizeLine === undefined || rootLine === undefined) {
    throw malformed('a checkpoint has at least three lines');
  }
  if (lines.includes('')) throw malformed('a line is empty');
  const size = parseSize(sizeLine);
  const root = parseRoot(rootLine);
  if (size === 0 && !equal(root, EMPTY_ROOT)) {
    throw fail('CONSISTENCY_INVALID', 'the root of an empty tree is not SHA-256 of nothing');
  }
  return { origin, size, root, extensions };
}

function parseSize(line: string): number {
  // 2^64 − 1 has 20 digits; the length is bounded before the number is made.
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(line)) {
    throw malformed('the tree size is not a decimal number without leading zeros');
  }
  const size = Number(line);
  if (!Number.isSafeInteger(size)) throw malformed('a tree size above 2^53 − 1 is not supported');
  return size;
}

function parseRoot(line: string): Bytes {
  let root: Bytes;
  try {
    root = fromBase64(line);
  } catch (cause) {
    throw malformed('the root is not canonical base64', cause);
  }
  if (root.length !== 32) throw malformed('the root is not 32 bytes');
  return root;
}

function malformed(message: string, cause?: unknown) {
  return fail('CHECKPOINT_MALFORMED', message, { cause });
}
