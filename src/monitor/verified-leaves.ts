/**
 * Leaves of a log with their signatures verified, in worker threads, ahead of the replay that asks for them. Verifying is
 * most of the work, and needs no state but the keys; whose key is not known yet, replay verifies itself.
 */
import { type Bytes, toHex } from '../core/bytes.ts';
import { packStatements, type SigningKey, signingKeyOf, signingKeys, type Verifier } from '../log/index.ts';
import type { ReplayLeaf } from '../replay/index.ts';
import type { StateMap } from '../statemap/index.ts';
import type { LogLeaf } from '../tiles/index.ts';

/** Of AdmissionAnswer.flags. */
const VERIFIED = 1;
/** Statements of one request to a thread. */
const PORTION = 128;
/** What is being verified at once: enough to keep all threads busy while the replay is at work. */
const MOST_BUNDLES = 12;
const MOST_BYTES = 32 << 20;

export class LeafVerifier {
  readonly #keys: Map<string, SigningKey>;
  readonly #verifier: Verifier;

  /** @param make is given all keys that are known, whenever a thread is begun */
  constructor(state: StateMap, make: (keys: () => readonly SigningKey[]) => Verifier) {
    this.#keys = signingKeys(state);
    this.#verifier = make(() => [...this.#keys.values()]);
  }

  /** Keys that a run has registered. */
  learn(writes: readonly (readonly [key: Bytes, value: Bytes | null])[]): void {
    const learned: SigningKey[] = [];
    for (const [key, value] of writes) {
      const pair = value ? signingKeyOf(key, value) : undefined;
      if (pair) learned.push(pair);
    }
    for (const pair of learned) this.#keys.set(toHex(pair[0]), pair);
    if (learned.length > 0) this.#verifier.learn(learned);
  }

  /** The same leaves in the same order, as many ahead as memory allows. */
  async *verified(bundles: AsyncIterable<readonly LogLeaf[]>): AsyncGenerator<readonly ReplayLeaf[]> {
    const asked: { bytes: number; leaves: Promise<readonly ReplayLeaf[]> }[] = [];
    let bytes = 0;
    for await (const bundle of bundles) {
      const size = bundle.reduce((sum, { statement }) => sum + (statement?.length ?? 0), 0);
      const leaves = this.#verify(bundle);
      leaves.catch(() => undefined); // it is waited for in its turn
      asked.push({ bytes: size, leaves });
      bytes += size;
      while (asked.length >= MOST_BUNDLES || bytes > MOST_BYTES) {
        const next = asked.shift()!;
        bytes -= next.bytes;
        yield await next.leaves;
      }
    }
    for (const { leaves } of asked) yield await leaves;
  }

  async #verify(bundle: readonly LogLeaf[]): Promise<readonly ReplayLeaf[]> {
    const places: number[] = [];
    for (const [i, { statement }] of bundle.entries()) if (statement) places.push(i);
    const found: ReplayLeaf[] = [...bundle];
    const portions: Promise<void>[] = [];
    for (let from = 0; from < places.length; from += PORTION) {
      portions.push(this.#portion(found, places.slice(from, from + PORTION)));
    }
    await Promise.all(portions);
    return found;
  }

  async #portion(leaves: ReplayLeaf[], places: readonly number[]): Promise<void> {
    const statements = places.map((place) => leaves[place]!.statement!);
    const { flags } = await this.#verifier.verify(packStatements(statements));
    for (const [i, place] of places.entries()) {
      if (flags[i] === VERIFIED) leaves[place] = { ...leaves[place]!, verified: true };
    }
  }

  close(): Promise<void> {
    return this.#verifier.close();
  }
}
