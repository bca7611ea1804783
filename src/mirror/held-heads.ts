/**
 * What a mirror keeps of its log's signatures: the newest checkpoints, each as its cosigners have signed it, and the
 * receipt signature of the newest head that one is known of. A mirror signs nothing, so these are all that it can show.
 */
import type { Bytes } from '../core/bytes.ts';
import { type CborMap, decode, encode } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import {
  MIRRORED_HEADS,
  MIRRORED_RECEIPT_KEY,
  mirroredHeadKey,
  type ReceiptHead,
  type SignedHead,
} from '../log/index.ts';
import type { Storage, WriteBatch } from '../storage/index.ts';

/** A checkpoint as it was received, with what it says. */
export type HeldHead = Omit<SignedHead, 'time'>;

/** Heads that are kept: proofs can be asked for at each of them. */
const KEPT = 1024;

export class HeldHeads {
  readonly #storage: Storage;
  /** Ascending. */
  readonly #sizes: number[] = [];
  #newest: HeldHead | undefined;
  #receipt: ReceiptHead | undefined;

  /** @throws LOG_CORRUPT, STORAGE_FAILED */
  static async open(storage: Storage): Promise<HeldHeads> {
    const heads = new HeldHeads(storage);
    for await (const [, row] of storage.range(MIRRORED_HEADS)) heads.#remember(decodeHead(row));
    const receipt = await storage.get(MIRRORED_RECEIPT_KEY);
    heads.#receipt = receipt && decodeReceiptHead(receipt);
    return heads;
  }

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The newest that the log is known to have signed: the copy may not have reached it yet. */
  get newest(): HeldHead | undefined {
    return this.#newest;
  }

  get receipt(): ReceiptHead | undefined {
    return this.#receipt;
  }

  /** @throws LOG_CORRUPT, STORAGE_FAILED */
  async ofSize(size: number): Promise<HeldHead | undefined> {
    if (size === this.#newest?.size) return this.#newest;
    if (!this.#sizes.includes(size)) return undefined;
    const row = await this.#storage.get(mirroredHeadKey(size));
    return row && decodeHead(row);
  }

  /** Adds a head, or the same with other cosignatures. @returns to be called when the batch is durable */
  add(batch: WriteBatch, { size, root, checkpoint }: HeldHead): () => void {
    batch.put(mirroredHeadKey(size), encode({ size, root, checkpoint }));
    if (this.#sizes.length >= KEPT && !this.#sizes.includes(size)) {
      batch.del(mirroredHeadKey(this.#sizes[0]!));
    }
    return () => this.#remember({ size, root, checkpoint });
  }

  /** @returns to be called when the batch is durable */
  addReceipt(batch: WriteBatch, receipt: ReceiptHead): () => void {
    batch.put(
      MIRRORED_RECEIPT_KEY,
      encode({
        size: receipt.size,
        protected: receipt.receipt.protectedBytes,
        signature: receipt.receipt.signature,
      }),
    );
    return () => {
      this.#receipt = receipt;
    };
  }

  #remember(head: HeldHead): void {
    if (!this.#sizes.includes(head.size)) {
      this.#sizes.push(head.size);
      this.#sizes.sort((a, b) => a - b);
      if (this.#sizes.length > KEPT) this.#sizes.shift();
    }
    if (!this.#newest || head.size >= this.#newest.size) this.#newest = head;
  }
}

function decodeHead(row: Bytes): HeldHead {
  const map = mapOf(row);
  const [size, root, checkpoint] = ['size', 'root', 'checkpoint'].map((name) => map.get(name));
  if (typeof size !== 'number' || typeof checkpoint !== 'string' || !isHash(root)) throw malformed();
  return { size, root, checkpoint };
}

function decodeReceiptHead(row: Bytes): ReceiptHead {
  const map = mapOf(row);
  const [size, protectedBytes, signature] = ['size', 'protected', 'signature'].map((name) => map.get(name));
  if (
    typeof size !== 'number' ||
    !(protectedBytes instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  ) {
    throw malformed();
  }
  return { size, receipt: { protectedBytes, signature } };
}

function isHash(value: unknown): value is Bytes {
  return value instanceof Uint8Array && value.length === 32;
}

function mapOf(row: Bytes): CborMap {
  try {
    const value = decode(row);
    if (value instanceof Map) return value as CborMap;
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
  }
  throw malformed();
}

function malformed() {
  return fail('LOG_CORRUPT', 'a head that the mirror has kept is malformed');
}
