/**
 * What grants, cancellations, late keys and ends of rooms come to, told as simply as it can be: each room has a place for
 * each dataset; a place is empty, holds one charge, or has spent it. Everything else follows from who stands in the place.
 */
import type { Privacy } from '../../src/chain/privacy.ts';

export type Answer = 'refused' | 'denied' | 'granted' | 'ok';

interface Asked {
  room: number;
  at: number;
  state: 'REQUESTED' | 'GRANTED' | 'RECEIVED' | 'DENIED' | 'CANCELLED';
  expires: number;
  /** Whose place it took: an expired one’s. */
  before: Asked | undefined;
}

interface Place {
  /** Who was granted last, and not cancelled. */
  standing: Asked | undefined;
  charge: 'none' | 'held' | 'spent';
  /** The key came in time. */
  keyed: boolean;
}

interface Room {
  ended: boolean;
  blocked: boolean;
  places: readonly Place[];
}

export class ReleaseModel {
  readonly privacy: Privacy;
  readonly allocated: readonly Privacy[];
  /** Which budget each dataset is charged to. */
  readonly scopes: readonly number[];
  readonly rooms: readonly Room[];
  readonly asked = new Map<number, Asked>();
  /** Charges for keys that came late. */
  readonly late: number[];
  /** Milliseconds. */
  time = 0;

  constructor(privacy: Privacy, allocated: readonly Privacy[], scopes: readonly number[], rooms: number) {
    this.privacy = privacy;
    this.allocated = allocated;
    this.scopes = scopes;
    this.late = allocated.map(() => 0);
    this.rooms = Array.from({ length: rooms }, () => ({
      ended: false,
      blocked: false,
      places: scopes.map(() => ({ standing: undefined, charge: 'none' as const, keyed: false })),
    }));
  }

  /** It still waits for keys: once it has all of them, or has ended, it gets no more. */
  #isOpen({ ended, places }: Room): boolean {
    return !ended && !places.every(({ keyed }) => keyed);
  }

  #expired({ state, expires }: Asked): boolean {
    return state === 'GRANTED' && expires < this.time;
  }

  /** Charges of one scope: how many are held, and how many spent. */
  charges(scope: number): { held: number; spent: number } {
    const places = this.rooms.flatMap((room) => room.places.filter((_, at) => this.scopes[at] === scope));
    const count = (charge: Place['charge']) => places.filter((place) => place.charge === charge).length;
    return { held: count('held'), spent: count('spent') + this.late[scope]! };
  }

  #hasLeft(scope: number): boolean {
    const { held, spent } = this.charges(scope);
    const { epsilon, delta } = this.allocated[scope]!;
    const taken = held + spent + 1;
    return taken * this.privacy.epsilon <= epsilon && taken * this.privacy.delta <= delta;
  }

  request(n: number, room: number, at: number): Answer {
    if (!this.#isOpen(this.rooms[room]!)) return 'refused';
    this.asked.set(n, { room, at, state: 'REQUESTED', expires: 0, before: undefined });
    return 'ok';
  }

  release(n: number): Answer {
    const asked = this.asked.get(n);
    if (asked?.state !== 'REQUESTED') return 'refused';
    const room = this.rooms[asked.room]!;
    const place = room.places[asked.at]!;
    const replaces = place.standing && this.#expired(place.standing);
    const free = !place.standing || replaces;
    const affordable = replaces || this.#hasLeft(this.scopes[asked.at]!);
    if (!free || room.blocked || !this.#isOpen(room) || !affordable) {
      asked.state = 'DENIED';
      return 'denied';
    }
    Object.assign(asked, { state: 'GRANTED', expires: this.time + 60_000, before: place.standing });
    Object.assign(place, { standing: asked, charge: 'held' });
    return 'granted';
  }

  cancel(n: number): Answer {
    const asked = this.asked.get(n);
    const room = asked && this.rooms[asked.room]!;
    if (!room || asked.state !== 'GRANTED' || this.#expired(asked) || room.ended) return 'refused';
    const place = room.places[asked.at]!;
    asked.state = 'CANCELLED';
    place.standing = asked.before;
    if (!asked.before) place.charge = 'none';
    return 'ok';
  }

  receive(n: number): Answer {
    const asked = this.asked.get(n);
    if (asked?.state !== 'GRANTED' && asked?.state !== 'CANCELLED') return 'refused';
    const room = this.rooms[asked.room]!;
    const late = asked.state === 'CANCELLED' || this.#expired(asked) || !this.#isOpen(room);
    const place = room.places[asked.at]!;
    const stands = place.standing === asked;
    asked.state = 'RECEIVED';
    if (!late) {
      place.keyed = true;
      return 'ok';
    }
    room.blocked = true;
    const scope = this.scopes[asked.at]!;
    if (!stands && this.#hasLeft(scope)) this.late[scope]! += 1;
    return 'ok';
  }

  abort(n: number): Answer {
    const room = this.rooms[n]!;
    if (room.ended) return 'refused';
    room.ended = true;
    for (const place of room.places) if (place.charge === 'held') place.charge = 'spent';
    return 'ok';
  }
}
