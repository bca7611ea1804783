/** The encrypted files that a clean room is given, by the dataset that each says it is of. They may lie anywhere: none is trusted. */
import { createReadStream } from 'node:fs';
import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { statedIn } from '../sealed-file.ts';

/** What is read into memory: twice, once it is opened. */
const MAX_FILE = 512 * 1024 * 1024;
const MAX_FILES = 1024;

export class SealedFolder {
  /** Path by dataset and version. */
  readonly #paths: ReadonlyMap<string, string>;

  /** Files of other formats are passed over. @throws ARGUMENT_INVALID not a folder, too many files, two for one dataset */
  static async open(folder: string): Promise<SealedFolder> {
    const paths = new Map<string, string>();
    let seen = 0;
    try {
      for await (const entry of await opendir(folder)) {
        if (!entry.isFile()) continue;
        if (++seen > MAX_FILES) throw fail('ARGUMENT_INVALID', `more than ${MAX_FILES} files in ${folder}`);
        const path = join(folder, entry.name);
        const name = await nameOf(path);
        if (name === undefined) continue;
        if (paths.has(name))
          throw fail('ARGUMENT_INVALID', `${paths.get(name)} and ${path} are both ${name}`);
        paths.set(name, path);
      }
    } catch (cause) {
      if (isLedgerError(cause)) throw cause;
      throw fail('ARGUMENT_INVALID', `cannot read the folder ${folder}`, { cause });
    }
    return new SealedFolder(paths);
  }

  private constructor(paths: ReadonlyMap<string, string>) {
    this.#paths = paths;
  }

  /** All of its bytes, read once: what is hashed is what is opened. @throws ARGUMENT_INVALID not there, or too large */
  async read(dataset: string, version: number): Promise<Bytes> {
    const path = this.#paths.get(key(dataset, version));
    if (path === undefined) {
      throw fail('ARGUMENT_INVALID', `no encrypted file of ${dataset}, version ${version}, was given`);
    }
    const { size } = await stat(path);
    if (size > MAX_FILE) throw fail('ARGUMENT_INVALID', `${path} is larger than ${MAX_FILE} bytes`);
    return readFile(path);
  }
}

async function nameOf(path: string): Promise<string | undefined> {
  const stream = createReadStream(path);
  try {
    const { subject, version } = await statedIn(stream);
    return key(subject, version);
  } catch (error) {
    if (isLedgerError(error, 'SEALED_FILE_INVALID')) return undefined;
    throw error;
  } finally {
    stream.destroy();
  }
}

function key(dataset: string, version: number): string {
  return `${dataset} version ${version}`;
}
