/**
 * A model on its way to its consumer: all outputs sealed with a key that is used for nothing else, and that key wrapped to the
 * consumer's key of use `enc`, both in one file, of which the ledger has the digest before it leaves the room.
 *
 *   delivery = u16 length of the wrapped key ‖ wrapped key ‖ sealed file (sealed-file.ts)
 */
import type { Bytes } from '../../core/bytes.ts';
import { concat, equal } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { type UnwrappingKey, unwrapKey, type WrapPurpose, wrapKey } from '../key-wrap.ts';
import { openWhole, type SealedFor, seal, statedIn } from '../sealed-file.ts';
import { type OutputFile, packOutputs, unpackOutputs } from './output-files.ts';

export interface Addressee {
  /** Origin of the log. */
  readonly log: string;
  /** URN of the model. */
  readonly model: string;
  /** DID of the consumer. */
  readonly to: string;
}

export interface Delivery {
  readonly sealed: Bytes;
  /** SHA-256 of `sealed`: what `model.release` says. */
  readonly ciphertext: Bytes;
}

/** The key is the model's only one. */
const KEY_ID = 'model';
const MAX_OUTPUTS = 1 << 30;

/** @param to the consumer's key, as the ledger lists it */
export async function sealDelivery(
  crypto: Crypto,
  addressee: Addressee,
  to: Bytes,
  files: readonly OutputFile[],
): Promise<Delivery> {
  const key = crypto.randomBytes(32);
  const packed = packOutputs(crypto, files);
  try {
    const wrapped = await wrapKey(crypto, to, purpose(addressee), key);
    const parts = [Uint8Array.of(wrapped.length >> 8, wrapped.length & 0xff), wrapped];
    for await (const part of seal(key, sealedFor(addressee), [packed])) parts.push(part);
    const sealed = concat(...parts);
    return { sealed, ciphertext: crypto.sha256(sealed) };
  } finally {
    key.fill(0);
    packed.fill(0);
  }
}

/**
 * What was delivered.
 * @param ciphertext as the ledger has it
 * @throws SEALED_FILE_INVALID, WRAPPED_KEY_INVALID, MODEL_MALFORMED
 */
export async function openDelivery(
  crypto: Crypto,
  addressee: Addressee,
  mine: UnwrappingKey,
  { sealed, ciphertext }: Delivery,
): Promise<OutputFile[]> {
  if (!equal(crypto.sha256(sealed), ciphertext)) {
    throw fail('SEALED_FILE_INVALID', 'not the file that the ledger has the digest of');
  }
  const { wrapped, file } = partsOf(sealed);
  const key = await unwrapKey(crypto, mine, purpose(addressee), wrapped);
  try {
    return unpackOutputs(crypto, await openWhole(key, sealedFor(addressee), [file], MAX_OUTPUTS));
  } finally {
    key.fill(0);
  }
}

/** URN of the model that a delivery says that it is: what to ask the ledger for, and no more. @throws SEALED_FILE_INVALID */
export async function modelStatedIn(sealed: Bytes): Promise<string> {
  return (await statedIn([partsOf(sealed).file])).subject;
}

function partsOf(sealed: Bytes): { wrapped: Bytes; file: Bytes } {
  const end = 2 + (sealed[0]! << 8) + sealed[1]!;
  // Not of a file of less than two bytes, where `end` is no number.
  if (!(end <= sealed.length)) throw fail('SEALED_FILE_INVALID', 'shorter than its wrapped key');
  return { wrapped: sealed.subarray(2, end), file: sealed.subarray(end) };
}

function sealedFor({ model }: Addressee): SealedFor {
  return { subject: model, version: 1, dataKeyId: KEY_ID };
}

function purpose({ log, model, to }: Addressee): WrapPurpose {
  return { log, use: 'model', release: model, recipient: to, keyId: KEY_ID };
}
