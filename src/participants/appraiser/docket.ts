/**
 * What there is to appraise, as far as the log has been read: each piece of evidence that a room listed, and whether it has
 * to be looked at. What was said of it is for the proven state to say: an entry that was refused is in the log as well. A
 * fold over the entries: a docket that is lost is made again from the log.
 */
import type { Statement } from '../../chain/index.ts';
import { type Bytes, fromBase64url, toBase64url } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';

export interface Item {
  /** URN. */
  readonly cleanroom: string;
  /** SHA-256 of the evidence, 32 bytes. */
  readonly digest: Bytes;
  /** Index of the `cleanroom.attest`. */
  readonly entry: number;
}

export class Docket {
  readonly #verifier: string;
  readonly #items = new Map<string, Item>();
  readonly #pending = new Set<string>();
  readonly #anchors = new Set<string>();
  /** Index of the first entry that has not been read. */
  next = 0;

  /** @param verifier DID of who appraises */
  constructor(verifier: string) {
    this.#verifier = verifier;
  }

  /** Ids of anchors that were ever published: which of them are current is for the state to say. */
  get anchors(): readonly string[] {
    return [...this.#anchors];
  }

  get pending(): readonly Item[] {
    return [...this.#pending].flatMap((name) => this.#items.get(name) ?? []);
  }

  get size(): number {
    return this.#items.size;
  }

  /** The next entry in order; null for a state entry, or a statement that is none of the chain’s. */
  read(index: number, statement: Statement | null): void {
    if (index !== this.next) throw fail('INTERNAL', `entry ${index} in the place of ${this.next}`);
    this.next = index + 1;
    switch (statement?.chain?.kind) {
      case 'cleanroom.attest':
        this.#list(index, statement.body as { id: string; evidence: Bytes });
        break;
      case 'anchors.publish':
        this.#anchors.add((statement.body as { id: string }).id);
        this.#again();
        break;
      case 'appraisal-policy.publish':
        this.#again();
        break;
      case 'key.revoke':
        // What was said with a key that was compromised by then counts for nothing.
        if ((statement.body as { reason: string }).reason === 'compromise') this.#again();
        break;
    }
  }

  /** Nothing is to be done about it before anchors or a policy change. */
  settle(item: Item): void {
    this.#pending.delete(nameOf(item));
  }

  /** Nothing will ever be to be done about it. */
  drop(item: Item): void {
    this.settle(item);
    this.#items.delete(nameOf(item));
  }

  #list(entry: number, { id: cleanroom, evidence: digest }: { id: string; evidence: Bytes }): void {
    const item: Item = { cleanroom, digest: digest.slice(), entry };
    // A second listing of the same is refused by the log: the first one stands.
    if (this.#items.has(nameOf(item))) return;
    this.#items.set(nameOf(item), item);
    this.#pending.add(nameOf(item));
  }

  /** What was trusted may be trusted no longer, and the other way round. */
  #again(): void {
    for (const name of this.#items.keys()) this.#pending.add(name);
  }

  // --- kept -------------------------------------------------------------------------------------------------------------

  toJson(): object {
    return {
      verifier: this.#verifier,
      next: this.next,
      anchors: this.anchors,
      items: [...this.#items].map(([name, { cleanroom, digest, entry }]) => ({
        ...{ cleanroom, digest: toBase64url(digest), entry, pending: this.#pending.has(name) },
      })),
    };
  }

  /** @throws ARGUMENT_INVALID not what {@link toJson} gives, or another verifier’s */
  static fromJson(verifier: string, json: unknown): Docket {
    try {
      const kept = json as Kept;
      if (kept.verifier !== verifier) throw new Error(`the docket of ${kept.verifier}`);
      const docket = new Docket(verifier);
      docket.next = wholeNumber(kept.next);
      for (const id of kept.anchors) docket.#anchors.add(String(id));
      for (const { cleanroom, digest, entry, pending } of kept.items) {
        const item: Item = { cleanroom, digest: fromBase64url(digest), entry: wholeNumber(entry) };
        docket.#items.set(nameOf(item), item);
        if (pending) docket.#pending.add(nameOf(item));
      }
      return docket;
    } catch (cause) {
      throw fail('ARGUMENT_INVALID', `not a docket: ${(cause as Error).message}`, { cause });
    }
  }
}

interface Kept {
  readonly verifier: string;
  readonly next: number;
  readonly anchors: readonly string[];
  readonly items: readonly {
    readonly cleanroom: string;
    readonly digest: string;
    readonly entry: number;
    readonly pending: boolean;
  }[];
}

function nameOf({ cleanroom, digest }: Pick<Item, 'cleanroom' | 'digest'>): string {
  return `${cleanroom} ${toBase64url(digest)}`;
}

function wholeNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Error('not an index');
  return value;
}
