/** Bodies of statements as JSON: a byte string is `{"$bytes": "<base64url>"}`, as `aichain sign --body` reads it. */
import { toBase64url } from '../../core/bytes.ts';

export function bodyJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: toBase64url(value) };
  if (Array.isArray(value)) return value.map(bodyJson);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, bodyJson(member)]));
}
