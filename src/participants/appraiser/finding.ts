/** An appraisal as `cleanroom.appraise` has it: the tier, and each check with what it saw. */
import type { Appraisal, Check, Tier } from '../../attestation/index.ts';
import { type CodeRecord, textFault } from '../../chain/index.ts';
import { equal, toHex } from '../../core/bytes.ts';

export interface Finding {
  readonly result: Tier;
  /** Of the first check that failed, or warned; null for an affirming result. */
  readonly code: string | null;
  readonly checks: readonly LoggedCheck[];
}

interface LoggedCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly value?: string;
}

/** What the log takes of a value. */
const MAX_VALUE = 256;

/** What was certified: the host data that its containers are measured as, and what may be launched below them. */
type Code = Pick<CodeRecord, 'hostData' | 'launch'>;

/**
 * @param code that the room was deployed for. Machines of the same policy that run other code are good machines, and not
 * this room’s.
 */
export function findingOf(appraisal: Appraisal, code: Code): Finding {
  const own = ofCode(appraisal, code);
  const failed = own.find(({ passed }) => !passed);
  return {
    result: failed ? 'contraindicated' : appraisal.tier,
    code: appraisal.code ?? (failed ? failed.code : null),
    checks: [...appraisal.checks.map(logged), ...own.map(({ code: _, ...check }) => check)],
  };
}

function ofCode(appraisal: Appraisal, code: Code): (LoggedCheck & { readonly code: string })[] {
  const { hostData, measurement } = appraisal;
  const isCode = hostData !== undefined && code.hostData.some((known) => equal(known, hostData));
  const check = (name: string, of: string, passed: boolean, seen: Uint8Array | undefined) => {
    const value = passed ? 'that of the code' : `${of}: ${seen ? toHex(seen) : 'none'}`;
    return { name, code: of, passed, value };
  };
  return [
    ...(code.launch
      ? [check('launch.code', 'MEASUREMENT_NOT_ALLOWED', isLaunched(appraisal, code.launch), measurement)]
      : []),
    check('host-data.code', 'HOST_DATA_MISMATCH', isCode, hostData),
  ];
}

/** The policy may take more machines than the code was certified for. */
function isLaunched(
  { measurement, endorsement }: Appraisal,
  { measurements, endorsedBy }: NonNullable<Code['launch']>,
): boolean {
  if (measurement && measurements.some((known) => equal(known, measurement))) return true;
  return endorsedBy.some(
    ({ issuer, feed, minSvn }) =>
      endorsement?.issuer === issuer && endorsement.feed === feed && endorsement.svn >= minSvn,
  );
}

function logged({ name, verdict, code, seen }: Check): LoggedCheck {
  const passed = verdict === 'pass' || verdict === 'skip';
  const value = (code === undefined ? seen : `${code}: ${seen}`).slice(0, MAX_VALUE);
  // Part of what was seen is a stranger’s text, which must not be able to keep the result out of the log.
  if (textFault(value) === undefined) return { name, passed, value };
  return { name, passed, ...(code !== undefined && { value: code }) };
}
