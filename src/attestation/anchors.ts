/**
 * What an appraisal may trust: the body of an `anchors.publish` entry. Roots come from nowhere else: an appraiser is made
 * with them (appraise.ts), and its results name their digest.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { deny } from './codes.ts';
import { byteString, digests, type Endorser, endorsers, fields } from './strict-value.ts';

export const TEE_TYPES = ['snp', 'snp-aci', 'simulated'] as const;
export type TeeType = (typeof TEE_TYPES)[number];

export interface Anchors {
  readonly id: string;
  readonly version: number;
  readonly tee: TeeType;
  /** Certificates in DER: AMD's ARKs. */
  readonly roots: readonly Bytes[];
  /** SHA-256 of intermediate certificates. If there are any, only these are taken. */
  readonly collateral: readonly Bytes[];
  /** Who may endorse launch measurements, for which product, from which security version on. */
  readonly endorsers: readonly Endorser[];
}

const MAX_ROOTS = 8;
const MAX_CERTIFICATE = 4096;

/** The decoded body of the entry as a typed value. @throws ANCHORS_MALFORMED */
export function readAnchors(body: Cbor): Anchors {
  const { text, whole, list, done } = fields('ANCHORS_MALFORMED', body);
  const tee = text('tee');
  const known = TEE_TYPES.find((type) => type === tee);
  if (!known) throw deny('ANCHORS_MALFORMED', 'a type of TEE that is not known');
  const anchors: Anchors = done({
    id: text('id'),
    version: whole('version', Number.MAX_SAFE_INTEGER),
    tee: known,
    roots: list('roots', MAX_ROOTS, (item) => byteString('ANCHORS_MALFORMED', item, 1, MAX_CERTIFICATE)),
    collateral: digests(list, 'collateral', 32),
    endorsers: endorsers('ANCHORS_MALFORMED', list, 'endorsers'),
  });
  if (anchors.roots.length === 0) throw deny('ANCHORS_MALFORMED', 'no root');
  return anchors;
}

/** What an appraisal names: SHA-256 of the deterministic encoding of the body. */
export function anchorsDigest(crypto: Hasher, anchors: Anchors): Bytes {
  return crypto.sha256(encode(anchors as unknown as Cbor));
}
