/** Keys that a body lists (genesis, registration, key.add): their form, the checks on each, and their records. */

import { type Bytes, equal } from '../core/bytes.ts';
import { isEncryptionKey } from '../cose/key.ts';
import type { Context } from './kind.ts';
import { possessionProven } from './possession.ts';
import { kidOf, readKey, signatureKey } from './public-key.ts';
import type { Write } from './record.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { bytes, type Infer, optional, seconds, struct } from './schema.ts';
import { coseKey, KEY, keyAlias, keyUse } from './state.ts';

/** A proof of possession, with room for the headers of other software. */
const MAX_PROOF = 512;

export const listedKey = struct({
  /** What the owner calls it; one live key of an owner has it. */
  keyAlias,
  use: keyUse,
  key: coseKey,
  notAfter: optional(seconds),
  /** Needed for each key that can sign, but for the one that signs the statement. */
  pop: optional(bytes({ min: 1, max: MAX_PROOF })),
});
export type ListedKey = Infer<typeof listedKey>;

/** What listing a key can be refused for. */
export const LISTED_KEY_REASONS = [
  'KEY_MALFORMED',
  'KEY_WEAK',
  'ALG_NOT_ALLOWED',
  'POP_MISSING',
  'ID_TAKEN',
] as const;
export const KID_TAKEN = 'The key is listed already, by whomever, or is one of the log’s own keys.';
type ListingReason = (typeof LISTED_KEY_REASONS)[number] | 'KID_TAKEN';

interface Listing {
  readonly owner: string;
  readonly keys: readonly ListedKey[];
  /** The key that vouches for them; null: they come with the registration. */
  readonly addedBy: Bytes | null;
  /** Aliases that live keys of the owner have already. */
  readonly aliases?: readonly string[];
  /** Kids that belong to the log itself. */
  readonly reserved: readonly Bytes[];
  /** Unix milliseconds from which they can sign (default: at once). */
  readonly notBefore?: number;
}

export interface Listed {
  readonly kids: readonly Bytes[];
  readonly writes: readonly Write[];
}

/** The records of newly listed keys, once each of them is usable, free, and proven to be the owner's. */
export function listKeys(context: Context, listing: Listing): Listed | Refusal<ListingReason> {
  const kids: Bytes[] = [];
  const writes: Write[] = [];
  const aliases = new Set(listing.aliases);
  for (const listed of listing.keys) {
    const kid = kidOf(context.crypto, listed.key);
    const refusal =
      checkKey(context, listing.owner, kid, listed) ??
      (isFree(context, kid, [...kids, ...listing.reserved])
        ? undefined
        : refuse('KID_TAKEN', listed.keyAlias)) ??
      (aliases.has(listed.keyAlias) ? refuse('ID_TAKEN', `key alias ${listed.keyAlias}`) : undefined);
    if (refusal) return refusal;
    kids.push(kid);
    aliases.add(listed.keyAlias);
    writes.push(KEY.put(recordOf(context, listing, listed), kid));
  }
  return { kids, writes };
}

function checkKey(context: Context, owner: string, kid: Bytes, listed: ListedKey) {
  const key = readKey(listed.key);
  if (isRefusal(key)) return key;
  if (isEncryptionKey(key)) {
    // It cannot sign, so it can prove nothing. Who lists another's gains nothing: it cannot open what comes to it.
    return listed.use === 'enc' ? undefined : refuse('KEY_MALFORMED', 'an encryption key cannot sign');
  }
  if (listed.use === 'sig' && !context.policy.algorithms.includes(key.algorithm)) {
    return refuse('ALG_NOT_ALLOWED', `${listed.keyAlias} is for ${key.algorithm}`);
  }
  if (equal(kid, context.kid)) return undefined; // It has just signed the statement that lists it.
  const proof = listed.pop;
  const verifier = signatureKey(context.crypto, kid, listed.key);
  if (isRefusal(verifier)) return verifier;
  return proof && possessionProven(verifier, proof, { log: context.origin, owner, kid })
    ? undefined
    : refuse('POP_MISSING', listed.keyAlias);
}

function isFree(context: Context, kid: Bytes, taken: readonly Bytes[]): boolean {
  return KEY.read(context.read, kid) === undefined && !taken.some((other) => equal(other, kid));
}

function recordOf(context: Context, { owner, addedBy, notBefore }: Listing, listed: ListedKey) {
  const { key, use, keyAlias: alias, notAfter } = listed;
  const added = { added: context.index, addedAt: context.time, addedBy };
  const from = notBefore === undefined ? {} : { notBefore };
  return { owner, key, use, alias, ...from, ...added, ...(notAfter !== undefined && { notAfter }) };
}

/** The log's own keys: no participant may have one of them (FORMATS §4: no key serves two purposes). */
export function reservedKids(context: Context): readonly Bytes[] {
  const genesis = context.genesis;
  return genesis ? [genesis.checkpointKid, genesis.receiptKid, genesis.recoveryKid] : [];
}
