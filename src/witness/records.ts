/**
 * What the witness has cosigned last of each log: one row a log, its checkpoint with the witness's own signature. A
 * row is replaced only by compare-and-swap, and the storage has synced it when the call returns: whatever is answered
 * after that cannot be forgotten.
 */
import { type Bytes, equal, fromUtf8, toHex, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  type Checkpoint,
  formatVerifierKey,
  openNote,
  parseCheckpoint,
  type VerifierKey,
} from '../note/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';

/** The last cosigned checkpoint of a log. */
export interface CosignedRecord {
  /** The row as it is stored: the signed note in UTF-8. */
  readonly row: Bytes;
  readonly checkpoint: Checkpoint;
  /** Of the witness's own cosignature, Unix seconds. */
  readonly timestamp: number;
}

const KEY_ROW = utf8('K');
const rowKey = (hash: Bytes) => utf8(`c${toHex(hash)}`);

export class CosignedRecords {
  readonly #crypto: Crypto;
  readonly #storage: Storage;
  readonly #witness: VerifierKey;

  /**
   * Opens the records of one witness; an empty storage becomes this one's.
   * @throws CONFIG_INVALID they are those of another key, whose promises this one does not know
   */
  static async open(crypto: Crypto, storage: Storage, witness: VerifierKey): Promise<CosignedRecords> {
    const own = utf8(formatVerifierKey(witness));
    const known = await storage.get(KEY_ROW);
    if (!known) {
      await storage.write(new WriteBatch().put(KEY_ROW, own), { key: KEY_ROW, value: undefined });
    } else if (!equal(known, own)) {
      throw fail('CONFIG_INVALID', `the records are those of the witness ${fromUtf8(known)}`);
    }
    return new CosignedRecords(crypto, storage, witness);
  }

  private constructor(crypto: Crypto, storage: Storage, witness: VerifierKey) {
    this.#crypto = crypto;
    this.#storage = storage;
    this.#witness = witness;
  }

  /**
   * @param hash SHA-256 of the origin
   * @throws LOG_CORRUPT the stored row is not what this witness has signed
   */
  async get(hash: Bytes): Promise<CosignedRecord | undefined> {
    const row = await this.#storage.get(rowKey(hash));
    if (!row) return undefined;
    try {
      const { text, cosignatures } = openNote(this.#crypto, row, [this.#witness]);
      const checkpoint = parseCheckpoint(text);
      if (!equal(this.#crypto.sha256(utf8(checkpoint.origin)), hash)) throw new Error('of another origin');
      return { row, checkpoint, timestamp: cosignatures[0]!.timestamp };
    } catch (cause) {
      throw fail('LOG_CORRUPT', 'a stored record is not what this witness has signed', { cause });
    }
  }

  /**
   * Durable when it resolves.
   * @param before what {@link get} has answered; @param note with the witness's signature
   * @throws STORAGE_CONFLICT it is another one by now: nothing was written
   */
  async replace(hash: Bytes, before: CosignedRecord | undefined, note: string): Promise<void> {
    const key = rowKey(hash);
    await this.#storage.write(new WriteBatch().put(key, utf8(note)), { key, value: before?.row });
  }
}
