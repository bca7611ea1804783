/**
 * Tip and facts in files and bundles (FORMATS §3, §6): `[index, state-entry, path]` and `[key, value / nil, proof]`, the
 * proof being data here and not bytes. Decoding says what is claimed; nothing is verified.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode, type ItemSink } from '../core/cbor.ts';
import type { LedgerError } from '../core/errors.ts';
import { MAX_PATH } from '../merkle/index.ts';
import type { ClaimedFact, ClaimedTip } from './facts.ts';

/** Makes the error that whoever reads the file wants. */
export type Malformed = (message: string) => LedgerError;

const MAX_FACTS = 4096;
const HASH = 32;

export function tipItem({ index, stateEntry, path }: ClaimedTip): Cbor {
  return [index, stateEntry, path];
}

export function factItems(facts: readonly ClaimedFact[]): Cbor {
  return facts.map(({ key, value, proof }) => [key, value, decode(proof)]);
}

/** {@link factItems} as they are encoded: a bundle is mostly proofs, and each would be decoded only to be encoded again. */
export function writeFacts(to: ItemSink, facts: readonly ClaimedFact[]): void {
  to.beginArray(facts.length);
  for (const { key, value, proof } of facts) {
    to.beginArray(3);
    to.item(key, 1);
    to.item(value, 1);
    to.encoded(proof);
  }
}

export function tipOf(item: Cbor | undefined, malformed: Malformed): ClaimedTip {
  const [index, stateEntry, path] = itemsOf(item, 'tip', 3, malformed);
  return {
    index: indexOf(index, 'the tip’s index', malformed),
    stateEntry: bytesOf(stateEntry, 'state entry', malformed),
    path: pathOf(path, malformed),
  };
}

export function factsOf(item: Cbor | undefined, malformed: Malformed): ClaimedFact[] {
  return listOf(item, 'facts', MAX_FACTS, malformed).map((fact) => {
    const [key, record, proof] = itemsOf(fact, 'fact', 3, malformed);
    return {
      key: bytesOf(key, 'key', malformed),
      value: record === null ? null : bytesOf(record, 'value', malformed),
      proof: encode(proof!),
    };
  });
}

export function pathOf(item: Cbor | undefined, malformed: Malformed): Bytes[] {
  return listOf(item, 'path', MAX_PATH, malformed).map((hash) => {
    const bytes = bytesOf(hash, 'hash', malformed);
    if (bytes.length !== HASH) throw malformed('a hash is not 32 bytes');
    return bytes;
  });
}

export function listOf(
  item: Cbor | undefined,
  name: string,
  max: number,
  malformed: Malformed,
): readonly Cbor[] {
  if (!Array.isArray(item) || item.length > max) throw malformed(`${name} is not a list of at most ${max}`);
  return item as readonly Cbor[];
}

export function itemsOf(
  item: Cbor | undefined,
  name: string,
  count: number,
  malformed: Malformed,
): readonly Cbor[] {
  const items = listOf(item, name, count, malformed);
  if (items.length !== count) throw malformed(`${name} does not have ${count} members`);
  return items;
}

export function bytesOf(item: Cbor | undefined, name: string, malformed: Malformed): Bytes {
  if (!(item instanceof Uint8Array)) throw malformed(`${name} is not bytes`);
  return item;
}

export function indexOf(item: Cbor | undefined, name: string, malformed: Malformed): number {
  if (typeof item !== 'number' || item < 0) throw malformed(`${name} is not an unsigned integer below 2^53`);
  return item;
}
