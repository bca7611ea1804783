/**
 * Everything that a log ever told its clients, held against what it says after a restart: acknowledged entries are
 * where they were, every tree that was ever signed is a prefix of the newest one, and time has not gone back.
 */
import assert from 'node:assert/strict';
import { decodeStateEntry } from '../../src/chain/index.ts';
import type { HttpTransport } from '../../src/client/http-transport.ts';
import { rememberingKey } from '../../src/client/receipt-key.ts';
import { type Bytes, equal, toHex } from '../../src/core/bytes.ts';
import {
  CompactRange,
  leafHash,
  parseEntryBundle,
  parseStatementBundle,
  TILE_WIDTH,
  tilePath,
  tileWidth,
  verifyConsistency,
} from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { openHead, parseTrust, type TreeHead, type Trust, verifyReceipt } from '../../src/verify/index.ts';

const ENTRY_ID = 32;
/** Milliseconds for one read. */
const PATIENCE = 20_000;
const AT_ONCE = 8;

export class History {
  #trustText: string | undefined;
  #trust: Trust | undefined;
  /** Root of every tree that was ever signed, by size. */
  readonly #roots = new Map<number, Bytes>();
  /** Sizes that came since the last check. */
  #unproven = new Set<number>();
  /** Index by hex entry id. */
  readonly #acknowledged = new Map<string, number>();
  /** Leaf data as it was read back: it must never change again. */
  readonly #leaves: Bytes[] = [];
  #range = CompactRange.empty();
  #time = 0;
  #tip: number | null = null;

  get trust(): Trust {
    assert.ok(this.#trust, 'no server has been seen yet');
    return this.#trust;
  }

  get size(): number {
    return this.#leaves.length;
  }

  get figures(): { acknowledged: number; checkpoints: number; entries: number } {
    const { size: acknowledged } = this.#acknowledged;
    return { acknowledged, checkpoints: this.#roots.size, entries: this.#leaves.length };
  }

  /** The trust file after a start: the same for ever, or the log would have become another. */
  began(trustText: string): void {
    assert.equal(trustText, this.#trustText ?? trustText, 'the trust file has changed');
    if (this.#trust) return;
    const trust = parseTrust(crypto, trustText);
    this.#trustText = trustText;
    this.#trust = { ...trust, receiptKey: rememberingKey(trust.receiptKey) };
  }

  /** A signed note, from wherever. */
  checkpoint(note: string): TreeHead {
    const head = openHead(crypto, this.trust, note);
    this.#signed(head);
    return head;
  }

  /** A receipt: from now on the log owes this entry. Returns its index. */
  receipt(entryId: Bytes, receipt: Bytes): number {
    const { index, head } = verifyReceipt(crypto, this.trust, receipt.slice(), entryId);
    this.#signed(head);
    const before = this.#acknowledged.get(toHex(entryId));
    assert.equal(index, before ?? index, 'an entry has moved');
    this.#acknowledged.set(toHex(entryId), index);
    return index;
  }

  #signed({ size, root }: TreeHead): void {
    const before = this.#roots.get(size);
    if (before) {
      assert.ok(equal(before, root), `two different trees of ${size} were signed`);
      return;
    }
    this.#roots.set(size, root.slice());
    this.#unproven.add(size);
  }

  /**
   * @param base URL of the server
   * @param some sizes that were proven in earlier lives, to be proven once more; all of them by default
   */
  async check(base: string, http: HttpTransport, some?: (sizes: number[]) => number[]): Promise<void> {
    const head = this.checkpoint(await text(`${base}/checkpoint`));
    const largest = Math.max(...this.#roots.keys());
    assert.equal(head.size, largest, `a tree of ${largest} was signed, and is gone`);

    const first = this.#leaves.length;
    await this.#readBack(base, head.size);
    assert.ok(equal(this.#range.root(crypto), head.root), 'the entries do not hash to the signed root');
    await this.#checkStatements(base, first);
    for (const [id, index] of this.#acknowledged) {
      const leaf = this.#leaves[index];
      assert.ok(leaf && toHex(leaf) === id, `acknowledged entry ${index} is not there`);
    }

    const proven = [...this.#roots.keys()].filter((size) => !this.#unproven.has(size));
    const sizes = [...this.#unproven, ...(some ? some(proven) : proven)];
    await eachOf(sizes, async (size) => {
      if (size === head.size) return;
      const proof = await http.consistency(size, head.size, { deadline: Date.now() + PATIENCE });
      const [root1, root2] = [this.#roots.get(size)!, head.root];
      verifyConsistency(crypto, { size1: size, size2: head.size, root1, root2, proof });
    });
    this.#unproven = new Set();
  }

  /** All leaves of the tree of `size`: those that are known unchanged, the others in the order of a log. */
  async #readBack(base: string, size: number): Promise<void> {
    const bundles = Array.from({ length: Math.ceil(size / TILE_WIDTH) }, (_, n) => n);
    const read: Bytes[][] = [];
    await eachOf(bundles, async (n) => {
      read[n] = parseEntryBundle(await bytes(`${base}/${tilePath('entries', n, tileWidth(0, n, size))}`));
    });
    for (const [index, leaf] of read.flat().entries()) {
      const known = this.#leaves[index];
      if (known) assert.ok(equal(known, leaf), `leaf ${index} has changed`);
      else this.#append(leaf.slice());
    }
    assert.equal(this.#leaves.length, size);
  }

  #append(leaf: Bytes): void {
    const index = this.#leaves.push(leaf) - 1;
    this.#range.append(crypto, leafHash(crypto, leaf));
    const signed = this.#roots.get(index + 1);
    if (leaf.length === ENTRY_ID) {
      assert.equal(signed, undefined, `a tree of ${index + 1} was signed, which no state entry closes`);
      return;
    }
    const entry = decodeStateEntry(leaf);
    assert.deepEqual([entry.index, entry.previous], [index, this.#tip]);
    assert.ok(entry.time >= this.#time, `time goes back at ${index}`);
    this.#time = entry.time;
    this.#tip = index;
    if (signed) assert.ok(equal(this.#range.root(crypto), signed), `another tree of ${index + 1} was signed`);
  }

  /** The statements themselves, from the bundle of leaf `first` on, hash to their leaves. */
  async #checkStatements(base: string, first: number): Promise<void> {
    const size = this.#leaves.length;
    const from = Math.floor(first / TILE_WIDTH);
    const bundles = Array.from({ length: Math.ceil(size / TILE_WIDTH) - from }, (_, i) => from + i);
    await eachOf(bundles, async (n) => {
      const path = tilePath('statements', n, tileWidth(0, n, size));
      for (const [i, statement] of parseStatementBundle(await bytes(`${base}/${path}`)).entries()) {
        const leaf = this.#leaves[n * TILE_WIDTH + i]!;
        if (statement === null) assert.notEqual(leaf.length, ENTRY_ID);
        else assert.ok(equal(crypto.sha256(statement), leaf), `statement ${n * TILE_WIDTH + i} has changed`);
      }
    });
  }
}

async function bytes(url: string): Promise<Bytes> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
  assert.equal(response.status, 200, `${url} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function text(url: string): Promise<string> {
  return new TextDecoder().decode(await bytes(url));
}

/** A few at a time. */
async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
