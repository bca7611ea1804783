/**
 * Where a log is put together before it is one: a folder inside its data folder, so that what has been verified gets to
 * its place by renames. While it is there no log starts on that data folder.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { makeFolder, syncFolder } from '../platform/write-file.ts';

const NAME = '.restoring';
/** What an empty file system of its own has. */
const OF_THE_FILE_SYSTEM = 'lost+found';

/** @throws CONFIG_INVALID a restore into this folder did not come to its end, or is not there yet */
export function assertNotRestoring(dataDir: string): void {
  if (!existsSync(join(dataDir, NAME))) return;
  throw fail(
    'CONFIG_INVALID',
    `${dataDir} holds what a restore has not finished: if none is running, empty the folder and restore again`,
  );
}

export class Staging {
  readonly #target: string;
  readonly #folder: string;
  readonly #made: boolean;

  /** @throws ARGUMENT_INVALID there is something in the folder: a restore replaces nothing */
  static begin(target: string): Staging {
    const made = !existsSync(target);
    if (made) makeFolder(target);
    assertNotRestoring(target);
    const found = readdirSync(target).find((name) => name !== OF_THE_FILE_SYSTEM);
    if (found !== undefined) {
      throw fail('ARGUMENT_INVALID', `${target} is not empty (${found}): a restore replaces nothing`);
    }
    const folder = join(target, NAME);
    mkdirSync(folder, { mode: 0o700 });
    return new Staging(target, folder, made);
  }

  private constructor(target: string, folder: string, made: boolean) {
    this.#target = target;
    this.#folder = folder;
    this.#made = made;
  }

  /** A folder to put a log together in that becomes none: see {@link abandon}. */
  get folder(): string {
    return this.#folder;
  }

  /** Everything that was put together, to its place, durable when this returns. */
  finish(): void {
    for (const name of readdirSync(this.#folder)) {
      renameSync(join(this.#folder, name), join(this.#target, name));
    }
    // The names first, then the sign that they are not complete.
    syncFolder(this.#target);
    rmdirSync(this.#folder);
    syncFolder(this.#target);
  }

  abandon(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    if (this.#made) rmdirSync(this.#target);
  }
}
