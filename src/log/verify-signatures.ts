/**
 * Verifying the signatures of statements that were read out of a log: what was signed, by which key, is all that a thread is
 * told. Packed, since cloning many small arrays costs as much as verifying some.
 */
import type { Statement } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { sigStructureLength, writeSigStructure } from '../cose/sign1.ts';
import type { KeyDirectory } from './verify-batch.ts';

export interface SignaturesRequest {
  readonly type: 'signatures';
  /** 32 bytes each. */
  readonly kids: Bytes;
  /** Of message and signature, in turn. */
  readonly lengths: Uint32Array;
  /** Message, signature, message, … */
  readonly packed: Bytes;
}

export function packSignatures(statements: readonly Statement[]): SignaturesRequest {
  const kids = new Uint8Array(32 * statements.length);
  const lengths = new Uint32Array(2 * statements.length);
  let size = 0;
  statements.forEach(({ kid, signature, protectedBytes, payload }, i) => {
    kids.set(kid, 32 * i);
    const length = sigStructureLength(protectedBytes, payload);
    lengths[2 * i] = length;
    lengths[2 * i + 1] = signature.length;
    size += length + signature.length;
  });
  const packed = new Uint8Array(size);
  let at = 0;
  for (const { protectedBytes, payload, signature } of statements) {
    at = writeSigStructure(packed, at, protectedBytes, payload);
    packed.set(signature, at);
    at += signature.length;
  }
  return { type: 'signatures', kids, lengths, packed };
}

/** 1 for each signature that verifies under a key that is known, else 0. */
export function verifySignatures(
  keys: KeyDirectory,
  { kids, lengths, packed }: SignaturesRequest,
): Uint8Array {
  const verified = new Uint8Array(lengths.length / 2);
  let at = 0;
  for (let i = 0; i < verified.length; i++) {
    const message = packed.subarray(at, at + lengths[2 * i]!);
    at += message.length;
    const signature = packed.subarray(at, at + lengths[2 * i + 1]!);
    at += signature.length;
    if (keys.get(kids.subarray(i * 32, i * 32 + 32))?.verify(message, signature)) verified[i] = 1;
  }
  return verified;
}
