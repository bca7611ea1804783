/** The row that says how far a monitor has replayed. It carries its digest: a bit that flips in it would look like a fork. */
import { decodeStateEntry, type StateEntry } from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import { type CborMap, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { CompactRange } from '../merkle/index.ts';

const FORMAT = 1;

export interface LogIdentity {
  readonly origin: string;
  /** Entry id of entry 0, 32 bytes. */
  readonly genesis: Bytes;
}

export interface Progress {
  readonly range: CompactRange;
  readonly tip: StateEntry;
}

/** @param replayed `stateEntry`: the last leaf of `range` */
export function encodeProgress(
  hasher: Hasher,
  { origin, genesis }: LogIdentity,
  { range, stateEntry }: { range: CompactRange; stateEntry: Bytes },
): Bytes {
  const body = encode({
    format: FORMAT,
    origin,
    genesis,
    size: range.size,
    hashes: range.hashes,
    tip: stateEntry,
  });
  return encode([body, hasher.sha256(body)]);
}

/** @throws CONFIG_INVALID it is of another log; LOG_CORRUPT */
export function decodeProgress(hasher: Hasher, row: Bytes, log: LogIdentity): Progress {
  const map = membersOf(hasher, row);
  if (map.get('format') !== FORMAT) throw corrupt('is of another version of this software');
  if (map.get('origin') !== log.origin || !equal(bytesOf(map.get('genesis')), log.genesis)) {
    throw fail('CONFIG_INVALID', `this folder is of the log ${String(map.get('origin'))}`);
  }
  const [size, hashes] = [map.get('size'), map.get('hashes')];
  if (typeof size !== 'number' || !Array.isArray(hashes)) throw corrupt('is malformed');
  try {
    const range = CompactRange.of(size, hashes.map(bytesOf));
    const tip = decodeStateEntry(bytesOf(map.get('tip')));
    if (tip.index + 1 !== size) throw corrupt('ends in another state entry than it names');
    return { range, tip };
  } catch (cause) {
    throw corrupt('is malformed', cause);
  }
}

function membersOf(hasher: Hasher, row: Bytes): CborMap {
  try {
    const [body, digest] = decode(row) as Bytes[];
    const map = equal(hasher.sha256(bytesOf(body)), bytesOf(digest)) && decode(bytesOf(body));
    if (map instanceof Map) return map as CborMap;
  } catch (cause) {
    throw corrupt('is malformed', cause);
  }
  throw corrupt('does not have its digest');
}

function bytesOf(value: unknown): Bytes {
  if (!(value instanceof Uint8Array)) throw corrupt('is malformed');
  return value;
}

function corrupt(what: string, cause?: unknown) {
  return fail('LOG_CORRUPT', `the stored progress ${what}`, { cause });
}
