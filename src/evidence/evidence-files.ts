/**
 * Evidence in files, each named by the SHA-256 of its content: what is read is what was written, or an error. A file is
 * there as a whole or not at all, a crash included.
 */
import { constants } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { makeFolder } from '../platform/write-file.ts';

export interface EvidenceLimits {
  /** Bytes of one piece. */
  readonly maxBytes: number;
  /** Bytes of all together. */
  readonly totalBytes: number;
  /** What a file counts for at least (0): many small ones fill a disk, too. */
  readonly blockBytes?: number;
}

const NAME = /^[0-9a-f]{64}$/;
const UNFINISHED = /^[0-9a-f]{64}\.tmp$/;

export class EvidenceFiles {
  readonly limits: EvidenceLimits;
  readonly #crypto: Hasher;
  readonly #folder: string;
  #total: number;
  /** One write at a time: the total is right, and two uploads of one piece do not meet. */
  #last: Promise<unknown> = Promise.resolve();

  /** Makes the folder if it is not there. @throws STORAGE_FAILED */
  static async open(crypto: Hasher, folder: string, limits: EvidenceLimits): Promise<EvidenceFiles> {
    return stored(async () => {
      makeFolder(folder);
      let total = 0;
      for (const name of await readdir(folder)) {
        // What a crash left: it has no name that anybody was told.
        if (UNFINISHED.test(name)) await rm(join(folder, name), { force: true });
        else if (NAME.test(name)) total += counted((await stat(join(folder, name))).size, limits);
      }
      return new EvidenceFiles(crypto, folder, limits, total);
    });
  }

  private constructor(crypto: Hasher, folder: string, limits: EvidenceLimits, total: number) {
    this.#crypto = crypto;
    this.#folder = folder;
    this.limits = limits;
    this.#total = total;
  }

  /**
   * Durable when it resolves. @returns false if it was there before
   * @throws REQUEST_TOO_LARGE; EVIDENCE_DIGEST_MISMATCH other bytes than the digest's; EVIDENCE_STORE_FULL; STORAGE_FAILED
   */
  put(digest: Bytes, bytes: Bytes): Promise<boolean> {
    const written = this.#last.then(() => this.#put(digest, bytes));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #put(digest: Bytes, bytes: Bytes): Promise<boolean> {
    const { maxBytes, totalBytes } = this.limits;
    if (bytes.length > maxBytes) throw fail('REQUEST_TOO_LARGE', `evidence has at most ${maxBytes} bytes`);
    if (!equal(this.#crypto.sha256(bytes), digest)) {
      throw fail('EVIDENCE_DIGEST_MISMATCH', 'the bytes are not those of the digest');
    }
    const path = this.#path(digest);
    const before = await stored(() => contentOf(path));
    if (before && equal(before, bytes)) return false;
    // A damaged file is replaced by what it was.
    const more = counted(bytes.length, this.limits) - (before ? counted(before.length, this.limits) : 0);
    if (this.#total + more > totalBytes) {
      throw fail('EVIDENCE_STORE_FULL', `the store takes ${totalBytes} bytes`);
    }
    await stored(() => this.#write(path, bytes));
    this.#total += more;
    return true;
  }

  /** @throws EVIDENCE_NOT_FOUND; EVIDENCE_CORRUPT the file is not what was written; STORAGE_FAILED */
  async get(digest: Bytes): Promise<Bytes> {
    const path = this.#path(digest);
    const bytes = await stored(() => contentOf(path));
    if (!bytes) throw fail('EVIDENCE_NOT_FOUND', 'no evidence of this digest is stored');
    if (!equal(this.#crypto.sha256(bytes), digest)) {
      throw fail('EVIDENCE_CORRUPT', `the file of ${toHex(digest)} has other bytes`);
    }
    return bytes;
  }

  #path(digest: Bytes): string {
    if (digest.length !== 32) throw fail('ARGUMENT_INVALID', 'evidence is named by a SHA-256');
    return join(this.#folder, toHex(digest));
  }

  async #write(path: string, bytes: Bytes): Promise<void> {
    const aside = `${path}.tmp`;
    const file = await open(aside, 'w', 0o600);
    try {
      await file.writeFile(bytes);
      // Before the rename: a name that points to bytes that a power cut took would be damaged evidence.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    await syncFolder(this.#folder);
  }
}

function counted(length: number, { blockBytes = 0 }: EvidenceLimits): number {
  return Math.max(length, blockBytes);
}

async function contentOf(path: string): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a file system says is a failure of the storage. @throws STORAGE_FAILED */
async function stored<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw fail('STORAGE_FAILED', 'the evidence store cannot be read or written', { cause });
  }
}

/** A name is durable only when its folder is. Not every platform lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
