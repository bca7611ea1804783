/**
 * What the lifecycle has to come to, in the simplest words: lists of what was stopped and charged, and nothing of how the
 * chain keeps its records. It is told of every entry that took effect, and says of each key release what the answer is.
 */
import { type Base, RUN } from './lifecycle-base.ts';
import { PROVIDERS } from './story.ts';

/** Of a key release: the room, the provider's position, and which try it is. */
export interface Try {
  readonly room: number;
  readonly provider: number;
  readonly again: number;
}
export const nameOf = ({ room, provider, again }: Try) => `${room}/${provider}/${again}`;

interface Stop {
  readonly subject: string;
  readonly index: number;
  /** Unix milliseconds from which it holds. */
  at: number;
  lifted: boolean;
}

interface Room {
  readonly index: number;
  readonly at: number;
  /** Of the newest head that was affirmed. */
  head?: number;
  /** When the appraisal was logged that gave it its age, and whether the verifier's key was compromised by then. */
  affirmedAt?: number;
  affirmationVoid?: boolean;
  blocked: boolean;
  /** No release may be granted to it any more, because it has all its keys or has ended. */
  done: boolean;
  held: boolean;
  /** By provider, the try that was granted last and stands. */
  readonly standing: (string | undefined)[];
  readonly received: Set<number>;
  logs: number;
}

interface Release extends Try {
  asked: boolean;
  state: 'REQUESTED' | 'GRANTED' | 'RECEIVED' | 'DENIED' | 'CANCELLED';
  expires: number;
  /** The grant that had expired, and whose reserve it took over. */
  replaces?: string;
  /** What it takes of its budget: reserved or spent. */
  epsilon: number;
  delta: number;
}

const HANDOVER = 60_000;
const FRESHNESS = 600_000;

export class Model {
  /** What was allocated, by provider. */
  readonly budgets: readonly { epsilon: number; delta: number }[];
  readonly rooms = new Map<number, Room>();
  readonly releases = new Map<string, Release>();
  readonly #stops: Stop[] = [];
  readonly #contract: string;
  readonly #code: string;
  readonly #signatories: readonly string[];
  readonly #verifier: string;
  readonly #datasets: readonly string[];
  /** Unix milliseconds of each signature, by who signed. */
  readonly #signed: ReadonlyMap<string, number>;
  readonly #voided: string[] = [];

