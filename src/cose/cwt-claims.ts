/** CWT claims in the protected header, RFC 9597: who issued a structure, about what, and when. */
import { type Cbor, type CborMap, Tagged } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { CWT_CLAIMS, isMap } from './header.ts';

// RFC 8392 §4.
const ISS = 1;
const SUB = 2;
const IAT = 6;
/** Epoch-based date/time, RFC 8949 §3.4.2: some write `iat` with its tag. */
const EPOCH_TAG = 1;

export interface CwtClaims {
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  /** Unix seconds. */
  readonly issuedAt: number | undefined;
}

/** `time` in Unix milliseconds; the claim has whole seconds, rounded down. */
export function cwtClaims(issuer: string, subject: string, time: number): CborMap {
  return new Map<number, Cbor>([
    [ISS, issuer],
    [SUB, subject],
    [IAT, Math.floor(time / 1000)],
  ]);
}

/**
 * The claims of a protected header; a claim that is not there is undefined, other claims are passed over.
 * @throws HEADER_MISSING a claim of the wrong type
 */
export function readCwtClaims(protectedMap: CborMap): CwtClaims {
  const claims = protectedMap.get(CWT_CLAIMS);
  if (claims === undefined) return { issuer: undefined, subject: undefined, issuedAt: undefined };
  if (!isMap(claims)) throw fail('HEADER_MISSING', 'the CWT claims are not a map');
  return {
    issuer: text(claims.get(ISS), 'iss'),
    subject: text(claims.get(SUB), 'sub'),
    issuedAt: seconds(claims.get(IAT)),
  };
}

function text(value: Cbor | undefined, name: string): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw fail('HEADER_MISSING', `${name} is not text`);
  return value;
}

function seconds(value: Cbor | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = value instanceof Tagged && value.tag === EPOCH_TAG ? value.value : value;
  if (typeof number !== 'number' || number < 0) {
    throw fail('HEADER_MISSING', 'iat is not a whole number of seconds');
  }
  return number;
}
