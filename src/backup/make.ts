/** Writes a backup: the frames of the log, then the files beside it, to one file that nobody else may read. */
import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { NewFile } from '../platform/write-file.ts';
import {
  type BackupHead,
  decodeBackupEnd,
  decodeBackupHead,
  encodeBackupEnd,
  encodeFile,
  type FileContent,
} from './content.ts';
import { BACKUP, FRAME, type Frame, FrameWriter, KEYS } from './frames.ts';

export interface Backup {
  readonly path: string;
  readonly head: BackupHead;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** Names the whole: SHA-256, hex. */
  readonly digest: string;
}

const READ_BY_OWNER = 0o600;

/**
 * @param to a file that is not there, or a folder, in which it gets a name of its own
 * @throws ARGUMENT_INVALID the file is there, or cannot be written; whatever the log and the files throw
 */
export async function writeBackup(
  hasher: Hasher,
  to: string,
  log: AsyncIterable<Frame>,
  files: AsyncIterable<FileContent>,
): Promise<Backup> {
  const place = placeOf(to);
  const out = await Output.begin(hasher, BACKUP, place.folder);
  try {
    let head: BackupHead | undefined;
    let rows = 0;
    for await (const frame of log) {
      if (frame.type === FRAME.HEAD) head = decodeBackupHead(frame.content);
      if (frame.type === FRAME.END) rows = decodeBackupEnd(frame.content).rows;
      else await out.add(frame);
    }
    if (!head) throw fail('BACKUP_MALFORMED', 'the log was sent without its head');
    const count = await out.addFiles(files);
    await out.add({ type: FRAME.END, content: encodeBackupEnd({ rows, files: count }) });
    const path = await out.commit(place.name ?? nameOf(head));
    return { path, head, rows, files: count, bytes: out.bytes, digest: toHex(out.digest) };
  } catch (error) {
    await out.abandon();
    throw error;
  }
}

/** The key files, apart from everything else. @throws ARGUMENT_INVALID */
export async function writeKeyBackup(
  hasher: Hasher,
  to: string,
  files: AsyncIterable<FileContent>,
): Promise<string> {
  const { folder, name } = placeOf(to);
  if (name === undefined) throw fail('ARGUMENT_INVALID', `${to} is a folder: name the file of the keys`);
  const out = await Output.begin(hasher, KEYS, folder);
  try {
    const count = await out.addFiles(files);
    await out.add({ type: FRAME.END, content: encodeBackupEnd({ rows: 0, files: count }) });
    return await out.commit(name);
  } catch (error) {
    await out.abandon();
    throw error;
  }
}

class Output {
  readonly #writer: FrameWriter;
  readonly #file: NewFile;
  bytes = 0;

  static async begin(hasher: Hasher, line: string, folder: string): Promise<Output> {
    const writer = new FrameWriter(hasher, line);
    const out = new Output(writer, await writing(() => NewFile.in(folder, READ_BY_OWNER)));
    await out.#write(writer.line);
    return out;
  }

  private constructor(writer: FrameWriter, file: NewFile) {
    this.#writer = writer;
    this.#file = file;
  }

  get digest(): Bytes {
    return this.#writer.digest;
  }

  add(frame: Frame): Promise<void> {
    return this.#write(this.#writer.frame(frame));
  }

  async addFiles(files: AsyncIterable<FileContent>): Promise<number> {
    let count = 0;
    for await (const file of files) {
      await this.add({ type: FRAME.FILE, content: encodeFile(file) });
      count += 1;
    }
    return count;
  }

  commit(name: string): Promise<string> {
    return writing(() => this.#file.commit(name));
  }

  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  async #write(bytes: Bytes): Promise<void> {
    await writing(() => this.#file.write(bytes));
    this.bytes += bytes.length;
  }
}

/** @throws ARGUMENT_INVALID it is there: a backup never replaces another one */
function placeOf(to: string): { folder: string; name: string | undefined } {
  const found = statSync(to, { throwIfNoEntry: false });
  if (found?.isDirectory()) return { folder: to, name: undefined };
  if (found) throw fail('ARGUMENT_INVALID', `${to} is there already: a backup replaces nothing`);
  return { folder: dirname(resolve(to)), name: basename(to) };
}

/** In the order in which they were made, when they are listed. */
function nameOf({ madeAt, size }: BackupHead): string {
  const time = new Date(madeAt).toISOString().replace(/[-:]|\.\d+/g, '');
  return `aichain-${time}-${size}.backup`;
}

async function writing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (isLedgerError(cause)) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw fail('ARGUMENT_INVALID', `the backup cannot be written: ${code ?? cause}`, { cause });
  }
}
