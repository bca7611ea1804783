/** The state as the statements of one run change it, one after the other: who commits a run, replays or judges it has this in common. */
import type { StateReader, Write } from './record.ts';

export class WrittenState {
  readonly #written = new Map<string, Write>();
  /** The state as the writes so far leave it. */
  readonly read: StateReader;

  /** @param before the state that the run begins with */
  constructor(before: StateReader) {
    this.read = (key, name) => {
      const write = this.#written.get(name);
      return write ? (write[1] ?? undefined) : before(key, name);
    };
  }

  add(writes: readonly Write[]): void {
    for (const write of writes) this.#written.set(write[2], write);
  }

  /** The last change of each key, in the order in which keys were first written. */
  get writes(): Write[] {
    return [...this.#written.values()];
  }
}
