/** Contracts that still oblige a participant: it cannot withdraw from the log before they have ended. */
import type { StateReader, Write } from './record.ts';
import { CONTRACT } from './records/contract.ts';
import { OBLIGATIONS } from './records/governance.ts';
import { type Refusal, refuse } from './refusal.ts';
import { stateAt } from './stop.ts';

/** As many as its record holds. */
const MAX_OBLIGATIONS = 1024;

/** Signed and in its term, or with rooms or payments that have not ended. @param time Unix milliseconds */
export function obliges(read: StateReader, id: string, time: number): boolean {
  const contract = CONTRACT.read(read, id);
  if (!contract) return false;
  const inTerm = stateAt(contract, time) === 'SIGNED' && time <= contract.expiry * 1000;
  return inTerm || contract.openRooms > 0 || contract.openPayments > 0;
}

/** How many that it has already are looked at with each new one: enough to drop them faster than they come. */
const LOOKED_AT = 8;

/** Each of the participants is obliged by one more contract; those that are found to have ended are dropped. */
export function oblige(
  read: StateReader,
  dids: readonly string[],
  contract: string,
  time: number,
): readonly Write[] | Refusal<'STATE_WRONG'> {
  const writes: Write[] = [];
  for (const did of dids) {
    const known = OBLIGATIONS.read(read, did)?.contracts ?? [];
    // The oldest; what stays goes to the end, so that each has its turn. All of them only where there is no room left.
    const looked = known.slice(0, known.length < MAX_OBLIGATIONS ? LOOKED_AT : known.length);
    const open = looked.filter((id) => obliges(read, id, time));
    const contracts = [...known.slice(looked.length), ...open, contract];
    if (contracts.length > MAX_OBLIGATIONS) return refuse('STATE_WRONG', `${did} has too many contracts`);
    writes.push(OBLIGATIONS.put({ contracts }, did));
  }
  return writes;
}
