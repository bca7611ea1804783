/**
 * The signed heads that a log shows, wherever they were seen, held against each other. The greatest one that extends all
 * before it is remembered before anything is built on it; one that does not fit convicts the log.
 */
import { type Bytes, equal, fromUtf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { BundleHasher } from '../merkle/bundle-hash.ts';
import { LogReader, type TileSource } from '../tiles/index.ts';
import { openHead, type SignedTreeHead, type Trust } from '../verify/index.ts';
import type { Evidence } from './alarm.ts';
import type { ReplayStore } from './replay-store.ts';

export interface SeenHead extends SignedTreeHead {
  /** The signed note, as it came. */
  readonly note: string;
}

export type Judgement =
  | { readonly type: 'newer' | 'same' | 'older'; readonly head: SeenHead }
  | {
      readonly type: 'forked';
      readonly head: SeenHead;
      readonly detail: string;
      readonly evidence: Evidence;
    };

export interface HeadsOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly source: TileSource;
  readonly store: ReplayStore;
}

export class Heads {
  readonly #options: HeadsOptions;
  readonly #bundles: BundleHasher;
  #seen: SeenHead | undefined;
  #reader: LogReader | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param seen what {@link ReplayStore} remembers. @throws LOG_CORRUPT the log has never signed that */
  constructor(options: HeadsOptions, seen: Bytes | undefined) {
    this.#options = options;
    this.#bundles = new BundleHasher(options.crypto, { ids: true, inner: true });
    this.#seen = seen && this.#open(seen);
  }

  /** The greatest consistent head. */
  get seen(): SeenHead | undefined {
    return this.#seen;
  }

  /**
   * Holds a head against what was seen before. A newer one that fits is remembered when this resolves.
   * @throws what openHead throws: it is not one of the log; TILE_INVALID, TILE_MISSING and what the source throws: it is
   * not known whether it fits
   */
  judge(note: Bytes): Promise<Judgement> {
    // One after another: two heads that are each newer than what was seen must fit each other, too.
    const turn = this.#turn.then(() => this.#judge(note));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #judge(note: Bytes): Promise<Judgement> {
    const head = this.#open(note);
    const seen = this.#seen;
    if (!seen || head.size > seen.size) return this.#newer(head, seen, note);
    if (head.size < seen.size) return this.#older(head, seen);
    if (equal(head.root, seen.root)) return { type: 'same', head };
    const detail = `two trees of ${head.size} entries`;
    return {
      type: 'forked',
      head,
      detail,
      evidence: { type: 'checkpoints', older: seen.note, newer: head.note },
    };
  }

  async #newer(head: SeenHead, seen: SeenHead | undefined, note: Bytes): Promise<Judgement> {
    const { crypto, source, store } = this.#options;
    const reader = await LogReader.open(crypto, source, head, this.#bundles);
    const begins = seen && seen.size > 0 ? (await reader.range(seen.size)).root(crypto) : undefined;
    if (seen && begins && !equal(begins, seen.root)) {
      // The path leads to the newer root, and from another older one than was signed: no log has both.
      const path = await reader.consistencyPath(seen.size);
      const detail = `the tree of ${head.size} does not extend the tree of ${seen.size} that was signed before`;
      return {
        type: 'forked',
        head,
        detail,
        evidence: { type: 'checkpoints', older: seen.note, newer: head.note, path, begins },
      };
    }
    await store.see(note);
    this.#seen = head;
    this.#reader = reader;
    return { type: 'newer', head };
  }

  async #older(head: SeenHead, seen: SeenHead): Promise<Judgement> {
    const { crypto, store } = this.#options;
    if (head.size === 0) return { type: 'older', head };
    const known =
      (await store.rootAt(head.size)) ?? (await (await this.reader()).range(head.size)).root(crypto);
    if (equal(known, head.root)) return { type: 'older', head };
    const shown = await this.#beginning(head.size);
    const detail = `the tree of ${seen.size} that was signed before does not extend this tree of ${head.size}`;
    return {
      type: 'forked',
      head,
      detail,
      evidence: { type: 'checkpoints', older: head.note, newer: seen.note, ...shown },
    };
  }

  /** Undefined: the log does not serve any more what it had signed. */
  async #beginning(from: number): Promise<{ path: Bytes[]; begins: Bytes } | undefined> {
    try {
      const reader = await this.reader();
      const begins = (await reader.range(from)).root(this.#options.crypto);
      return { path: await reader.consistencyPath(from), begins };
    } catch (error) {
      if (isLedgerError(error)) return undefined;
      throw error;
    }
  }

  /** Reads the tree of the greatest head. @throws as LogReader.open; NOT_FOUND nothing was seen yet */
  async reader(): Promise<LogReader> {
    const { crypto, source } = this.#options;
    const seen = this.#seen ?? { size: 0, root: new Uint8Array(32) };
    if (this.#reader?.head.size !== seen.size) {
      this.#reader = await LogReader.open(crypto, source, seen, this.#bundles);
    }
    return this.#reader;
  }

  #open(note: Bytes): SeenHead {
    const { crypto, trust } = this.#options;
    const text = fromUtf8(note);
    return { ...openHead(crypto, trust, text), note: text };
  }
}
