/**
 * What a file is, by its content: names of files are nobody's word. Looks at just enough to choose the decoder; that
 * the content is well formed, let alone true, is for the decoder and the verifier to say.
 */
import { type Bytes, fromUtf8 } from '../core/bytes.ts';
import { type Cbor, decode, Tagged } from '../core/cbor.ts';
import { isLedgerError } from '../core/errors.ts';
import { decodeSign1, isMap, RECEIPTS, SIGN_TAG, SIGN1_TAG, VDP, VDS } from '../cose/index.ts';

export type ArtifactType =
  | 'statement'
  | 'transparent statement'
  | 'inclusion receipt'
  | 'consistency receipt'
  | 'multi-signed document'
  | 'tlog-proof'
  | 'signed note'
  | 'trust file'
  | 'trust policy'
  | 'verifier key'
  | 'signer key'
  | 'COSE key'
  | 'private COSE key'
  | 'COSE key set'
  | 'state entry'
  | 'verdict'
  | 'effect proof'
  | 'consistency proof'
  | 'facts'
  | 'proof bundle'
  | 'evidence of a model'
  | 'proof of misbehaviour'
  | 'problem details'
  | 'tile path'
  | 'unknown';

// RFC 9942 §4.2.
const INCLUSION_PROOFS = -1;
const CONSISTENCY_PROOFS = -2;
// RFC 9052 §7.
const KTY = 1;
const SECRET = -4;

export function artifactType(bytes: Bytes): ArtifactType {
  const text = textOf(bytes);
  return (text === undefined ? undefined : textType(text)) ?? binaryType(bytes) ?? 'unknown';
}

/** The content as text, if it is. */
function textOf(bytes: Bytes): string | undefined {
  try {
    return fromUtf8(bytes);
  } catch {
    return undefined;
  }
}

function textType(text: string): ArtifactType | undefined {
  if (text.startsWith('c2sp.org/tlog-proof@')) return 'tlog-proof';
  if (text.startsWith('PRIVATE+KEY+')) return 'signer key';
  if (/^\s*\{/.test(text)) return /"checkpointKey"/.test(text) ? 'trust file' : undefined;
  if (text.includes('\n\n\u2014 ')) return 'signed note';
  if (/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*\s*$/.test(text)) return 'verifier key';
  if (/^\/?tile\/[a-z0-9]+\/[x0-9/]+(?:\.p\/\d+)?\s*$/.test(text)) return 'tile path';
  if (/^quorum[ \t]/m.test(text)) return 'trust policy';
  return undefined;
}

function binaryType(bytes: Bytes): ArtifactType | undefined {
  let item: Cbor;
  try {
    item = decode(bytes, { profile: 'definite' });
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
  if (item instanceof Tagged) {
    if (item.tag === SIGN_TAG) return 'multi-signed document';
    return item.tag === SIGN1_TAG ? sign1Type(bytes) : undefined;
  }
  if (isMap(item)) return mapType(item);
  return Array.isArray(item) ? arrayType(item as readonly Cbor[]) : undefined;
}

function sign1Type(bytes: Bytes): ArtifactType {
  try {
    const { protected: header, unprotected } = decodeSign1(bytes);
    if (!header.has(VDS)) return unprotected.has(RECEIPTS) ? 'transparent statement' : 'statement';
    const proofs = unprotected.get(VDP);
    const consistency = isMap(proofs) && proofs.has(CONSISTENCY_PROOFS) && !proofs.has(INCLUSION_PROOFS);
    return consistency ? 'consistency receipt' : 'inclusion receipt';
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return 'statement'; // a broken one: the decoder will say how
  }
}

function mapType(map: ReadonlyMap<Cbor, Cbor>): ArtifactType | undefined {
  if (map.has('misbehaviour')) return 'proof of misbehaviour';
  if (typeof map.get(KTY) === 'number') return map.has(SECRET) ? 'private COSE key' : 'COSE key';
  if (map.has('facts') && map.has('model')) return 'evidence of a model';
  if (map.has('facts') && map.has('checkpoint')) return map.has('decision') ? 'proof bundle' : 'facts';
  // RFC 9290: -1 is the title, -2 the detail.
  return typeof map.get(-1) === 'string' || typeof map.get(-2) === 'string' ? 'problem details' : undefined;
}

function arrayType(items: readonly Cbor[]): ArtifactType | undefined {
  const [first, second] = items;
  if (first === 'aichain/state/v1') return 'state entry';
  if (items.length > 0 && items.every((item) => isMap(item) && typeof item.get(KTY) === 'number')) {
    return 'COSE key set';
  }
  if (typeof first !== 'number') return undefined;
  if (items.length === 3 && typeof second === 'string') return 'verdict';
  if (items.length === 3 && typeof second === 'number' && Array.isArray(items[2])) return 'consistency proof';
  return items.length === 5 && second instanceof Uint8Array ? 'effect proof' : undefined;
}
