/**
 * What a piece of evidence has to be bound to: the room, its deployment and keys as the log has them, and the head that the
 * evidence itself names, if the log ever published that head.
 */
import { type Binding, type Expected, readEnvelope, readRuntimeData } from '../../attestation/index.ts';
import { type CleanroomRecord, decodeStateEntry, type EvidenceRecord } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Hasher } from '../../core/crypto.ts';
import { isLedgerError } from '../../core/errors.ts';

export interface Subject {
  /** URN of the room. */
  readonly id: string;
  readonly room: CleanroomRecord;
  readonly evidence: EvidenceRecord;
}

export interface Expectation {
  readonly expected: Expected & { readonly type: 'binding' };
  /** Unix seconds of the head; 0 if the evidence names none that was published. */
  readonly head: number;
}

/** @throws UNAVAILABLE, FORK and the like: what the log cannot show is never held against the evidence */
export async function expectationOf(
  crypto: Hasher,
  client: LedgerClient,
  { id, room, evidence }: Subject,
  bytes: Bytes,
  signal: AbortSignal,
): Promise<Expectation> {
  const claimed = bindingIn(bytes);
  const published = claimed && (await publishedHead(client, claimed.head.size, evidence, signal));
  // Without one, nothing may fit, whatever the evidence names: no report can hold a digest of itself.
  const head = published ?? { size: 0, root: crypto.sha256(bytes), time: 0 };
  const binding: Binding = {
    ...{ log: client.trust.origin, cleanroom: id, deploy: room.entryId },
    head: { size: head.size, root: head.root },
    // RFC 9679: the thumbprint of a listed key is the hash of its one form.
    signKey: crypto.sha256(evidence.signKey),
    wrapKey: crypto.sha256(evidence.wrapKey),
  };
  return {
    expected: { type: 'binding', binding, headTime: head.time },
    head: Math.floor(head.time / 1000),
  };
}

/** What the sender says that the evidence is for: it only tells which head to look up. */
function bindingIn(bytes: Bytes): Binding | undefined {
  try {
    const { runtimeData } = readEnvelope(bytes);
    return runtimeData && readRuntimeData(runtimeData);
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/** The log’s own head of that size, whatever root the evidence gives it; undefined: no such head was published before. */
async function publishedHead(
  client: LedgerClient,
  size: number,
  { entry }: EvidenceRecord,
  signal: AbortSignal,
) {
  // Evidence cannot name what came after it was listed.
  if (size < 1 || size > entry) return undefined;
  // The tip rule: a size was published exactly if it ends in a state entry.
  const tip = await client.entry({ index: size - 1 }, { signal });
  if (tip.statement !== null) return undefined;
  const { root } = await client.headAt(size, { signal });
  return { size, root, time: decodeStateEntry(tip.leafData).time };
}
