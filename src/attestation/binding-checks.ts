/** What the report is for, how old it is, and whether it stands for something else already. */
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { type Binding, otherBinding, readRuntimeData, reportData, runtimeData } from './binding.ts';
import type { Findings } from './check.ts';
import type { AttestationCode } from './codes.ts';
import type { EvidenceParts } from './envelope.ts';
import type { AppraisalPolicy } from './policy.ts';
import type { SnpReport } from './snp-report.ts';

interface Session {
  /** Time of the head that the evidence names, Unix milliseconds. */
  readonly headTime: number;
  /** Ids of evidence that stands for other rooms, as far as the caller knows any. */
  readonly seen?: readonly Bytes[];
}

/** What the evidence is expected to be for. `none` is for looking at evidence: it never gives an affirming result. */
export type Expected =
  | ({ readonly type: 'binding'; readonly binding: Binding } & Session)
  | ({ readonly type: 'report-data'; readonly reportData: Bytes } & Session)
  | { readonly type: 'none' };

/** A head may be this far ahead of the appraiser’s clock, in milliseconds. */
const SKEW = 30_000;

export function checkBinding(
  find: Findings,
  crypto: Crypto,
  report: SnpReport,
  { runtimeData: runtime }: EvidenceParts,
  { binding: scheme }: AppraisalPolicy,
  expected: Expected,
): void {
  if (!runtime) find.skip('binding.runtime-data', 'none came with the evidence');
  else {
    const fits = equal(reportData(crypto, scheme, runtime), report.reportData);
    const seen = fits ? 'that of the runtime data' : 'another';
    find.judge(
      'binding.runtime-data',
      fits ? undefined : 'RUNTIME_DATA_MISMATCH',
      `${scheme} of the runtime data`,
      seen,
    );
  }
  if (expected.type === 'none') {
    find.warn('binding.report-data', 'BINDING_NOT_ASKED', 'nothing was asked for', toHex(report.reportData));
    return;
  }
  const wanted =
    expected.type === 'binding'
      ? reportData(crypto, scheme, runtimeData(expected.binding))
      : expected.reportData;
  const fault = equal(wanted, report.reportData) ? undefined : mismatch(expected, runtime);
  find.judge('binding.report-data', fault, toHex(wanted), toHex(report.reportData));
}

/** The runtime data may say what the report is for instead. */
function mismatch(expected: Expected, runtime: Bytes | undefined): AttestationCode {
  if (expected.type !== 'binding' || !runtime) return 'REPORT_DATA_MISMATCH';
  try {
    return otherBinding(readRuntimeData(runtime), expected.binding) ?? 'REPORT_DATA_MISMATCH';
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return 'REPORT_DATA_MISMATCH';
  }
}

export function checkFreshness(
  find: Findings,
  evidenceId: Bytes,
  { freshness }: AppraisalPolicy,
  expected: Expected,
  at: number,
): void {
  const limit = `at most ${freshness} s before ${at}`;
  if (expected.type === 'none') {
    find.warn('freshness.head', 'BINDING_NOT_ASKED', limit, 'no head was asked for');
    find.skip('evidence.unseen', 'nothing was asked for');
    return;
  }
  const { headTime, seen } = expected;
  const fault: AttestationCode | undefined =
    headTime > at + SKEW ? 'HEAD_IN_FUTURE' : at - headTime > freshness * 1000 ? 'HEAD_STALE' : undefined;
  find.judge('freshness.head', fault, limit, `a head of ${headTime}`);
  if (!seen) find.skip('evidence.unseen', 'the log refuses what stands for another room');
  else {
    const again = seen.some((one) => equal(one, evidenceId));
    find.judge(
      'evidence.unseen',
      again ? 'EVIDENCE_REPLAYED' : undefined,
      'new',
      again ? 'seen before' : 'new',
    );
  }
}
