/** A state entry that is not what replay leads to: in which member, what it should be, and what it is. */
import { decodeStateEntry, type StateEntry } from '../chain/index.ts';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';

/** The members of a state entry; `form`: it is none; `genesis`: entry 0 is not the one that was expected. */
export type FaultMember =
  | 'form'
  | 'genesis'
  | 'index'
  | 'time'
  | 'previous'
  | 'rules'
  | 'mapRoot'
  | 'mapCount'
  | 'effectsRoot';

export interface Fault {
  readonly member: FaultMember;
  readonly expected: string;
  readonly found: string;
}

export function describeFault({ member, expected, found }: Fault): string {
  return `${member} is ${found}, and should be ${expected}`;
}

/** The state entry in a leaf, or what is wrong with it as one. */
export function readStateEntry(data: Bytes): StateEntry | Fault {
  try {
    return decodeStateEntry(data);
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'INTERNAL') throw error;
    return { member: 'form', expected: 'a state entry', found: `${error.code}: ${error.message}` };
  }
}

/** Every member in which `found` is not `expected`, whose time is the least that is possible. */
export function compareStateEntries(expected: StateEntry, found: StateEntry): Fault[] {
  const faults: Fault[] = [];
  const check = (member: FaultMember, holds: boolean, wanted: unknown, seen: unknown) => {
    if (!holds) faults.push({ member, expected: String(wanted), found: String(seen) });
  };
  const checkHash = (member: 'rules' | 'mapRoot' | 'effectsRoot') =>
    check(member, equal(expected[member], found[member]), toHex(expected[member]), toHex(found[member]));
  check('index', expected.index === found.index, expected.index, found.index);
  check('time', found.time >= expected.time, `at least ${expected.time}`, found.time);
  check('previous', expected.previous === found.previous, expected.previous, found.previous);
  checkHash('rules');
  checkHash('mapRoot');
  check('mapCount', expected.mapCount === found.mapCount, expected.mapCount, found.mapCount);
  checkHash('effectsRoot');
  return faults;
}
