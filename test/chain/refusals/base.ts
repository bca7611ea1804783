/**
 * The world that every refusal case starts from, in a copy of its own: a genesis, an ACTIVE TDP `icmr` with two keys,
 * a VERIFIED TDC `tdc`, and `cowin`, who has asked to take part.
 */
import { DELEGATION, PARTICIPANT } from '../../../src/chain/state.ts';
import type { Bytes } from '../../../src/core/bytes.ts';
import type { Crypto } from '../../../src/core/crypto.ts';
import { type Member, World } from '../world.ts';

export interface Base {
  world: World;
  icmr: Member;
  tdc: Member;
  cowin: Member;
}

export function base(crypto: Crypto): Base {
  const world = World.begin(crypto);
  const icmr = world.join('icmr', ['TDP', 'DATA_COLLAB'], 'ES256', 2);
  world.activate(icmr);
  const tdc = world.join('tdc', ['TDC']);
  const cowin = world.member('cowin');
  world.register(cowin);
  return { world, icmr, tdc, cowin };
}

export function copy(of: Base): Base {
  return { ...of, world: of.world.clone() };
}

/** `icmr` becomes a registrar of the SRO's: what delegate.grant will do. */
export function delegate({ world, icmr }: Base, change: { notAfter?: number; revoked?: boolean } = {}): void {
  const record = {
    ...{ grantor: world.sro.did, delegate: icmr.did, role: 'registrar' as const, revoked: false, ...change },
    ...{ kid: world.kid(world.sro.keys[0]), changed: 0, changedAt: world.time },
  };
  world.put(DELEGATION.put(record, world.sro.did, icmr.did, 'registrar'));
}

/** What a later kind will do to `member`. */
export function become(world: World, member: Member, change: object): void {
  world.put(PARTICIPANT.put({ ...world.participant(member)!, ...change }, member.did));
}

export interface RefusalCase {
  /** The kind that refuses; `frame` for what all kinds share. */
  of: string;
  reason: string;
  what: string;
  /** What is refused; it may prepare the world first, or put another in its place. */
  statement: (base: Base) => Bytes;
}

export type Refuses = (of: string, reason: string, what: string, statement: RefusalCase['statement']) => void;

/** A list of cases, and how to add one. */
export function caseList(): { cases: RefusalCase[]; refuses: Refuses } {
  const cases: RefusalCase[] = [];
  const refuses: Refuses = (of, reason, what, statement) => cases.push({ of, reason, what, statement });
  return { cases, refuses };
}
