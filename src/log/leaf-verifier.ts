/**
 * Leaves of a log with their signatures verified, in worker threads, ahead of the replay that asks for them. Verifying is
 * most of the work, and needs no state but the keys; whose key is not known yet, replay verifies itself.
 */
import { parseStatement, type Statement, type Write } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import type { StateMap } from '../statemap/index.ts';
import { type SigningKey, signingKeyOf, signingKeys } from './signing-keys.ts';
import { packSignatures, type SignaturesRequest } from './verify-signatures.ts';
import { keysRequest, verifyThreads } from './verify-threads.ts';

/** Statements of one request to a thread. */
const PORTION = 64;
/** What is being verified at once: enough to keep all threads busy while the replay is at work. */
const MOST_BUNDLES = 12;
const MOST_BYTES = 32 << 20;

/** What was read out of a log: the statement hashes to the leaf data; a state entry has none. */
interface ReadLeaf {
  readonly index: number;
  readonly data: Bytes;
  readonly hash: Bytes;
  readonly statement: Bytes | null;
  readonly above: readonly Bytes[] | undefined;
}

export interface VerifiedLeaf extends ReadLeaf {
  /** Undefined: the bytes are no statement, or a state entry is there. */
  readonly parsed: Statement | undefined;
  /** False: whose key it is, is not known yet, or the signature does not verify: replay says which. */
  readonly verified: boolean;
}

export class LeafVerifier {
  readonly #keys: Map<string, SigningKey>;
  readonly #pool: ReturnType<typeof verifyThreads<SignaturesRequest, Uint8Array>> | undefined;

  /** @param threads 0: replay verifies everything itself */
  constructor(state: StateMap, threads: number) {
    this.#keys = signingKeys(state);
    this.#pool = threads === 0 ? undefined : verifyThreads(threads, () => [...this.#keys.values()]);
  }

  /** Keys that a run has registered. */
  learn(writes: readonly Write[]): void {
    const learned: SigningKey[] = [];
    for (const [key, value] of writes) {
      const pair = value ? signingKeyOf(key, value) : undefined;
      if (pair) learned.push(pair);
    }
    for (const pair of learned) this.#keys.set(toHex(pair[0]), pair);
    if (learned.length > 0) this.#pool?.tell(keysRequest(learned));
  }

  /** The same leaves in the same order, as many ahead as memory allows. */
  async *verified(bundles: AsyncIterable<readonly ReadLeaf[]>): AsyncGenerator<readonly VerifiedLeaf[]> {
    const asked: { bytes: number; leaves: Promise<readonly VerifiedLeaf[]> }[] = [];
    let bytes = 0;
    // Few at first: a log begins with the keys by which the rest is signed, and they have to be replayed to be known.
    let most = 1;
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const bundle of bundles) {
        const size = bundle.reduce((sum, { statement }) => sum + (statement?.length ?? 0), 0);
        const leaves = this.#verify(bundle);
        leaves.catch(() => undefined); // it is waited for in its turn
        asked.push({ bytes: size, leaves });
        bytes += size;
        while (asked.length >= most || bytes > MOST_BYTES) {
          const next = asked.shift()!;
          bytes -= next.bytes;
          yield await next.leaves;
          if (asked.length === 0) break;
        }
        most = Math.min(MOST_BUNDLES, most + 1);
      }
    } catch (error) {
      failure = { error };
    }
    // What came before a failure counts: who reads over a bad line gets further each time.
    for (const { leaves } of asked) yield await leaves;
    if (failure) throw failure.error;
  }

  async #verify(bundle: readonly ReadLeaf[]): Promise<readonly VerifiedLeaf[]> {
    // Member by member: a spread costs more than all the rest.
    const leaves = bundle.map(({ index, data, hash, statement, above }) => {
      const parsed = (statement && parsedOrNot(statement, data)) ?? undefined;
      return { index, data, hash, statement, above, parsed, verified: false };
    });
    // Without its key nobody can verify it; a kind that brings its own key is for the replay.
    const known = this.#pool
      ? leaves.filter(({ parsed }) => parsed && this.#keys.has(toHex(parsed.kid)))
      : [];
    const portions: Promise<void>[] = [];
    for (let from = 0; from < known.length; from += PORTION) {
      portions.push(this.#portion(known.slice(from, from + PORTION)));
    }
    await Promise.all(portions);
    return leaves;
  }

  async #portion(leaves: readonly { parsed: Statement | undefined; verified: boolean }[]): Promise<void> {
    const request = packSignatures(leaves.map(({ parsed }) => parsed!));
    try {
      const verified = await this.#pool!.run(request, [request.packed.buffer as ArrayBuffer]);
      for (const [i, leaf] of leaves.entries()) leaf.verified = verified[i] === 1;
    } catch (error) {
      // The thread has ended, and is replaced: what it had, replay verifies itself.
      if (!isLedgerError(error, 'INTERNAL')) throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

/** Undefined: the bytes are no statement, which is for the replay to say. @param entryId their hash, which the reader has compared */
function parsedOrNot(bytes: Bytes, entryId: Bytes): Statement | undefined {
  try {
    return parseStatement({ sha256: () => entryId }, bytes);
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'INTERNAL') return undefined;
    throw error;
  }
}
