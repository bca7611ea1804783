/** What goes to the threads that verify signatures: packed, since cloning many small arrays costs as much as verifying some. */
import type { Statement } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { sigStructureLength, writeSigStructure } from '../cose/sign1.ts';
import type { SigningKey } from '../log/index.ts';

export interface SignaturesRequest {
  readonly type: 'signatures';
  /** 32 bytes each. */
  readonly kids: Bytes;
  /** Of message and signature, in turn. */
  readonly lengths: Uint32Array;
  /** Message, signature, message, … */
  readonly packed: Bytes;
}

export type SignatureRequest =
  | SignaturesRequest
  | { readonly type: 'keys'; readonly keys: readonly SigningKey[] };

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
