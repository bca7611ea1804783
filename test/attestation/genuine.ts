/** Genuine evidence of ../shared/vectors/attestation/snp, and anchors and policies that fit it. */
import { readFileSync } from 'node:fs';
import type { Anchors, AppraisalPolicy, Endorser, TEE_TYPES } from '../../src/attestation/index.ts';
import { splitCertificates } from '../../src/attestation/pem.ts';
import { type Bytes, concat, fromHex } from '../../src/core/bytes.ts';
import { vectors } from '../vectors.ts';

export const folder = vectors('attestation/snp');
export const TIME = Date.UTC(2026, 10, 21);
export const ISSUER =
  'did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2';
export const FEED = 'ContainerPlat-AMD-UVM';

export interface Vector {
  readonly id: string;
  readonly report: string;
  readonly vek: string;
  readonly chain: string;
  readonly facts: Readonly<Record<string, unknown>> & {
    readonly measurement: string;
    readonly hostData: string;
    readonly reportData: string;
  };
  readonly expect: {
    readonly acceptUnderStrictBaselineAt20261121: boolean;
    readonly reasons: readonly string[];
  };
}

export function readVector(path: string): Bytes {
  return new Uint8Array(readFileSync(`${folder}/${path}`));
}

export function readVectors(): readonly Vector[] {
  return JSON.parse(readFileSync(`${folder}/vectors.json`, 'utf8')) as Vector[];
}

/** Chip, intermediate, root: of one file, or of two. */
export function chainOf({ vek, chain }: Pick<Vector, 'vek' | 'chain'>): Bytes {
  const leaf = splitCertificates(readVector(vek));
  return concat(...leaf, ...(leaf.length === 3 ? [] : splitCertificates(readVector(chain))));
}

/** AMD's three roots. */
export function amdRoots(): readonly Bytes[] {
  return ['milan', 'genoa', 'turin'].flatMap((name) =>
    splitCertificates(readVector(`ms-tee-attestation-verification/pinned-${name}_ark.pem`)),
  );
}

export function amdAnchors(
  tee: (typeof TEE_TYPES)[number],
  endorsers: readonly Endorser[] = [{ issuer: ISSUER, feed: FEED, minSvn: 0 }],
): Anchors {
  const id = `urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001`;
  return { id, version: 1, tee, roots: amdRoots(), collateral: [], endorsers };
}

/** Every processor that the vectors are of, at whatever TCB. */
const PRODUCTS = [0, 1, 2].flatMap((stepping) =>
  [
    { family: 25, model: 1, fmc: {} },
    { family: 25, model: 17, fmc: {} },
    { family: 26, model: 2, fmc: { fmc: 0 } },
  ].map(({ fmc, ...cpuid }) => ({
    ...{ ...cpuid, stepping },
    minTcb: { bootLoader: 0, tee: 0, snp: 0, microcode: 0, ...fmc },
  })),
);

/** The strict baseline: no debugging, VMPL 0, VCEK; launch and host data are those of the vector. */
export function baseline(
  { measurement, hostData }: Pick<Vector['facts'], 'measurement' | 'hostData'>,
  change: Partial<AppraisalPolicy> = {},
): AppraisalPolicy {
  return {
    products: PRODUCTS,
    minReportVersion: 2,
    signer: ['vcek'],
    vmpl: [0],
    guestPolicy: { debug: false, migrate: false },
    launch: { endorsedBy: [], measurements: [fromHex(measurement)] },
    hostData: [fromHex(hostData)],
    // Most of the vectors have none, and are no fewer than genuine.
    containerPolicy: 'may-be-absent',
    chips: { allow: 'any', deny: [] },
    binding: 'skr-sha256',
    freshness: 600,
    ...change,
  };
}
