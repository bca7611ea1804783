/**
 * A dataset, or a model, as it lies outside the clean room: encrypted in chunks that are authenticated one by one, so that a file larger
 * than memory can be opened as it is read, and no byte is given out that was not checked.
 *
 *   sealed file = u16 length of the header ‖ header ‖ commitment (32) ‖ chunk …
 *   header      = CBOR ["aichain/sealed/v1", subject, version, data key id, salt (32)]
 *   chunk       = AES-256-GCM of 65,536 bytes of the file (the last: 0 to 65,536) ‖ tag (16)
 *
 * Key: HKDF-SHA-256 of the data key, with the salt and the whole header: another header is another key, and no nonce is ever
 * used twice under one. Nonce: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): 7 zero bytes ‖ u32 number of the chunk ‖ 1
 * for the last chunk, else 0, so that chunks cannot be cut off, swapped, doubled or joined. AES-GCM alone lets one file open
 * under two keys to two contents; the commitment, derived from the same data key, does not.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Bytes, concat } from '../core/bytes.ts';
import { decode, encode } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';

/** What a file is sealed for; whoever opens it says it too, from the ledger. */
export interface SealedFor {
  /** URN of the dataset, or of the model. */
  readonly subject: string;
  readonly version: number;
  readonly dataKeyId: string;
}

export type ByteStream = AsyncIterable<Bytes> | Iterable<Bytes>;

const LABEL = 'aichain/sealed/v1';
const CHUNK = 65_536;
const TAG = 16;
const COMMITMENT = 32;
const DATA_KEY = 32;
const MAX_HEADER = 2048;
const MAX_CHUNKS = 2 ** 32 - 1;

/** Seals a file. `salt` is drawn anew for each; tests give one. @throws ARGUMENT_INVALID */
export async function* seal(
  dataKey: Bytes,
  sealedFor: SealedFor,
  file: ByteStream,
  salt: Bytes = randomBytes(32),
): AsyncGenerator<Bytes, void, void> {
  const header = encodeHeader(sealedFor, salt);
  const { key, commitment } = keysOf(dataKey, header, salt);
  yield concat(Uint8Array.of(header.length >> 8, header.length & 0xff), header, commitment);
  let counter = 0;
  for await (const { bytes, last } of inParts(file, CHUNK)) {
    if (counter >= MAX_CHUNKS) throw fail('ARGUMENT_INVALID', 'a file larger than can be sealed');
    const cipher = createCipheriv('aes-256-gcm', key, nonce(counter, last), { authTagLength: TAG });
    cipher.setAAD(header);
    yield concat(cipher.update(bytes), cipher.final(), cipher.getAuthTag());
    counter += 1;
  }
}

/**
 * Opens a file. What has been given out is authentic as far as it goes; that it is whole is certain only when the end is
 * reached without an error, and nothing may be made of it before.
 * @throws SEALED_FILE_INVALID altered, cut short, for something else, or sealed with another key
 */
export async function* open(
  dataKey: Bytes,
  expected: SealedFor,
  sealed: ByteStream,
): AsyncGenerator<Bytes, void, void> {
  const source = new Source(sealed);
  const header = await readHeader(source);
  const { sealedFor, salt } = decodeHeader(header);
  const same =
    sealedFor.subject === expected.subject &&
    sealedFor.version === expected.version &&
    sealedFor.dataKeyId === expected.dataKeyId;
  if (!same) throw fail('SEALED_FILE_INVALID', 'sealed for another dataset, version or key');
  const { key, commitment } = keysOf(dataKey, header, salt);
  const stated = await source.take(COMMITMENT);
  if (stated.length !== COMMITMENT || !timingSafeEqual(stated, commitment)) {
    throw fail('SEALED_FILE_INVALID', 'sealed with another key');
  }
  let counter = 0;
  for await (const { bytes, last } of inParts(source.rest(), CHUNK + TAG)) {
    // An empty last chunk is for an empty file: elsewhere it would be a second way to write the same one.
    const empty = bytes.length === TAG && counter > 0;
    if (bytes.length < TAG || empty || counter >= MAX_CHUNKS) throw fail('SEALED_FILE_INVALID', 'cut short');
    const at = bytes.length - TAG;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce(counter, last), { authTagLength: TAG });
    decipher.setAAD(header).setAuthTag(bytes.subarray(at));
    try {
      const opened = concat(decipher.update(bytes.subarray(0, at)), decipher.final());
      if (opened.length > 0) yield opened;
    } catch (cause) {
      throw fail('SEALED_FILE_INVALID', `chunk ${counter} is not authentic`, { cause });
    }
    counter += 1;
  }
}

