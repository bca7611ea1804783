/**
 * The log's receipt signature over a tree (FORMATS §4): one for all receipts of that tree, so that it can be taken from
 * any of them. The receipts that the mirror then gives for other entries differ only in their paths, which are its own.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeReceipt } from '../cose/index.ts';
import { makeMisbehaviour, type Placement, type Trust, verifyReceipt } from '../verify/index.ts';
import type { Copy } from './copy.ts';
import type { Finding } from './evidence.ts';

/** Milliseconds after which a log that gave none is asked again. */
const PATIENCE = 10_000;

interface ReceiptOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly copy: Copy;
  readonly receipt: (entryId: Bytes, signal: AbortSignal) => Promise<Bytes>;
}

interface Taken {
  readonly entryId: Bytes;
  readonly bytes: Bytes;
  readonly placement: Placement;
}

export class ReceiptTaker {
  readonly #options: ReceiptOptions;
  /** Over a tree that the copy has not reached yet: the log is ahead of its checkpoint. */
  #waiting: Taken | undefined;
  #askAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReceiptOptions) {
    this.#options = options;
  }

  /** Takes the signature of the newest head, or of one that is a little ahead, if it is to be had. */
  async take(signal: AbortSignal): Promise<Finding | undefined> {
    const { copy } = this.#options;
    const size = copy.newest?.head.size ?? 0;
    if (size === 0 || (copy.heads.receipt?.size ?? 0) >= size) return undefined;
    this.#waiting ??= await this.#ask(signal);
    if (!this.#waiting || this.#waiting.placement.head.size > copy.tree.size) return undefined;
    const taken = this.#waiting;
    this.#waiting = undefined;
    return this.#check(taken);
  }

  async #ask(signal: AbortSignal): Promise<Taken | undefined> {
    if (performance.now() < this.#askAt) return undefined;
    const { crypto, trust, copy, receipt } = this.#options;
    const { size } = copy.newest!.head;
    // The statement before the tip: a name that no cache has an old answer to.
    const record = await copy.leaves.record(Math.max(0, size - 2), size);
    if (record.isStateEntry) return undefined;
    const entryId = crypto.sha256(record.bytes);
    try {
      const bytes = await receipt(entryId, signal);
      return { entryId, bytes, placement: verifyReceipt(crypto, trust, bytes, entryId) };
    } catch (error) {
      // A server may serve tiles only, and what is no receipt convicts nobody. Receipts stay at the head before.
      if (!isLedgerError(error)) throw error;
      this.#askAt = performance.now() + PATIENCE;
      return undefined;
    }
  }

  async #check({ entryId, bytes, placement }: Taken): Promise<Finding | undefined> {
    const { crypto, trust, copy } = this.#options;
    const { size, root } = placement.head;
    if (!equal(await copy.tree.rootAt(size), root)) {
      const { checkpoint, size: newest } = copy.newest!.head;
      const index = size - 1;
      const held = await copy.heads.ofSize(size);
      const receipt = { receipt: bytes, entryId };
      const proof = held
        ? makeMisbehaviour(crypto, trust, { kind: 'fork', heads: [receipt, held.checkpoint] })
        : makeMisbehaviour(crypto, trust, {
            kind: 'rewrite',
            heads: [receipt, checkpoint],
            leaf: {
              index,
              leafHash: await copy.tree.leafHash(index),
              path: await copy.tree.inclusionPath(index, newest),
            },
          });
      const message = `the log has signed another tree of ${size} in a receipt than in its checkpoints`;
      return { error: fail('FORK', message), checkpoints: [checkpoint], proof };
    }
    const { protectedBytes, signature } = decodeReceipt(bytes).sign1;
    await copy.keepReceipt({
      size,
      receipt: { protectedBytes: protectedBytes.slice(), signature: signature.slice() },
    });
    return undefined;
  }
}
