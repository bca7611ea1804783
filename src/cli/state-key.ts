/**
 * Keys of state records as people write them: `policy`, `sys=genesis`, `participant=did:web:example.com`,
 * `key=<kid in base64url>`, or the CBOR array as JSON: `["delegation","did:…","did:…","kms"]`.
 */
import { stateKey } from '../chain/index.ts';
import { type Bytes, fromBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { parseJson } from './json-body.ts';

/** The type of record whose id is bytes. */
const KEY = 'key';

/** The encoded key. @throws ARGUMENT_INVALID, BYTES_MALFORMED */
export function parseStateKey(text: string): Bytes {
  if (text.startsWith('[')) return fromJson(text);
  const [, type, id] = /^([a-z][a-z-]*)(?:=(.+))?$/.exec(text) ?? [];
  if (type === undefined)
    throw fail('ARGUMENT_INVALID', `${text} is not a state key, such as participant=did:web:…`);
  if (id === undefined) return stateKey(type);
  return stateKey(type, type === KEY ? fromBase64url(id) : id);
}

function fromJson(text: string): Bytes {
  const items = parseJson(text);
  const [type, ...id] = Array.isArray(items) ? items : [];
  const parts = id.filter(
    (part) => typeof part === 'string' || typeof part === 'number' || part instanceof Uint8Array,
  );
  if (typeof type !== 'string' || parts.length !== id.length) {
    throw fail('ARGUMENT_INVALID', 'a state key is a list of a type and texts, numbers or {"$bytes": …}');
  }
  return stateKey(type, ...parts);
}
