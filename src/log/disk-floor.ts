/**
 * Watches free space. A disk that runs full in the middle of a write has broken other logs: below the floor the log
 * turns read-only while there is still room for everything it has promised.
 */
import { statfs } from 'node:fs/promises';

export class DiskFloor {
  readonly #path: string;
  readonly #floor: number;
  readonly #free: (path: string) => Promise<number>;
  readonly #timer: NodeJS.Timeout;
  #below = false;

  /** @param floor bytes; @param free bytes free for this user at `path` (injected in tests) */
  constructor(path: string, floor: number, free = freeBytes, intervalMs = 1000) {
    this.#path = path;
    this.#floor = floor;
    this.#free = free;
    this.#timer = setInterval(() => void this.check(), intervalMs);
    this.#timer.unref();
  }

  get below(): boolean {
    return this.#below;
  }

  /** Looks now. A file system that cannot be asked counts as full: fail closed. */
  async check(): Promise<boolean> {
    try {
      this.#below = (await this.#free(this.#path)) < this.#floor;
    } catch {
      this.#below = true;
    }
    return this.#below;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
