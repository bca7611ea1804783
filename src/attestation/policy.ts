/**
 * An appraisal policy (ATTESTATION "Appraisal policy"): what an attested machine has to be. It is the document of an
 * `appraisal-policy.publish` entry, known by the SHA-256 of its deterministic encoding. A list that is empty allows
 * nothing, and a member that is not known is refused: an older appraiser must not pass over what a newer policy asks for.
 */

import { allowsAll } from '../core/allow-all.ts';
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { hasFmc } from '../core/turin.ts';
import { BINDING_SCHEMES, type BindingScheme } from './binding.ts';
import { deny } from './codes.ts';
import type { Cpuid } from './product.ts';
import type { Signer } from './snp-report.ts';
import { byteString, digests, type Endorser, endorsers, fields } from './strict-value.ts';
import type { Tcb } from './tcb.ts';

export interface AllowedProduct extends Cpuid {
  /** Micro-code levels compare only within one family, model and stepping. */
  readonly minTcb: Tcb;
}

export interface AppraisalPolicy {
  readonly products: readonly AllowedProduct[];
  readonly minReportVersion: number;
  readonly signer: readonly Signer[];
  readonly vmpl: readonly number[];
  /** What is allowed. */
  readonly guestPolicy: { readonly debug: boolean; readonly migrate: boolean };
  /** Bits of PLATFORM_INFO that have to be set. */
  readonly platform?: readonly number[];
  readonly launch: { readonly endorsedBy: readonly Endorser[]; readonly measurements: readonly Bytes[] };
  readonly hostData: readonly Bytes[];
  /** Without this, evidence has to bring its container policy: only then is it known what the host data stands for. */
  readonly containerPolicy?: 'may-be-absent';
  readonly chips:
    | { readonly allow: 'any'; readonly deny: readonly Bytes[] }
    | { readonly allow: 'listed'; readonly chips: readonly Bytes[]; readonly deny: readonly Bytes[] };
  readonly binding: BindingScheme;
  /** Oldest head, in seconds, that evidence may name. */
  readonly freshness: number;
}

const CODE = 'APPRAISAL_POLICY_MALFORMED';
const MAX_ITEMS = 64;

/** The decoded document as a typed value. @throws APPRAISAL_POLICY_MALFORMED, APPRAISAL_POLICY_ALLOWS_ALL */
export function readAppraisalPolicy(document: Cbor): AppraisalPolicy {
  const map = fields(CODE, document);
  const guest = map.inner('guestPolicy');
  const launch = map.inner('launch');
  const policy: AppraisalPolicy = map.done({
    products: map.list('products', MAX_ITEMS, product),
    minReportVersion: map.whole('minReportVersion', 255),
    signer: map.list('signer', 2, (item) => word(item, ['vcek', 'vlek'])),
    vmpl: map.list('vmpl', 4, (item) => small(item, 3)),
    guestPolicy: guest.done({ debug: guest.bool('debug'), migrate: guest.bool('migrate') }),
    ...(map.has('platform') && { platform: map.list('platform', MAX_ITEMS, (item) => small(item, 63)) }),
    launch: launch.done({
      endorsedBy: endorsers(CODE, launch.list, 'endorsedBy'),
      measurements: digests(launch.list, 'measurements', 48, CODE),
    }),
    hostData: digests(map.list, 'hostData', 32, CODE),
    ...(map.has('containerPolicy') && {
      containerPolicy: word(map.text('containerPolicy'), ['may-be-absent']),
    }),
    chips: chips(map.inner('chips')),
    binding: word(map.text('binding'), BINDING_SCHEMES),
    freshness: map.whole('freshness', Number.MAX_SAFE_INTEGER),
  });
  const open = openness(policy);
  if (open !== undefined) throw deny('APPRAISAL_POLICY_ALLOWS_ALL', open);
  return policy;
}

/** What an appraisal names. */
export function policyDigest(crypto: Hasher, policy: AppraisalPolicy): Bytes {
  return crypto.sha256(encode(policy as unknown as Cbor));
}

/** What the policy leaves open, if anything: the same rule as that of the log. */
function openness({
  launch,
  hostData,
  vmpl,
  products,
  guestPolicy,
  signer,
}: AppraisalPolicy): string | undefined {
  if (launch.endorsedBy.length + launch.measurements.length === 0) return 'any launch';
  if (hostData.length === 0) return 'any host data';
  if (hostData.some(allowsAll)) return 'host data of a policy that allows everything';
  if (vmpl.length === 0) return 'any VMPL';
  if (products.length === 0) return 'any processor';
  if (signer.length === 0) return 'any signer';
  if (guestPolicy.debug) return 'debugging';
  return guestPolicy.migrate ? 'migration' : undefined;
}

function product(item: Cbor): AllowedProduct {
  const map = fields(CODE, item);
  const least = map.inner('minTcb');
  const cpuid = {
    family: map.whole('family', 255),
    model: map.whole('model', 255),
    stepping: map.whole('stepping', 255),
  };
  // A component without a minimum would be taken at any level.
  if (hasFmc(cpuid) && !least.has('fmc')) throw deny(CODE, 'no minimum for fmc');
  return map.done({
    ...cpuid,
    minTcb: least.done({
      bootLoader: least.whole('bootLoader', 255),
      tee: least.whole('tee', 255),
      snp: least.whole('snp', 255),
      microcode: least.whole('microcode', 255),
      ...(least.has('fmc') && { fmc: least.whole('fmc', 255) }),
    }),
  });
}

function chips(map: ReturnType<typeof fields>): AppraisalPolicy['chips'] {
  const list = (name: string) => map.list(name, MAX_ITEMS, chipId);
  const allow = word(map.text('allow'), ['any', 'listed']);
  return map.done(
    allow === 'any' ? { allow, deny: list('deny') } : { allow, chips: list('chips'), deny: list('deny') },
  );
}

/** As AMD's certificates write it: 64 bytes, 8 for Turin. Another length would match nothing. */
function chipId(item: Cbor): Bytes {
  const size = item instanceof Uint8Array && item.length === 8 ? 8 : 64;
  return byteString(CODE, item, size, size);
}

function word<const W extends string>(item: Cbor, words: readonly W[]): W {
  const found = words.find((known) => known === item);
  if (found === undefined) throw deny(CODE, `not one of ${words.join(', ')}`);
  return found;
}

function small(item: Cbor, max: number): number {
  if (typeof item !== 'number' || item < 0 || item > max) throw deny(CODE, `not a number up to ${max}`);
  return item;
}
