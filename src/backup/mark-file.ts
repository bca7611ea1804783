/**
 * The high-water mark in a file on another disk: two slots of one block each, which are written in turn, so that a write
 * that a power cut tears leaves the one before. Each holds a signed checkpoint as text; the log's signature is what tells
 * a whole one from a torn one, and this log's from another's.
 *
 * The file is opened anew for each write, and compared: a disk that was unmounted under the log, or a second log with
 * the same keys that writes the same mark, is noticed before anything is shown to anybody.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { type Bytes, concat, equal, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import type { PublishedMark } from '../log/index.ts';
import { openCheckpoint, type VerifierKey } from '../note/index.ts';
import { createFile } from '../platform/write-file.ts';

/** Of a slot: more than the longest checkpoint, and a whole block of a disk. */
const SLOT = 4096;
const LENGTH = 2 * SLOT;

interface Found {
  readonly note: string;
  readonly size: number;
  readonly slot: 0 | 1;
}

export class MarkFile implements PublishedMark {
  readonly name: string;
  readonly #crypto: Crypto;
  readonly #logKey: VerifierKey;
  /** As it was read or written last. */
  #content: Bytes | undefined;
  /** The slot that is written next: never the one that holds the newest. */
  #next: 0 | 1 = 0;

  constructor(crypto: Crypto, path: string, logKey: VerifierKey) {
    this.#crypto = crypto;
    this.name = path;
    this.#logKey = logKey;
  }

  async read(): Promise<string | null | undefined> {
    this.#content = await this.#load();
    if (this.#content === undefined) return undefined;
    if (this.#content.length === 0) return null;
    const { note, slot } = this.#newest(this.#content);
    this.#next = slot === 0 ? 1 : 0;
    return note;
  }

  async raise(checkpoint: string): Promise<void> {
    const slot = new Uint8Array(SLOT);
    const text = utf8(checkpoint);
    if (text.length >= SLOT) throw fail('INTERNAL', 'a checkpoint is longer than a slot of the mark');
    slot.set(text);
    const before = this.#content;
    const at = before === undefined || before.length === 0 ? 0 : this.#next;
    if (before === undefined) {
      const content = concat(slot, new Uint8Array(SLOT));
      await stored(this.name, async () => createFile(this.name, content, 0o600));
      this.#content = content;
      this.#next = 1;
      return;
    }
    const content = before.length === 0 ? new Uint8Array(LENGTH) : before.slice();
    content.set(slot, at * SLOT);
    // The first write makes the file as long as it stays: later ones change no more than one block.
    await this.#write(before, before.length === 0 ? content : slot, at * SLOT);
    this.#content = content;
    this.#next = at === 0 ? 1 : 0;
  }

  async #write(before: Bytes, bytes: Bytes, position: number): Promise<void> {
    await stored(this.name, async () => {
      const file = await open(this.name, 'r+');
      try {
        if (!equal(await contentOf(file), before)) {
          throw fail(
            'STORAGE_CONFLICT',
            `somebody else has written ${this.name}: another log with these keys?`,
          );
        }
        await file.write(bytes, 0, bytes.length, position);
        await file.datasync();
      } finally {
        await file.close();
      }
    });
  }

  #load(): Promise<Bytes | undefined> {
    return stored(this.name, async () => {
      let file: FileHandle;
      try {
        file = await open(this.name, 'r');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
      return contentOf(file).finally(() => file.close());
    });
  }

  /** @throws CONFIG_INVALID neither slot holds a checkpoint of this log */
  #newest(content: Bytes): Found {
    const whole = content.length === LENGTH ? [this.#slot(content, 0), this.#slot(content, 1)] : [];
    const [newest] = whole.filter((found) => found !== undefined).sort((a, b) => b.size - a.size);
    if (newest) return newest;
    throw fail(
      'CONFIG_INVALID',
      `${this.name} is not a high-water mark of ${this.#logKey.name}, or is damaged. Compare with the witnesses and monitors of the log before you begin it anew with an empty file`,
    );
  }

  #slot(content: Bytes, slot: 0 | 1): Found | undefined {
    const bytes = content.subarray(slot * SLOT, (slot + 1) * SLOT);
    const end = bytes.indexOf(0);
    if (end <= 0) return undefined;
    try {
      const { size } = openCheckpoint(this.#crypto, bytes.subarray(0, end), this.#logKey);
      return { note: new TextDecoder().decode(bytes.subarray(0, end)), size, slot };
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return undefined;
    }
  }
}

async function contentOf(file: FileHandle): Promise<Bytes> {
  // One byte more than it may have: a longer file is not read as a whole to be refused.
  const buffer = new Uint8Array(LENGTH + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.slice(0, length);
}

async function stored<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (isLedgerError(cause)) throw cause;
    throw fail('STORAGE_FAILED', `the high-water mark ${path} cannot be read or written`, { cause });
  }
}
