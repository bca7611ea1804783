/** Concise problem details, RFC 9290: how a SCRAPI answer says what went wrong. */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode, Tagged } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { isMap } from './header.ts';

export const PROBLEM_DETAILS_TYPE = 'application/concise-problem-details+cbor';

// RFC 9290 §2.
const TITLE = -1;
const DETAIL = -2;
/** Language-tagged string, RFC 9290 appendix A: [language, text, …]. */
const LANGUAGE_TAG = 38;

export interface ProblemDetails {
  /** Short and the same for each kind of problem. */
  readonly title: string | undefined;
  /** About this occurrence. */
  readonly detail: string | undefined;
}

export function encodeProblemDetails({ title, detail }: { title: string; detail?: string }): Bytes {
  const members = new Map<number, Cbor>([[TITLE, title]]);
  if (detail !== undefined) members.set(DETAIL, detail);
  return encode(members);
}

/** Members that are not known are passed over, RFC 9290 §2. @throws CBOR_MALFORMED */
export function decodeProblemDetails(bytes: Bytes): ProblemDetails {
  const members = decode(bytes, { profile: 'definite' });
  if (!isMap(members)) throw fail('CBOR_MALFORMED', 'problem details are not a map');
  return { title: text(members.get(TITLE)), detail: text(members.get(DETAIL)) };
}

function text(value: Cbor | undefined): string | undefined {
  const inner =
    value instanceof Tagged && value.tag === LANGUAGE_TAG && Array.isArray(value.value)
      ? (value.value[1] as Cbor | undefined)
      : value;
  if (inner !== undefined && typeof inner !== 'string') throw fail('CBOR_MALFORMED', 'not a text');
  return inner;
}
