/** An appraisal as `cleanroom.appraise` has it: the tier, and each check with what it saw. */
import type { Appraisal, Check, Tier } from '../../attestation/index.ts';
import { textFault } from '../../chain/index.ts';
import { type Bytes, equal, toHex } from '../../core/bytes.ts';

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

/**
 * @param certified host data of the code that the room was deployed for. Machines of the same policy that run other code are
 * good machines, and not this room’s.
 */
export function findingOf(appraisal: Appraisal, certified: readonly Bytes[]): Finding {
  const { hostData, tier, code } = appraisal;
  const ofCode = hostData !== undefined && certified.some((known) => equal(known, hostData));
  const last: LoggedCheck = {
    name: 'host-data.code',
    passed: ofCode,
    value: ofCode ? 'that of the code' : `HOST_DATA_MISMATCH: ${hostData ? toHex(hostData) : 'none'}`,
  };
  const result: Tier = ofCode ? tier : 'contraindicated';
  return {
    result,
    code: code ?? (ofCode ? null : 'HOST_DATA_MISMATCH'),
    checks: [...appraisal.checks.map(logged), last],
  };
}

function logged({ name, verdict, code, seen }: Check): LoggedCheck {
  const passed = verdict === 'pass' || verdict === 'skip';
  const value = (code === undefined ? seen : `${code}: ${seen}`).slice(0, MAX_VALUE);
  // Part of what was seen is a stranger’s text, which must not be able to keep the result out of the log.
  if (textFault(value) === undefined) return { name, passed, value };
  return { name, passed, ...(code !== undefined && { value: code }) };
}
