/** Names of objects: DEPA's files have bare ids, the chain has URNs that say of which log they are. */
import { isUrn } from '../chain/index.ts';
import type { Place } from './place.ts';

/** `urn:depa:<type>:<origin>:<local>` from a UUID, a `sha256-…`, or a URN that is one already. */
export function urnAt(place: Place, type: string, origin: string): string | undefined {
  const local = place.text();
  if (local === undefined || isUrn(local, type)) return local;
  const urn = `urn:depa:${type}:${origin}:${local}`;
  if (isUrn(urn, type)) return urn;
  return place.problem(
    'ID_MALFORMED',
    `${JSON.stringify(local)} is no UUID in lower case: the overlay can give one as "id"`,
  );
}
