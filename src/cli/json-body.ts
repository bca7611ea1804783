/**
 * Statement bodies as people write them: JSON, with `{"$bytes": "<base64url>"}` for a byte string. Everything else
 * that CBOR has and JSON has not is no part of a body.
 */
import { fromBase64url, toBase64url } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';

const BYTES = '$bytes';

/** @throws as {@link parseJson}; REQUEST_MALFORMED not a JSON object */
export function parseBody(text: string): ReadonlyMap<string, Cbor> {
  const body = parseJson(text);
  if (!(body instanceof Map)) throw fail('REQUEST_MALFORMED', 'the body is not a JSON object');
  return body;
}

/** @throws REQUEST_MALFORMED not JSON; NUMBER_MALFORMED a number that is not an exact integer; BYTES_MALFORMED */
export function parseJson(text: string): Cbor {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail('REQUEST_MALFORMED', `not JSON: ${(cause as Error).message}`, { cause });
  }
  return toCbor(value, 'body');
}

function toCbor(value: unknown, path: string): Cbor {
  if (typeof value === 'number') {
    // JSON.parse rounds what it cannot hold: such a number must not be signed.
    if (!Number.isSafeInteger(value)) throw fail('NUMBER_MALFORMED', `${path} is not an exact integer`);
    return value;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item, i) => toCbor(item, `${path}[${i}]`));
  const members = Object.entries(value as object);
  const [first] = members;
  if (members.length === 1 && first![0] === BYTES) return bytesOf(first![1], path);
  // A Map, since a member could be called "__proto__".
  return new Map(members.map(([name, member]) => [name, toCbor(member, `${path}.${name}`)]));
}

function bytesOf(value: unknown, path: string): Uint8Array {
  if (typeof value !== 'string') throw fail('BYTES_MALFORMED', `${path}: ${BYTES} takes base64url text`);
  try {
    return fromBase64url(value);
  } catch (cause) {
    throw fail('BYTES_MALFORMED', `${path}: not canonical unpadded base64url`, { cause });
  }
}

/** The text that {@link parseBody} reads as `body`; members that are undefined are left out. */
export function bodyText(body: object): string {
  const bytes = (value: unknown) => (value instanceof Uint8Array ? { [BYTES]: toBase64url(value) } : value);
  return `${JSON.stringify(body, (_, value) => bytes(value), 2)}\n`;
}
