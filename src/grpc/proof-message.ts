/**
 * Proofs of inclusion and consistency as protobuf messages: what the generated code would write, in one pass. Of all answers these
 * are asked for most, and they are little but hashes; the head that follows is the same for many of them.
 */
import type { Bytes } from '../core/bytes.ts';
import { HASH_LENGTH } from '../merkle/index.ts';
import { aichain } from '../proto/aichain.js';
import type { Consistency, Inclusion, SignedHead } from '../service/ledger.ts';
import { headMessage } from './messages.ts';
import type { Encoder } from './wire.ts';

const { GetInclusionResponse, GetConsistencyResponse } = aichain.v1;

/** Tags of the fields, https://protobuf.dev/programming-guides/encoding/#structure: number << 3 | wire type. */
const NUMBER_1 = 0x08;
const [BYTES_2, BYTES_3, BYTES_4] = [0x12, 0x1a, 0x22];

export const inclusionMessage: Encoder<Inclusion> = encoder(({ index, leafHash, path, head }) => {
  const end = inclusionHeads.of(head);
  const out = new Message(numberLength(index) + fieldLength(leafHash) + rowLength(path) + end.length);
  out.number(NUMBER_1, index);
  out.field(BYTES_2, leafHash);
  out.row(BYTES_3, path);
  return out.end(end);
});

export const consistencyMessage: Encoder<Consistency> = encoder(({ from, path, head, receipt }) => {
  const middle = consistencyHeads.of(head);
  const last = receipt ?? NONE;
  const out = new Message(numberLength(from) + pathLength(path) + middle.length + fieldLength(last));
  out.number(NUMBER_1, from);
  for (const hash of path) out.field(BYTES_2, hash, true);
  out.copy(middle);
  out.field(BYTES_4, last);
  return out.end(NONE);
});

const NONE = new Uint8Array(0);

function encoder<T>(encode: (proof: T) => Bytes): Encoder<T> {
  return { encode: (proof) => ({ finish: () => encode(proof) }) };
}

/** The field of a head, as it was encoded for the proof before. */
class Heads {
  readonly #encode: (head: SignedHead) => Bytes;
  readonly #encoded = new WeakMap<SignedHead, Bytes>();

  constructor(encode: (head: SignedHead) => Bytes) {
    this.#encode = encode;
  }

  of(head: SignedHead): Bytes {
    let bytes = this.#encoded.get(head);
    if (!bytes) {
      bytes = this.#encode(head);
      this.#encoded.set(head, bytes);
    }
    return bytes;
  }
}

const inclusionHeads = new Heads((head) => GetInclusionResponse.encode({ head: headMessage(head) }).finish());
const consistencyHeads = new Heads((head) =>
  GetConsistencyResponse.encode({ head: headMessage(head) }).finish(),
);

/** Bytes of a varint. */
function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

function numberLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

function fieldLength({ length }: Bytes): number {
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

/** Of a row of hashes, each a field. */
function rowLength({ length }: Bytes): number {
  return length + (length / HASH_LENGTH) * 2;
}

function pathLength(path: readonly Bytes[]): number {
  let length = 0;
  for (const hash of path) length += 1 + varintLength(hash.length) + hash.length;
  return length;
}

function viewOf({ buffer, byteOffset, length }: Bytes): DataView {
  return new DataView(buffer, byteOffset, length);
}

class Message {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(length: number) {
    this.#bytes = Buffer.allocUnsafe(length);
  }

  /** A default value is left out. */
  number(tag: number, value: number): void {
    if (value === 0) return;
    this.#bytes[this.#at++] = tag;
    this.#varint(value);
  }

  /** Empty bytes are left out, unless they are one `ofMany`. */
  field(tag: number, bytes: Bytes, ofMany = false): void {
    if (bytes.length === 0 && !ofMany) return;
    this.#bytes[this.#at++] = tag;
    this.#varint(bytes.length);
    this.copy(bytes);
  }

  /** Each hash of a row as a field. Four bytes at a time: a view of each hash would take longer than its bytes do. */
  row(tag: number, hashes: Bytes): void {
    const [to, from] = [viewOf(this.#bytes), viewOf(hashes)];
    for (let hash = 0; hash < hashes.length; hash += HASH_LENGTH) {
      to.setUint8(this.#at++, tag);
      to.setUint8(this.#at++, HASH_LENGTH);
      for (let i = 0; i < HASH_LENGTH; i += 4) to.setUint32(this.#at + i, from.getUint32(hash + i));
      this.#at += HASH_LENGTH;
    }
  }

  copy(bytes: Bytes): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  end(last: Bytes): Bytes {
    this.copy(last);
    return this.#bytes;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#at++] = rest;
  }
}
