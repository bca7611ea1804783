/** The signing keys that the state knows: what admission verifies with. */
import { KEY, stateKey } from '../chain/index.ts';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { StateMap } from '../statemap/index.ts';
import { recordTypeRange } from './layout.ts';

export type SigningKey = readonly [kid: Bytes, coseKey: Bytes];

const KID = 32;
/** What every state key of a key record begins with: `["key", ` and the head of the 32-byte kid. */
const PREFIX = stateKey(KEY.type, new Uint8Array(KID)).slice(0, -KID);

/** Where stored records have them, and keys of other uses. */
export const KEY_RANGE = recordTypeRange(KEY.type, stateKey(KEY.type, new Uint8Array(KID)));

/** The signing key that a record of the state map holds, if it is one. */
export function signingKeyOf(key: Bytes, value: Bytes): SigningKey | undefined {
  if (key.length !== PREFIX.length + KID || !equal(key.subarray(0, PREFIX.length), PREFIX)) return undefined;
  const record = KEY.decode(value);
  // A copy: the record's own may be a view of the bundle, or of the message, that the statement came in.
  return record.use === 'sig' ? [key.slice(PREFIX.length), record.key.slice()] : undefined;
}

/** Many in one piece, for a thread: kid, length in two big-endian bytes, key; each an object would take it longer than they are. */
export function packKeys(keys: readonly SigningKey[]): Bytes {
  const packed = new Uint8Array(keys.reduce((sum, [, key]) => sum + KID + 2 + key.length, 0));
  let at = 0;
  for (const [kid, key] of keys) {
    packed.set(kid, at);
    packed[at + KID] = key.length >> 8;
    packed[at + KID + 1] = key.length;
    packed.set(key, at + KID + 2);
    at += KID + 2 + key.length;
  }
  return packed;
}

/** Views of {@link packKeys}. */
export function* unpackKeys(packed: Bytes): Iterable<SigningKey> {
  for (let at = 0; at < packed.length; ) {
    const key = at + KID + 2;
    const end = key + ((packed[key - 2]! << 8) | packed[key - 1]!);
    yield [packed.subarray(at, at + KID), packed.subarray(key, end)];
    at = end;
  }
}

/** All of them, by hex kid. */
export function signingKeys(state: StateMap): Map<string, SigningKey> {
  const keys = new Map<string, SigningKey>();
  for (const [key, value] of state.entries()) {
    const found = signingKeyOf(key, value);
    if (found) keys.set(toHex(found[0]), found);
  }
  return keys;
}
