/** The ledger's state as a clean room believes it: record by record, each proven, and waited for where others have to act. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';

/** A type of record, as chain/records declares them. */
interface RecordType<Id extends readonly unknown[], Value> {
  key(...id: Id): Bytes;
  decode(bytes: Bytes): Value;
}

/** Milliseconds between two looks. */
const PAUSE = 500;

export class ProvenState {
  readonly #client: LedgerClient;
  readonly #signal: AbortSignal;

  constructor(client: LedgerClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** Undefined: it is proven that there is none. @throws as {@link LedgerClient.facts} */
  async read<Id extends readonly unknown[], Value>(
    type: RecordType<Id, Value>,
    ...id: Id
  ): Promise<Value | undefined> {
    return (await this.readAll(type, [id]))[0];
  }

  /** Several of one type, under one head. */
  async readAll<Id extends readonly unknown[], Value>(
    type: RecordType<Id, Value>,
    ids: readonly Id[],
  ): Promise<(Value | undefined)[]> {
    if (ids.length === 0) return [];
    const keys = ids.map((id) => type.key(...id));
    const { values } = await this.#client.facts(keys, { signal: this.#signal });
    return values.map((value) => (value ? type.decode(value) : undefined));
  }

  /**
   * Looks until `ready` has an answer.
   * @param until Unix milliseconds
   * @throws DEADLINE_EXCEEDED with `what` was waited for; what `ready` throws
   */
  async waitFor<T>(what: string, until: number, ready: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await this.#look(ready);
      if (found !== undefined) return found;
      if (Date.now() + PAUSE > until) throw fail('DEADLINE_EXCEEDED', `waited in vain for ${what}`);
      await delay(PAUSE, undefined, { signal: this.#signal });
    }
  }

  /** A log that cannot be reached for a moment, or whose witnesses are slow, is asked again. */
  async #look<T>(ready: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await ready();
    } catch (error) {
      const passing = ['UNAVAILABLE', 'NOT_WITNESSED', 'DEADLINE_EXCEEDED', 'STALE', 'RATE_LIMITED'];
      if (isLedgerError(error) && passing.includes(error.code)) return undefined;
      throw error;
    }
  }
}
