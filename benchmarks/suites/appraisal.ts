/**
 * How long an appraisal takes: DEPA's genuine evidence, complete, with the endorsement of the machine (five RSA
 * verifications and one on P-384); and input that is refused.
 */
import { readFileSync } from 'node:fs';
import {
  type AppraisalPolicy,
  Appraiser,
  type Evidence,
  type Expected,
} from '../../src/attestation/index.ts';
import { splitCertificates } from '../../src/attestation/pem.ts';
import { type Bytes, fromHex, fromUtf8 } from '../../src/core/bytes.ts';
import type { Crypto } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import type { Measure, Suite } from '../main.ts';
import { ownProcessorSeconds } from '../process-status.ts';
import { quantile } from '../quantile.ts';

const VECTORS = '../shared/vectors/attestation/snp/';
const FOLDER = new URL(`../../${VECTORS}`, import.meta.url);
const TIME = Date.UTC(2026, 10, 21);
const ENDORSER = {
  issuer: 'did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2',
  feed: 'ContainerPlat-AMD-UVM',
  minSvn: 103,
};
const ROUNDS = 300;
const WARM_UP = 30;

interface Timing {
  readonly times: readonly number[];
  /** Milliseconds. */
  readonly processor: number;
}

export const suite: Suite = {
  describe: 'one full appraisal, and refusals of hostile input',
  needs: [VECTORS],
  entries: 'own',
  async run({ progress }) {
    const bytes = read('azure-depa-inferencing-kms/snp.json');
    const genuine: Evidence = { tee: 'snp-aci', bytes };
    const measures: Measure[] = [];
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      const timing = timed(crypto, genuine, 'affirming');
      progress(`${crypto.name}: ${ROUNDS} appraisals`);
      const name = `full appraisal, ${crypto.name}`;
      measures.push(
        measure(`${name}, best`, timing, 0),
        measure(`${name}, median`, timing, 0.5, crypto === nodeCrypto ? 10 : undefined),
        measure(`${name}, 99 of 100`, timing, 0.99),
        { name: `${name}, processor time`, value: timing.processor, unit: 'ms' },
      );
    }
    const hostile: [string, Evidence][] = [
      ['10 MB as a report', { tee: 'snp', bytes: new Uint8Array(10 << 20) }],
      ['10 MB as an envelope', { tee: 'snp-aci', bytes: new Uint8Array(10 << 20).fill(0x5b) }],
      ['an envelope of one long text', { tee: 'snp-aci', bytes: longText() }],
      ['genuine, with a container policy of 16,000 rules', { tee: 'snp-aci', bytes: withRules(bytes) }],
    ];
    for (const [name, evidence] of hostile) {
      const timing = timed(nodeCrypto, evidence, 'contraindicated');
      measures.push(measure(`${name}, median`, timing, 0.5, 50), measure(`${name}, worst`, timing, 1));
    }
    return measures;
  },
};

/** Wall-clock milliseconds of each round; and the processor time of one on average. */
function timed(crypto: Crypto, evidence: Evidence, tier: string): Timing {
  const root = splitCertificates(read('ms-tee-attestation-verification/pinned-milan_ark.pem'));
  const anchors = {
    id: 'urn',
    version: 1,
    tee: evidence.tee,
    roots: root,
    collateral: [],
    endorsers: [ENDORSER],
  };
  const appraiser = new Appraiser(crypto, anchors);
  const round = () => {
    const started = performance.now();
    const found = appraiser.appraise(evidence, {}, POLICY, EXPECTED, TIME);
    if (found.tier !== tier) throw new Error(`${found.tier}, where ${tier} is right: ${found.code}`);
    return performance.now() - started;
  };
  for (let i = 0; i < WARM_UP; i++) round();
  const before = ownProcessorSeconds();
  const times = Array.from({ length: ROUNDS }, round);
  return { times, processor: ((ownProcessorSeconds() - before) * 1000) / ROUNDS };
}

function measure(name: string, { times }: Timing, share: number, most?: number): Measure {
  const value = quantile(times, share);
  return { name, value, unit: 'ms', ...(most !== undefined && { bound: { most } }) };
}

function longText(): Bytes {
  return new TextEncoder().encode(`{"policy":"${'\\"'.repeat(180_000)}"}`);
}

/** Everything is verified, and then there is a policy as long as one may be. */
function withRules(envelope: Bytes): Bytes {
  const rules = Array.from({ length: 16_000 }, (_, i) => `a${i} := 1\n`).join('');
  const policy = Buffer.from(`package policy\n${rules}`).toString('base64');
  return new TextEncoder().encode(JSON.stringify({ ...JSON.parse(fromUtf8(envelope)), policy }));
}

function read(path: string): Bytes {
  return new Uint8Array(readFileSync(new URL(path, FOLDER)));
}

const EXPECTED: Expected = {
  type: 'report-data',
  reportData: fromHex(`36b03dab8e8751b26d9b33fa2fa1296f823a238ef3dd604f758a4aff5b2b41d0${'00'.repeat(32)}`),
  headTime: TIME,
};
const POLICY: AppraisalPolicy = {
  products: [
    { family: 25, model: 1, stepping: 1, minTcb: { bootLoader: 4, tee: 0, snp: 24, microcode: 219 } },
  ],
  minReportVersion: 3,
  signer: ['vcek'],
  vmpl: [0],
  guestPolicy: { debug: false, migrate: false },
  launch: { endorsedBy: [ENDORSER], measurements: [] },
  hostData: [fromHex('7925760b568ed7719a785adf5c6b03255d1c520d91bb1da334a38062a6c5a0ff')],
  containerPolicy: 'may-be-absent',
  chips: { allow: 'any', deny: [] },
  binding: 'skr-sha256',
  freshness: 600,
};
