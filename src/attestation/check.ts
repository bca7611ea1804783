/**
 * The checks of an appraisal, in their order, and what came of each. A result is affirming only if every check of the
 * list was made and held: one that was forgotten, or could not be made, denies.
 */
import { isLedgerError, LedgerError } from '../core/errors.ts';
import { ATTESTATION_CODES, type AttestationCode } from './codes.ts';

/** Name → what has to hold. The order is that of ATTESTATION.md; the first that fails gives a result its code. */
export const CHECKS = {
  'evidence.form': 'the evidence is of the type that it is said to be, and of that of the anchors',
  'report.version': 'the version of the report is known, and new enough for the policy',
  'report.reserved': 'what is reserved in the report is zero',
  'report.guest-policy': 'the guest policy has bit 17 set, and no reserved bit',
  'report.algorithm': 'the report is signed with ECDSA P-384 and SHA-384',
  'report.signer': 'a key that the policy takes signed the report, and it is not masked',
  'product.cpuid': 'the report names a processor that is known',
  'chain.form': 'three well-formed certificates: of the chip, intermediate, root',
  'chain.order': 'the chain leads from the chip to a self-issued root',
  'chain.root': 'the root is one of the published anchors',
  'chain.intermediate': 'the intermediate certificate is one that the anchors list, if they list any',
  'chain.names': 'each certificate names the next as its issuer',
  'chain.product': 'the certificates are for the product of the report',
  'chain.signer': 'the certificates are of the type of key that signed the report',
  'chain.authority': 'whoever issued a certificate may issue it',
  'chain.algorithm': 'each certificate is signed with RSA-4096 PSS, SHA-384, salt 48',
  'chain.signature': "the signature of each certificate verifies under its issuer's key",
  'chain.dates': 'every certificate is valid at the time of the appraisal',
  'vek.curve': "the chip's key is a point on P-384",
  'vek.extensions': "the chip's certificate has AMD's extensions, each in range",
  'report.signature': "the signature over the report verifies under the chip's key",
  'tcb.certificate': 'the reported TCB is that of the certificate, in every component',
  'tcb.minimum': 'the reported TCB is no component below what the policy requires of the processor',
  'tcb.current': 'the reported TCB is no component above the running one',
  'chip.id': 'the report is of the chip of the certificate',
  'guest.debug': 'the guest cannot be debugged',
  'guest.migration': 'the guest cannot be migrated',
  'guest.vmpl': 'the report comes from a privilege level that the policy takes',
  'platform.features': 'the platform has the features on that the policy requires',
  'launch.measurement': 'the launch measurement is listed, or endorsed by whom policy and anchors name',
  'host-data.listed':
    "the host data is one of the policy's, and not that of a policy which allows everything",
  'host-data.policy':
    'the container policy came with the evidence, hashes to the host data, and leaves nothing open',
  'binding.runtime-data': 'the runtime data hashes to the report data',
  'binding.report-data': 'all 64 bytes of report data are those that are expected',
  'freshness.head': 'the head that the evidence names is recent enough',
  'evidence.unseen': 'the report does not stand for another clean room already',
  'chip.allowed': 'the policy takes the chip',
} as const;
export type CheckName = keyof typeof CHECKS;
const NAMES = Object.keys(CHECKS) as CheckName[];

/**
 * - `pass`, `fail`: it was made. - `warn`: it was made, and leaves something open: never affirming.
 * - `skip`: there is nothing to check, and `seen` says why. - `none`: it could not be made, because of an earlier failure.
 */
export type Verdict = 'pass' | 'warn' | 'fail' | 'skip' | 'none';

export interface Check {
  readonly name: CheckName;
  readonly verdict: Verdict;
  /** In words or hexadecimal, never empty. Nothing that identifies a machine. */
  readonly expected: string;
  readonly seen: string;
  /** Of `warn` and `fail`. */
  readonly code?: AttestationCode;
}

/** EAT attestation results: the tiers of AR4SI. Only `affirming` opens a gate. */
export type Tier = 'affirming' | 'warning' | 'contraindicated';

/** Enough for every genuine value; what a stranger wrote is cut. */
const MAX_TEXT = 240;

/** Collects what came of each check. */
export class Findings {
  readonly #made = new Map<CheckName, Check>();

  /** `fault` undefined: it holds. */
  judge(name: CheckName, fault: AttestationCode | undefined, expected: string, seen: string): boolean {
    this.#put(name, fault === undefined ? 'pass' : 'fail', expected, seen, fault);
    return fault === undefined;
  }

  warn(name: CheckName, code: AttestationCode, expected: string, seen: string): void {
    this.#put(name, 'warn', expected, seen, code);
  }

  skip(name: CheckName, why: string): void {
    this.#put(name, 'skip', 'nothing', why);
  }

  /**
   * What `make` gives; or undefined, and a failed check with the code that it threw. A check that holds is recorded if
   * `seen` says in which words.
   */
  attempt<T>(name: CheckName, expected: string, make: () => T, seen?: (value: T) => string): T | undefined {
    let value: T;
    try {
      value = make();
    } catch (error) {
      if (!isDenial(error)) throw error;
      this.#put(name, 'fail', expected, error.message, error.code);
      return undefined;
    }
    if (seen) this.#put(name, 'pass', expected, seen(value));
    return value;
  }

  /** Every check of the list, in its order. */
  checks(): readonly Check[] {
    return NAMES.map(
      (name) =>
        this.#made.get(name) ?? { name, verdict: 'none', expected: CHECKS[name], seen: 'not checked' },
    );
  }

  #put(name: CheckName, verdict: Verdict, expected: string, seen: string, code?: AttestationCode): void {
    if (this.#made.has(name)) throw new LedgerError('INTERNAL', `the check ${name} was made twice`);
    this.#made.set(name, { name, verdict, expected: cut(expected), seen: cut(seen), ...(code && { code }) });
  }
}

export function tierOf(checks: readonly Check[]): Tier {
  const verdicts = checks.map(({ verdict }) => verdict);
  if (verdicts.includes('fail') || verdicts.includes('none')) return 'contraindicated';
  return verdicts.includes('warn') ? 'warning' : 'affirming';
}

/** The code of the first check that failed, or, if none did, that warned. */
export function codeOf(checks: readonly Check[]): AttestationCode | undefined {
  return (checks.find(({ verdict }) => verdict === 'fail') ?? checks.find(({ code }) => code))?.code;
}

function isDenial(error: unknown): error is LedgerError<AttestationCode> {
  return isLedgerError(error) && Object.hasOwn(ATTESTATION_CODES, error.code);
}

/** Printable ASCII, of a length that a log takes: results are logged, and part of them is a stranger's text. */
function cut(text: string): string {
  const plain = text.replace(/[^ -~]/g, '?').trim();
  if (plain === '') return 'nothing';
  return plain.length <= MAX_TEXT ? plain : `${plain.slice(0, MAX_TEXT - 3)}...`;
}
