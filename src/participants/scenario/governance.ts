/** What the regulator publishes before anybody can take part: policy, agreement, anchors, how to appraise, which code. */
import {
  type AppraisalPolicy,
  SIMULATED_CPUID,
  SIMULATED_TCB,
  type Simulator,
} from '../../attestation/index.ts';
import { DEFAULT_POLICY, type KindName } from '../../chain/index.ts';
import { utf8 } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import type { Terms } from './cast.ts';

/** Of what a simulated machine says that it has launched: 48 bytes. */
export const MEASUREMENT = new Uint8Array(48);
const YEAR = 366 * 86_400;
const AGREEMENT_TEXT = 'Agreement of the participants of a scenario: it binds nobody.';

export interface Agreement {
  readonly id: string;
  readonly version: number;
  readonly digest: Uint8Array;
}

interface Published {
  readonly agreement: Agreement;
  readonly statements: readonly { readonly kind: KindName; readonly body: object }[];
}

export function governance(crypto: Crypto, origin: string, terms: Terms, simulator: Simulator): Published {
  const urn = (type: string) => `urn:depa:${type}:${origin}:00000000-0000-4000-8000-000000000001`;
  const agreement = { id: urn('agreement'), version: 1, digest: crypto.sha256(utf8(AGREEMENT_TEXT)) };
  const acceptBy = Math.floor(Date.now() / 1000) + YEAR;
  const contract = terms.body('contract.propose');
  const code = terms.body('code.certify');
  const policy: AppraisalPolicy = {
    products: [{ ...SIMULATED_CPUID, minTcb: SIMULATED_TCB }],
    minReportVersion: 2,
    signer: ['vcek'],
    vmpl: [0],
    guestPolicy: { debug: false, migrate: false },
    launch: { endorsedBy: [], measurements: [MEASUREMENT] },
    hostData: code.hostData,
    containerPolicy: 'may-be-absent',
    chips: { allow: 'any', deny: [] },
    binding: 'jcs-sha512',
    freshness: 600,
  };
  // A log for development has begun with version 1.
  const rules = {
    ...DEFAULT_POLICY,
    version: 2,
    // What may be agreed at all: each dataset is for less.
    purposes: [...new Set([contract.purpose, 'TRAINING', 'RESEARCH', 'MARKETING'])],
    formats: ['csv', 'json', 'safetensors', 'onnx'],
  };
  return {
    agreement,
    statements: [
      { kind: 'policy.publish', body: rules },
      { kind: 'agreement.publish', body: { ...agreement, url: 'https://sro.example/agreement', acceptBy } },
      { kind: 'anchors.publish', body: simulator.anchors(urn('anchors'), 1) },
      {
        kind: 'appraisal-policy.publish',
        body: { id: contract.appraisalPolicy, version: 1, policy },
      },
      { kind: 'code.certify', body: code },
    ],
  };
}
