/**
 * Appraisal: evidence of a trusted execution environment in, a result with every check out. Pure and deterministic, so
 * that an auditor who has the same bytes gets the same result. Nothing that a stranger sends makes it throw: what cannot
 * be read is a failed check.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { checkAmdChain, productOfChain, readAmdChain } from './amd-chain.ts';
import { type Anchors, anchorsDigest, type TeeType } from './anchors.ts';
import { checkBinding, checkFreshness, type Expected } from './binding-checks.ts';
import { type Check, codeOf, Findings, type Tier, tierOf } from './check.ts';
import { type AttestationCode, deny } from './codes.ts';
import { type Collateral, type EvidenceParts, MAX_ENVELOPE } from './envelope.ts';
import { EVIDENCE_TYPES } from './evidence-types.ts';
import { checkHostData, checkMeasurement } from './launch-checks.ts';
import { checkPlatform, checkReportSignature } from './platform-checks.ts';
import { type AppraisalPolicy, policyDigest } from './policy.ts';
import { productOf } from './product.ts';
import { checkGuest, checkReport } from './report-checks.ts';
import { readReport, type SnpReport, signedPart } from './snp-report.ts';
import type { UvmEndorsement } from './uvm.ts';

export interface Evidence {
  readonly tee: TeeType;
  /** As it is stored and logged by digest: a raw report, or an envelope. */
  readonly bytes: Bytes;
}

export interface Appraisal {
  readonly tier: Tier;
  /** Of the first check that failed, or warned. */
  readonly code: AttestationCode | undefined;
  readonly tee: TeeType;
  /** Whether it was judged by a simulator's anchors: then it says nothing about any machine. */
  readonly simulated: boolean;
  /** Unix milliseconds that all dates were judged at. */
  readonly at: number;
  /** SHA-256 of the evidence as it was handed in; undefined if it is too long to be any. */
  readonly evidence: Bytes | undefined;
  /** SHA-256 of what the hardware signed: the same for every spelling of one report. */
  readonly evidenceId: Bytes | undefined;
  /** Host data of the report, 32 bytes. */
  readonly hostData: Bytes | undefined;
  /** Launch measurement of the report, 48 bytes. */
  readonly measurement: Bytes | undefined;
  /** Who vouches for the measurement, where the policy does not list it. */
  readonly endorsement: UvmEndorsement | undefined;
  /** Digest of the appraisal policy, and of the anchors. */
  readonly policy: Bytes;
  readonly anchors: { readonly id: string; readonly version: number; readonly digest: Bytes };
  readonly checks: readonly Check[];
}

/** Appraises by the anchors that it was made with, and by no others. */
export class Appraiser {
  readonly #crypto: Crypto;
  readonly #anchors: Anchors;
  readonly #digest: Bytes;

  /** @param anchors what a log published: {@link readAnchors} of the entry's body */
  constructor(crypto: Crypto, anchors: Anchors) {
    this.#crypto = crypto;
    this.#anchors = anchors;
    this.#digest = anchorsDigest(crypto, anchors);
  }

  /**
   * @param at Unix milliseconds
   * @throws ARGUMENT_INVALID a time that is not in whole milliseconds; nothing else
   * @example new Appraiser(crypto, anchors).appraise({ tee: 'snp-aci', bytes }, {}, policy, expected, time).tier
   */
  appraise(
    evidence: Evidence,
    collateral: Collateral,
    policy: AppraisalPolicy,
    expected: Expected,
    at: number,
  ): Appraisal {
    // A time that is no number is neither before nor after anything: every comparison with it would hold.
    const times = expected.type === 'none' ? [at] : [at, expected.headTime];
    if (!times.every((time) => Number.isSafeInteger(time) && time >= 0)) {
      throw fail('ARGUMENT_INVALID', 'a time is not in whole milliseconds');
    }
    const find = new Findings();
    const parts = this.#open(find, evidence, collateral);
    const report = parts && readReport(parts.report);
    const evidenceId = report && this.#crypto.sha256(signedPart(report));
    let endorsement: UvmEndorsement | undefined;
    if (parts && report && evidenceId) {
      endorsement = this.#judge(find, { parts, report, policy, at });
      checkBinding(find, this.#crypto, report, parts, policy, expected);
      checkFreshness(find, evidenceId, policy, expected, at);
    }
    const checks = find.checks();
    const { id, version, tee } = this.#anchors;
    return {
      tier: tierOf(checks),
      code: codeOf(checks),
      tee: evidence.tee,
      simulated: tee === 'simulated',
      at,
      evidence: evidence.bytes.length > MAX_ENVELOPE ? undefined : this.#crypto.sha256(evidence.bytes),
      evidenceId,
      hostData: report?.hostData.slice(),
      measurement: report?.measurement.slice(),
      endorsement,
      policy: policyDigest(this.#crypto, policy),
      anchors: { id, version, digest: this.#digest },
      checks,
    };
  }

  #open(find: Findings, { tee, bytes }: Evidence, collateral: Collateral): EvidenceParts | undefined {
    return find.attempt(
      'evidence.form',
      `evidence of type ${this.#anchors.tee}`,
      () => {
        if (tee !== this.#anchors.tee) throw deny('ANCHORS_TYPE_MISMATCH', `evidence of type ${tee}`);
        const parts = { ...collateral, ...EVIDENCE_TYPES[tee].open(bytes) };
        readReport(parts.report);
        return parts;
      },
      () => `a report, as ${tee}`,
    );
  }

  #judge(
    find: Findings,
    question: {
      readonly parts: EvidenceParts;
      readonly report: SnpReport;
      readonly policy: AppraisalPolicy;
      readonly at: number;
    },
  ): UvmEndorsement | undefined {
    const { parts, report, policy, at } = question;
    const [crypto, anchors] = [this.#crypto, this.#anchors];
    const chain = find.attempt(
      'chain.form',
      'three certificates',
      () => readAmdChain(parts.certificates),
      () => 'three certificates',
    );
    const product = report.cpuid ? productOf(report.cpuid) : chain && productOfChain(chain);
    checkReport(find, report, product, policy);
    if (chain) {
      checkAmdChain(find, crypto, { chain, anchors, report, product, at });
      checkReportSignature(find, crypto, report, chain.vek);
      if (product) checkPlatform(find, report, chain.vek, product, policy);
    }
    checkGuest(find, report, policy);
    const endorsement = checkMeasurement(find, crypto, { ...question, anchors });
    checkHostData(find, crypto, { ...question, anchors });
    return endorsement;
  }
}
