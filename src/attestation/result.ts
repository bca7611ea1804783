/**
 * A result as others take it: deterministic CBOR, which is the same whenever the same evidence is appraised again, and
 * JSON in the shape of an EAT attestation result (draft-ietf-rats-ear) with the vector of AR4SI (draft-ietf-rats-ar4si).
 */
import { type Bytes, toBase64url } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import type { Appraisal } from './appraise.ts';
import type { Check, CheckName, Tier } from './check.ts';

const VERSION = 1;

export function encodeAppraisal(appraisal: Appraisal): Bytes {
  const { tier, code, tee, simulated, at, evidence, evidenceId, hostData, policy, anchors, checks } =
    appraisal;
  return encode({
    v: VERSION,
    ...{ tier, code, tee, simulated, at, evidence, evidenceId, hostData, policy },
    anchors: { ...anchors },
    checks: checks.map((check) => ({ ...check })),
  } as Cbor);
}

/** §2.3.4 of AR4SI: which part of the vector a check speaks of, and the value that a failure gives. */
const CLAIMS: Readonly<Record<string, { readonly prefixes: readonly string[]; readonly denied: number }>> = {
  // 97: not recognised.
  'instance-identity': {
    prefixes: ['chain.', 'vek.', 'chip.', 'report.signature', 'binding.', 'evidence.'],
    denied: 97,
  },
  // 96: not to be trusted as it is configured.
  configuration: { prefixes: ['guest.', 'platform.', 'host-data.', 'freshness.'], denied: 96 },
  executables: { prefixes: ['launch.'], denied: 96 },
  // 97: hardware or firmware that is not recognised or not supported.
  hardware: { prefixes: ['report.', 'product.', 'tcb.'], denied: 97 },
  // 96: the memory may be looked into.
  'runtime-opaque': { prefixes: ['guest.debug'], denied: 96 },
};
/** The lowest value of the tier. */
const AFFIRMED = 2;
const WARNED = 32;

export interface EarAppraisal {
  readonly 'ear.status': Tier;
  readonly 'ear.trustworthiness-vector': Readonly<Record<string, number>>;
  readonly 'ear.appraisal-policy-id': string;
  readonly 'ear.aichain': EarDetails;
}

interface EarDetails {
  readonly code: string | null;
  readonly simulated: boolean;
  readonly evidence: string | null;
  readonly evidenceId: string | null;
  readonly anchors: { readonly id: string; readonly version: number; readonly digest: string };
  readonly checks: readonly Check[];
}

export interface Ear {
  readonly eat_profile: string;
  readonly iat: number;
  readonly 'ear.verifier-id': { readonly build: string; readonly developer: string };
  readonly submods: Readonly<Record<string, EarAppraisal>>;
}

/** @param build name and version of the software that appraised */
export function toEar(appraisal: Appraisal, build: string): Ear {
  const { tier, code, tee, simulated, at, evidence, evidenceId, policy, anchors, checks } = appraisal;
  const text = (bytes: Bytes | undefined) => (bytes ? toBase64url(bytes) : null);
  return {
    eat_profile: 'tag:github.com,2023:veraison/ear',
    iat: Math.floor(at / 1000),
    'ear.verifier-id': { build, developer: 'aichain-ledger' },
    submods: {
      [tee]: {
        'ear.status': tier,
        'ear.trustworthiness-vector': vector(checks),
        'ear.appraisal-policy-id': toBase64url(policy),
        'ear.aichain': {
          ...{ code: code ?? null, simulated, evidence: text(evidence), evidenceId: text(evidenceId) },
          anchors: { ...anchors, digest: toBase64url(anchors.digest) },
          checks,
        },
      },
    },
  };
}

function vector(checks: readonly Check[]): Readonly<Record<string, number>> {
  const about =
    (prefixes: readonly string[]) =>
    ({ name }: { name: CheckName }) =>
      prefixes.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(
    Object.entries(CLAIMS).map(([claim, { prefixes, denied }]) => {
      const verdicts = checks.filter(about(prefixes)).map(({ verdict }) => verdict);
      if (verdicts.includes('fail') || verdicts.includes('none')) return [claim, denied];
      return [claim, verdicts.includes('warn') ? WARNED : AFFIRMED];
    }),
  );
}