  constructor({ story, world, telling }: Base) {
    const { contract } = story;
    this.budgets = PROVIDERS.map((_, i) => story.imported('dataset.register', i).budget);
    this.#contract = contract.id;
    this.#code = contract.code[0];
    this.#signatories = ['tdc', ...PROVIDERS, 'ccrp'].map((name) => story.member(name).did);
    this.#verifier = story.member('verifier').did;
    this.#datasets = contract.datasets.map(({ id }: { id: string }) => id);
    const signed = (name: string) => world.entries[telling.ref(`contract.sign ${name}`).index]!.time;
    this.#signed = new Map(
      ['tdc', ...PROVIDERS, 'ccrp'].map((name) => [story.member(name).did, signed(name)]),
    );
  }

  stopped(subject: string, index: number, at: number): void {
    this.#stops.push({ subject, index, at, lifted: false });
  }

  /** A stop that had yet to come counts from now, for the rooms that were there. */
  lifted(subject: string, time: number): void {
    for (const stop of this.#stops) {
      if (stop.subject === subject && !stop.lifted)
        Object.assign(stop, { lifted: true, at: Math.min(stop.at, time) });
    }
  }

  /** A key was compromised since then (Unix milliseconds): what it signed after that is void. */
  compromised(did: string, since: number): void {
    const at = this.#signed.get(did);
    if (at !== undefined && since <= at) this.#voided.push(did);
    if (did !== this.#verifier) return;
    for (const room of this.rooms.values()) {
      if (room.affirmedAt !== undefined && since <= room.affirmedAt) room.affirmationVoid = true;
    }
  }

  deployed(n: number, index: number, at: number): void {
    const state = { blocked: false, done: false, held: false, logs: 0 };
    this.rooms.set(n, { index, at, ...state, standing: [], received: new Set() });
  }

  appraised(n: number, result: string, head: number, at: number): void {
    const room = this.rooms.get(n)!;
    if (result === 'affirming') {
      if (room.head === undefined || head > room.head) Object.assign(room, { head, affirmedAt: at });
    } else if (room.head !== undefined) room.blocked = true;
  }

  asked(of: Try): void {
    const state = { state: 'REQUESTED' as const, asked: true, expires: 0, epsilon: 0, delta: 0 };
    this.releases.set(nameOf(of), { ...of, ...state });
  }

  /** Whether a release has to be granted, where it can be decided at all. */
  mayGrant(of: Try, time: number): boolean {
    const room = this.rooms.get(of.room)!;
    const standing = this.#standing(room, of.provider);
    if (standing && (standing.state === 'RECEIVED' || standing.expires >= time)) return false;
    const fits = standing || this.#fits(of.provider);
    return fits && room.held && !room.done && this.#trusted(room, time) && this.#inForce(time);
  }

  #trusted(room: Room, time: number): boolean {
    if (room.blocked || room.affirmationVoid || room.head === undefined || room.head + FRESHNESS < time)
      return false;
    // Whatever was stopped after the room was set up blocks it for good, unless it had a grant before that stands.
    const upstream = [this.#contract, this.#code, this.#verifier, ...this.#signatories, ...this.#datasets];
    const since = (stop: Stop) => stop.at <= time && (stop.index > room.index || stop.at > room.at);
    const granted = room.standing.some((name) => name !== undefined);
    return granted || !this.#stops.some((stop) => upstream.includes(stop.subject) && since(stop));
  }

  #inForce(time: number): boolean {
    const needed = [this.#contract, this.#code, ...this.#signatories, ...this.#datasets];
    const stopped = this.#stops.some(
      (stop) => needed.includes(stop.subject) && !stop.lifted && stop.at <= time,
    );
    return !stopped && this.#voided.length === 0;
  }

  #standing(room: Room, provider: number): Release | undefined {
    const name = room.standing[provider];
    return name === undefined ? undefined : this.releases.get(name);
  }

  /** What the releases of a provider take of its budget. */
  taken(provider: number): { epsilon: number; delta: number } {
    const own = [...this.releases.values()].filter((release) => release.provider === provider);
    return {
      epsilon: own.reduce((sum, { epsilon }) => sum + epsilon, 0),
      delta: own.reduce((sum, { delta }) => sum + delta, 0),
    };
  }

  #fits(provider: number): boolean {
    const { epsilon, delta } = this.taken(provider);
    const budget = this.budgets[provider]!;
    return epsilon + RUN.epsilon <= budget.epsilon && delta + RUN.delta <= budget.delta;
  }

  granted(of: Try, time: number): void {
    const room = this.rooms.get(of.room)!;
    const release = this.releases.get(nameOf(of))!;
    const before = this.#standing(room, of.provider);
    // A grant that nobody took in time is spent, and the one that replaces it takes over what was spent.
    const { epsilon, delta } = before ?? RUN;
    if (before) {
      release.replaces = nameOf(before);
      Object.assign(before, { epsilon: 0, delta: 0 });
    }
    Object.assign(release, { state: 'GRANTED', expires: time + HANDOVER, epsilon, delta });
    room.standing[of.provider] = nameOf(of);
  }

  denied(of: Try): void {
    this.releases.get(nameOf(of))!.state = 'DENIED';
  }

  cancelled(of: Try): void {
    const room = this.rooms.get(of.room)!;
    const release = this.releases.get(nameOf(of))!;
    const { epsilon, delta, replaces } = release;
    // What had expired stays spent.
    if (replaces !== undefined) Object.assign(this.releases.get(replaces)!, { epsilon, delta });
    Object.assign(release, { state: 'CANCELLED', epsilon: 0, delta: 0 });
    if (room.standing[of.provider] === nameOf(of)) room.standing[of.provider] = replaces;
  }

  received(of: Try, time: number): void {
    const room = this.rooms.get(of.room)!;
    const release = this.releases.get(nameOf(of))!;
    const late = release.state === 'CANCELLED' || release.expires < time || room.done;
    release.state = 'RECEIVED';
    if (!late) {
      room.received.add(of.provider);
      room.done = room.received.size === PROVIDERS.length;
      return;
    }
    room.blocked = true;
    const charged = room.standing[of.provider] === nameOf(of);
    if (!charged && this.#fits(of.provider)) Object.assign(release, RUN);
  }

  logged(n: number): void {
    this.rooms.get(n)!.logs += 1;
  }

  /** The run of the room has ended well. @param spent what it says, where that is believed */
  completed(n: number, spent: { epsilon: number; delta: number }, time: number): void {
    const room = this.rooms.get(n)!;
    const codeGood = !this.#stops.some((stop) => stop.subject === this.#code && stop.at <= time);
    if (room.logs === 0 || room.blocked || !codeGood) return;
    for (const name of room.standing) if (name !== undefined) Object.assign(this.releases.get(name)!, spent);
  }

  ended(n: number): void {
    this.rooms.get(n)!.done = true;
  }
}
