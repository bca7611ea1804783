/** Something in a cycle was not let through: by which gate, and why. */
import { isLedgerError, LedgerError } from '../../core/errors.ts';

export class Refused extends LedgerError {
  /** A step of the gates, a kind of entry that the log refused, or what else was asked. */
  readonly gate: string;

  constructor(gate: string, { code, message, cause }: LedgerError) {
    super(code, message, { cause });
    this.gate = gate;
  }
}

/** A gate that was asked by another process, as that says so. */
export function gateIn({ message }: LedgerError): string | undefined {
  return /: (\S+) is denied$/.exec(message)?.[1];
}

/** @throws Refused where the work ends with a code of ours: by the gate that says so, else by this one */
export async function passing<T>(gate: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isLedgerError(error) && !(error instanceof Refused)
      ? new Refused(gateIn(error) ?? gate, error)
      : error;
  }
}