/** The whole of a file that fits into memory, and nothing if any of it is wrong. @throws SEALED_FILE_INVALID */
export async function openWhole(
  dataKey: Bytes,
  expected: SealedFor,
  sealed: ByteStream,
  maxBytes: number,
): Promise<Bytes> {
  const parts: Bytes[] = [];
  let size = 0;
  for await (const part of open(dataKey, expected, sealed)) {
    size += part.length;
    if (size > maxBytes) throw fail('SEALED_FILE_INVALID', `more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return concat(...parts);
}

/** What a file says that it is sealed for: unproven until it is opened. @throws SEALED_FILE_INVALID */
export async function statedIn(sealed: ByteStream): Promise<SealedFor> {
  return decodeHeader(await readHeader(new Source(sealed))).sealedFor;
}

function encodeHeader({ subject, version, dataKeyId }: SealedFor, salt: Bytes): Bytes {
  const header = encode([LABEL, subject, version, dataKeyId, Uint8Array.from(salt)]);
  const fits = header.length <= MAX_HEADER && salt.length === 32 && Number.isSafeInteger(version);
  if (!fits) throw fail('ARGUMENT_INVALID', 'names too long, or not a version');
  return header;
}

function decodeHeader(header: Bytes): { sealedFor: SealedFor; salt: Bytes } {
  const items = decoded(header);
  const [label, subject, version, dataKeyId, salt] = Array.isArray(items) && items.length === 5 ? items : [];
  if (label !== LABEL || typeof subject !== 'string' || typeof dataKeyId !== 'string') {
    throw fail('SEALED_FILE_INVALID', 'not a sealed file');
  }
  if (typeof version !== 'number' || !(salt instanceof Uint8Array) || salt.length !== 32) {
    throw fail('SEALED_FILE_INVALID', 'not the header of a sealed file');
  }
  return { sealedFor: { subject, version, dataKeyId }, salt };
}

function decoded(header: Bytes) {
  try {
    return decode(header);
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw fail('SEALED_FILE_INVALID', 'not a sealed file', { cause });
  }
}

async function readHeader(source: Source): Promise<Bytes> {
  const length = await source.take(2);
  const size = length.length === 2 ? length[0]! * 256 + length[1]! : 0;
  if (size > MAX_HEADER) throw fail('SEALED_FILE_INVALID', 'not a sealed file');
  const header = await source.take(size);
  if (size === 0 || header.length !== size) throw fail('SEALED_FILE_INVALID', 'not a sealed file');
  return header;
}

function keysOf(dataKey: Bytes, header: Bytes, salt: Bytes): { key: Bytes; commitment: Bytes } {
  if (dataKey.length !== DATA_KEY) throw fail('ARGUMENT_INVALID', 'a data key has 32 bytes');
  // RFC 5869: one expansion gives both; neither tells of the other.
  const both = new Uint8Array(hkdfSync('sha256', dataKey, salt, header, 32 + COMMITMENT));
  return { key: both.subarray(0, 32), commitment: both.subarray(32) };
}

function nonce(counter: number, last: boolean): Bytes {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setUint32(7, counter);
  bytes[11] = last ? 1 : 0;
  return bytes;
}

/** A stream of bytes from which the first ones are taken by number. */
class Source {
  readonly #parts: AsyncIterator<Bytes> | Iterator<Bytes>;
  #held: Bytes = new Uint8Array(0);

  constructor(stream: ByteStream) {
    this.#parts = Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
  }

  /** The next `size` bytes; fewer at the end. */
  async take(size: number): Promise<Bytes> {
    while (this.#held.length < size) {
      const { value, done } = await this.#parts.next();
      if (done) break;
      this.#held = concat(this.#held, value);
    }
    const taken = this.#held.slice(0, size);
    this.#held = this.#held.subarray(size);
    return taken;
  }

  async *rest(): AsyncGenerator<Bytes, void, void> {
    yield this.#held;
    for (;;) {
      const { value, done } = await this.#parts.next();
      if (done) return;
      yield value;
    }
  }
}

/** The stream in parts of one size; the last, which may be shorter, says so. There is always one. */
async function* inParts(stream: ByteStream, size: number) {
  let held: Bytes[] = [];
  let length = 0;
  for await (const bytes of stream) {
    held.push(bytes);
    length += bytes.length;
    // A part is known not to be the last only when there is more.
    if (length <= size) continue;
    let rest = concat(...held);
    for (; rest.length > size; rest = rest.subarray(size))
      yield { bytes: rest.subarray(0, size), last: false };
    held = [rest];
    length = rest.length;
  }
  yield { bytes: concat(...held), last: true };
}
