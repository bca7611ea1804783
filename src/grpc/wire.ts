/**
 * Protobuf messages at the border: bytes from the network become messages here and nowhere else.
 */
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

/** What the generated static classes offer. */
export interface Decoder<Message> {
  decode(bytes: Bytes): Message;
}
export interface Encoder<Message> {
  encode(message: Message): { finish(): Bytes };
}

/**
 * A message with at most `maxFields` fields on its top level. The count is taken before anything is allocated: an
 * empty field is two bytes on the wire and a hundred in memory.
 * @throws REQUEST_MALFORMED not a protobuf message of this type; REQUEST_TOO_LARGE too many fields
 */
export function decodeMessage<Message>(decoder: Decoder<Message>, bytes: Bytes, maxFields: number): Message {
  if (countFields(bytes, maxFields) > maxFields) {
    throw fail('REQUEST_TOO_LARGE', `the message has more than ${maxFields} fields`);
  }
  try {
    // A plain view: a Buffer's slice() shares memory where a Uint8Array's copies.
    return decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (cause) {
    throw fail('REQUEST_MALFORMED', 'the message cannot be decoded', { cause });
  }
}

export function encodeMessage<Message>(encoder: Encoder<Message>, message: Message): Buffer {
  const bytes = encoder.encode(message).finish();
  // Another view of what is one already would only be more work for the garbage collector.
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Counts fields until the end or one past `stop`. @throws REQUEST_MALFORMED */
function countFields(bytes: Bytes, stop: number): number {
  let at = 0;
  let count = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      else if (byte & 0x7f) value = Number.MAX_SAFE_INTEGER;
      if (byte < 0x80) return value;
    }
    throw fail('REQUEST_MALFORMED', 'a number on the wire does not end');
  };
  while (at < bytes.length && count <= stop) {
    const type = varint() & 7;
    count++;
    // https://protobuf.dev/programming-guides/encoding/#structure
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 2) {
      const length = varint(); // moves `at`
      at += length;
    } else if (type === 5) at += 4;
    else throw fail('REQUEST_MALFORMED', 'a wire type that no field of ours has');
  }
  if (count <= stop && at !== bytes.length) throw fail('REQUEST_MALFORMED', 'the message ends in a field');
  return count;
}

/**
 * A number that arrived as uint64. Above 2^53 − 1 the decoder has rounded it, to a value that is not safe.
 * @throws ARGUMENT_INVALID
 */
export function exact(value: number, name: string): number {
  if (!Number.isSafeInteger(value)) throw fail('ARGUMENT_INVALID', `${name} is above 2^53 - 1`);
  return value;
}

/** A request names an entry by its index or by its id. @throws ARGUMENT_INVALID */
export function entryOf(request: {
  index: number | null;
  entryId: Bytes | null;
}): { index: number } | { entryId: Bytes } {
  if (request.entryId) return { entryId: entryId(request.entryId) };
  if (request.index === null) throw fail('ARGUMENT_INVALID', 'an index or an entry id is needed');
  return { index: exact(request.index, 'index') };
}

/** @throws ARGUMENT_INVALID unless 32 bytes */
export function entryId(bytes: Bytes): Bytes {
  if (bytes.length !== 32) throw fail('ARGUMENT_INVALID', 'an entry id has 32 bytes');
  return owned(bytes);
}

/** A copy that stands alone: a field's bytes are a view that would keep its whole message in memory. */
export function owned(bytes: Bytes): Bytes {
  return new Uint8Array(bytes);
}
