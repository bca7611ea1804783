/**
 * Today's DEPA contracts: a COSE_Sign (tag 98) by DEPA's contract service, which collects one signature after another.
 * The reading here, after the SCITT drafts that the service was built on (labels 391–394) and its own labels beside them:
 *
 * - body, protected: 3 content type of the contract's text (`application/json`); 392 the feed, a text that names the series
 *   of contracts, which says nothing about who is bound; 491 participant info: the list of DIDs that have to sign.
 * - each signer, protected: 1 alg; 4 kid, the name of the key in the signer's DID document (`#name`, or its DID before
 *   that), which is the keyAlias here; 493 the signer's DID. Texts may be spelled as bytes in 4 and 493.
 *
 * The payload is the contract's text. It is not parsed: what the machine judges by are the terms beside it, and every
 * signatory accepts these itself.
 */
import { type Bytes, fromUtf8 } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import type { PublicKey } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { CONTENT_TYPE, KID } from '../cose/header.ts';
import { decodeSign, MAX_SIGNERS, type Sign, type Signer, verifySigner } from '../cose/sign.ts';
import { isDid } from './identifier.ts';
import { type Refusal, refuse } from './refusal.ts';
import { textFault } from './text-guard.ts';

const FEED = 392;
const PARTICIPANT_INFO = 491;
const PARTICIPANT = 493;

export const CONTRACT_DIGEST_MISMATCH =
  'The contract’s text, or its media type, is not the one that is stated.';

export interface TextSigner {
  readonly did: string;
  /** What its owner calls the key. */
  readonly keyAlias: string;
  /** Whether the signature is by this key. */
  isBy(key: PublicKey): boolean;
}

/** A multi-signed contract of which nothing is verified. */
export interface MultiSigned {
  readonly text: Bytes;
  readonly contentType: string;
  /** DIDs, each once. */
  readonly participants: readonly string[];
  readonly signers: readonly TextSigner[];
}

export type MultiSignedFault = Refusal<
  'COSE_MALFORMED' | 'HEADER_MISSING' | 'PLACEHOLDER_VALUE' | 'SECRET_IN_BODY'
>;

export function readMultiSigned(bytes: Bytes): MultiSigned | MultiSignedFault {
  const sign = decoded(bytes);
  if (!sign?.payload) return refuse('COSE_MALFORMED', 'not a COSE_Sign with its payload');
  const text = asText(sign.payload);
  if (text === undefined) return refuse('COSE_MALFORMED', 'the contract is not UTF-8');
  const contentType = sign.protected.get(CONTENT_TYPE);
  const participants = participantsOf(sign.protected.get(PARTICIPANT_INFO));
  const feed = sign.protected.get(FEED);
  if (typeof contentType !== 'string' || !participants || (feed !== undefined && typeof feed !== 'string')) {
    return refuse('HEADER_MISSING', 'content type (3), participants (491) or feed (392)');
  }
  const signers: TextSigner[] = [];
  for (const one of sign.signers) {
    const did = asText(one.protected.get(PARTICIPANT));
    const kid = asText(one.protected.get(KID));
    if (did === undefined || kid === undefined) return refuse('HEADER_MISSING', 'kid (4) or signer (493)');
    signers.push({ did, keyAlias: aliasOf(did, kid), isBy: (key) => isSignedBy(sign, one, key) });
  }
  // What is logged is public for ever; that others have signed it does not make a secret or a template good.
  const found = textFault(text);
  if (found) return refuse(found, 'in the contract’s text');
  return { text: sign.payload, contentType, participants, signers };
}

function decoded(bytes: Bytes): Sign | undefined {
  try {
    return decodeSign(bytes);
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'INTERNAL') return undefined;
    throw error;
  }
}

function asText(value: Cbor | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (!(value instanceof Uint8Array)) return undefined;
  try {
    return fromUtf8(value);
  } catch (error) {
    if (isLedgerError(error)) return undefined;
    throw error;
  }
}

function participantsOf(value: Cbor | undefined): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_SIGNERS) return undefined;
  const dids = value as readonly Cbor[];
  const named = dids.filter((did): did is string => typeof did === 'string' && isDid(did));
  return named.length === dids.length && new Set(named).size === named.length ? named : undefined;
}

function aliasOf(did: string, kid: string): string {
  const fragment = kid.startsWith(did) ? kid.slice(did.length) : kid;
  return fragment.startsWith('#') ? fragment.slice(1) : fragment;
}

function isSignedBy(sign: Sign, one: Signer, key: PublicKey): boolean {
  try {
    // Others' signatures: their libraries do not keep to low s, and nothing here hangs on one spelling of them.
    verifySigner(key, sign, one, { lowS: false });
    return true;
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'INTERNAL') return false;
    throw error;
  }
}
