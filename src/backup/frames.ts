/**
 * How a backup is laid out: a line that says what it is, then frames.
 *
 *     frame = type u8 ‖ length u32 ‖ content ‖ digest
 *     digest = SHA-256(digest of the frame before ‖ type ‖ length ‖ content)      (before the first: of the line)
 *
 * The chain of digests shows where a backup is damaged, and that nothing of it is missing, moved or added; the last digest
 * names the whole. It protects against accidents. What an attacker could have written is found by the log's signature.
 */
import { type Bytes, concat, equal, utf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';

/** What a file of frames is. */
export const BACKUP = 'aichain backup 1\n';
export const KEYS = 'aichain keys 1\n';

export const FRAME = {
  /** CBOR: whose backup it is, and of which tree. */
  HEAD: 0x68,
  /** Rows of the storage. */
  ROWS: 0x72,
  /** CBOR: one file, with its path. */
  FILE: 0x66,
  /** CBOR: what was counted. Nothing follows it. */
  END: 0x65,
  /** CBOR, between processes only: why there will be no end. */
  ERROR: 0x78,
} as const;
const TYPES: ReadonlySet<number> = new Set(Object.values(FRAME));

export interface Frame {
  readonly type: number;
  readonly content: Bytes;
}

const HEADER = 5;
const DIGEST = 32;
/** Of one frame: the largest row (a commit of 8 MiB) and the largest file (16 MiB of evidence) fit. */
const MAX_CONTENT = 32 * 1024 * 1024;

export class FrameWriter {
  readonly #hasher: Hasher;
  #digest: Bytes;
  readonly line: Bytes;

  constructor(hasher: Hasher, line: string) {
    this.#hasher = hasher;
    this.line = utf8(line);
    this.#digest = hasher.sha256(this.line);
  }

  /** Of everything so far. */
  get digest(): Bytes {
    return this.#digest;
  }

  frame({ type, content }: Frame): Bytes {
    if (content.length > MAX_CONTENT) throw fail('INTERNAL', 'a frame of a backup is too long');
    const header = new Uint8Array(HEADER);
    header[0] = type;
    new DataView(header.buffer).setUint32(1, content.length);
    this.#digest = digestOf(this.#hasher, this.#digest, header, content);
    return concat(header, content, this.#digest);
  }
}

export interface ReadFrame extends Frame {
  /** Of everything up to and with this frame. */
  readonly digest: Bytes;
}

/**
 * The frames of a file or stream, each verified before it is given; the last one is the end.
 * @throws BACKUP_MALFORMED; whatever the source throws
 */
export async function* readFrames(
  hasher: Hasher,
  line: string,
  source: AsyncIterable<Bytes>,
): AsyncIterable<ReadFrame> {
  const input = new Input(source);
  const expected = utf8(line);
  const first = await input.take(expected.length);
  if (!first || !equal(first, expected)) {
    throw fail('BACKUP_MALFORMED', `the file does not begin with "${line.trim()}"`);
  }
  let digest = hasher.sha256(expected);
  for (let n = 0; ; n++) {
    const damaged = (how: string) =>
      fail('BACKUP_MALFORMED', `frame ${n}, at byte ${start}, ${how}; what comes before it is whole`);
    const start = input.position;
    const header = await input.take(HEADER);
    if (!header) throw damaged('is missing');
    const type = header[0]!;
    const length = new DataView(header.buffer, header.byteOffset).getUint32(1);
    if (!TYPES.has(type) || length > MAX_CONTENT) throw damaged('is damaged');
    const content = await input.take(length);
    const written = content && (await input.take(DIGEST));
    if (!written) throw damaged('ends early');
    digest = digestOf(hasher, digest, header, content);
    if (!equal(digest, written)) throw damaged('is damaged');
    if (type === FRAME.END && (await input.take(1))) {
      throw fail('BACKUP_MALFORMED', 'something follows the end of the backup');
    }
    yield { type, content, digest };
    if (type === FRAME.END) return;
  }
}

function digestOf(hasher: Hasher, before: Bytes, header: Bytes, content: Bytes): Bytes {
  return hasher.sha256(concat(before, header, content));
}

/** Bytes in pieces of any length, taken in the lengths that are asked for. */
class Input {
  readonly #source: AsyncIterator<Bytes>;
  #parts: Bytes[] = [];
  #length = 0;
  position = 0;

  constructor(source: AsyncIterable<Bytes>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `count` bytes; undefined: there are not so many. */
  async take(count: number): Promise<Bytes | undefined> {
    while (this.#length < count) {
      const next = await this.#source.next();
      if (next.done) return undefined;
      const { buffer, byteOffset, length } = next.value;
      this.#parts.push(new Uint8Array(buffer, byteOffset, length)); // a Buffer's slice would not be a copy
      this.#length += length;
    }
    const all = this.#parts.length === 1 ? this.#parts[0]! : concat(...this.#parts);
    this.#parts = [all.subarray(count)];
    this.#length -= count;
    this.position += count;
    return all.subarray(0, count);
  }
}
