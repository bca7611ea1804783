/** The signing keys that the state knows: what admission verifies with. */
import { KEY, stateKey } from '../chain/index.ts';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { StateMap } from '../statemap/index.ts';

export type SigningKey = readonly [kid: Bytes, coseKey: Bytes];

const KID = 32;
/** What every state key of a key record begins with: `["key", ` and the head of the 32-byte kid. */
const PREFIX = stateKey(KEY.type, new Uint8Array(KID)).slice(0, -KID);

/** The signing key that a record of the state map holds, if it is one. */
export function signingKeyOf(key: Bytes, value: Bytes): SigningKey | undefined {
  if (key.length !== PREFIX.length + KID || !equal(key.subarray(0, PREFIX.length), PREFIX)) return undefined;
  const record = KEY.decode(value);
  return record.use === 'sig' ? [key.slice(PREFIX.length), record.key] : undefined;
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
