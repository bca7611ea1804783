/** Files that a crash leaves whole or not at all: written aside, synced, and only then given their name. */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Bytes, utf8 } from '../core/bytes.ts';

/** Replaces a file as a whole: who reads it sees the old content or the new, after a crash too. */
export function writeFileAtomically(path: string, text: string): void {
  const aside = writeAside(path, utf8(text), 0o644);
  renameSync(aside, path);
}

/**
 * The same without holding up the thread: durable when it resolves, but for the file's name, which a power cut may set back
 * to the content before.
 */
export async function writeFileAside(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  const file = await open(aside, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
}

/** Makes a file that is not there, as a whole and durable when this returns. @throws EEXIST */
export function createFile(path: string, content: Bytes | string, mode: number): void {
  const aside = writeAside(path, typeof content === 'string' ? utf8(content) : content, mode);
  try {
    giveName(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
  syncFolder(dirname(path));
}

/** A file that is written piece by piece, and has a name only when it is whole and durable. */
export class NewFile {
  static #count = 0;
  readonly #folder: string;
  readonly #aside: string;
  readonly #file: FileHandle;

  /** @param mode such as 0o600 */
  static async in(folder: string, mode: number): Promise<NewFile> {
    const aside = join(folder, `.${process.pid}-${NewFile.#count++}.tmp`);
    // What is there was left by a process of the same number, as in `writeAside`.
    rmSync(aside, { force: true });
    return new NewFile(folder, aside, await open(aside, 'wx', mode));
  }

  private constructor(folder: string, aside: string, file: FileHandle) {
    this.#folder = folder;
    this.#aside = aside;
    this.#file = file;
  }

  async write(bytes: Bytes): Promise<void> {
    await this.#file.appendFile(bytes);
  }

  /** @returns the path. @throws EEXIST */
  async commit(name: string): Promise<string> {
    const path = join(this.#folder, name);
    try {
      await this.#file.sync();
      giveName(this.#aside, path);
    } finally {
      await this.abandon();
    }
    syncFolder(this.#folder);
    return path;
  }

  /** Safe to call after a commit. */
  async abandon(): Promise<void> {
    await this.#file.close();
    rmSync(this.#aside, { force: true });
  }
}

/**
 * mkdir -p, with every new folder's entry synced into its parent. Node's own never returns where a folder cannot be made below
 * one that is there, as in /proc.
 */
export function makeFolder(path: string, mode = 0o700): void {
  const missing: string[] = [];
  for (let folder = resolve(path); !isThere(folder); folder = dirname(folder)) missing.unshift(folder);
  // Of what is there and is no folder, the system says so.
  if (missing.length === 0 && !statSync(path).isDirectory()) mkdirSync(path);
  for (const folder of missing) {
    try {
      mkdirSync(folder, mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isThere(folder)) throw error; // made by another meanwhile
    }
    syncFolder(dirname(folder));
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function writeAside(path: string, content: Bytes, mode: number): string {
  const aside = `${path}.${process.pid}.tmp`;
  // Not exclusive: in a container the process that was killed here before had the same number.
  const file = openSync(aside, 'w', mode);
  try {
    chmodSync(aside, mode);
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return aside;
}

/** A link, unlike a rename, never replaces what is there. */
function giveName(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    copyFileSync(aside, path, constants.COPYFILE_EXCL); // a file system without links, such as a memory stick's
  }
}

/** A name is durable only when its folder is. Not every platform lets a folder be opened. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
