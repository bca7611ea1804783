/**
 * How a gate reads. The one who answers keeps a record of what was read; the one who verifies has only what was proven.
 */
import { type Bytes, toCharacters } from '../../core/bytes.ts';
import { fail, type LedgerError } from '../../core/errors.ts';
import type { StateReader } from '../record.ts';

/** The keys that were read, each once, in the order of the first read. */
export interface RecordedReads {
  readonly read: StateReader;
  readonly keys: readonly Bytes[];
}

export function recordedReads(read: StateReader): RecordedReads {
  const keys: Bytes[] = [];
  const seen = new Set<string>();
  return {
    keys,
    read(key, name) {
      if (!seen.has(name)) {
        seen.add(name);
        keys.push(key);
      }
      return read(key, name);
    },
  };
}

/** What is proven of the state: the value under a key, or, with null, that there is none. */
export interface ProvenFact {
  readonly key: Bytes;
  readonly value: Bytes | null;
}

export interface ProvenReads {
  readonly read: StateReader;
  /** What is missing of the proven state, if anything that was read is. */
  readonly missing: () => LedgerError | undefined;
}

/**
 * Reads only what is proven: "not given" is never "not there". The error is kept beside being thrown, so that whoever
 * runs a gate finds it even if the gate went on.
 */
export function provenReads(facts: readonly ProvenFact[]): ProvenReads {
  const values = new Map(facts.map(({ key, value }) => [toCharacters(key), value]));
  let missing: LedgerError | undefined;
  return {
    missing: () => missing,
    read(_key, name) {
      const value = values.get(name);
      if (value !== undefined) return value ?? undefined;
      missing ??= fail(
        'BUNDLE_INCOMPLETE',
        'the decision needs a record that is neither proven nor disproved',
      );
      throw missing;
    },
  };
}
