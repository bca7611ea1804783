/** Files that a command reads and writes; `-` is standard input or output. */
import { createReadStream } from 'node:fs';
import { lstat, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Bytes, concat } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { systemReason } from './system-error.ts';
import type { Output, Terminal } from './terminal.ts';

export const STDIO = '-';
/** Far above every format that is read here; a statement has 1 MiB at most. */
const MAX_INPUT = 16 << 20;

export interface Input {
  /** As the user named it. */
  readonly name: string;
  readonly bytes: Bytes;
}

/** @throws ARGUMENT_INVALID not readable, not a file, or longer than 16 MiB */
export async function readInput(terminal: Terminal, name: string): Promise<Input> {
  const bytes = name === STDIO ? await readAll(terminal.stdin, 'standard input') : await readFromDisk(name);
  return { name, bytes };
}

async function readAll(stream: AsyncIterable<Bytes>, name: string): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > MAX_INPUT) throw tooLong(name);
    parts.push(part);
  }
  return concat(...parts);
}

async function readFromDisk(name: string): Promise<Bytes> {
  try {
    const found = await stat(name);
    if (found.size > MAX_INPUT) throw tooLong(name);
    // A pipe or a device says nothing of its size, and may have no end.
    if (!found.isFile()) return await readAll(createReadStream(name), name);
    const buffer = await readFile(name);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    // Not NOT_FOUND: a script must be able to tell a missing entry from a misspelt file.
    const why = systemReason(cause);
    if (why === undefined) throw cause;
    throw fail('ARGUMENT_INVALID', `cannot read ${name}: ${why}`, { cause });
  }
}

function tooLong(name: string) {
  return fail('ARGUMENT_INVALID', `${name} is longer than ${MAX_INPUT >> 20} MiB`);
}

/** Writes a file as a whole: who reads it meanwhile sees the old one or the new one. @throws ARGUMENT_INVALID */
export async function writeOutput(path: string, content: Bytes | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    // A device, a pipe or a link to one is written to: a file would take its place, for whoever may do that.
    const there = await lstat(path).catch(() => undefined);
    if (there && !there.isFile()) return await writeFile(path, content);
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', `cannot write ${path}: ${systemReason(cause)}`, { cause });
  }
}

/** To the file that `--out` names; without one, or for `-`, to standard output. */
export async function deliver(output: Output, path: string | undefined, bytes: Bytes): Promise<void> {
  if (path === undefined || path === STDIO) output.bytes(bytes, '--out FILE');
  else await writeOutput(path, bytes);
}

/** The name that files beside `input` are derived from. */
export function baseName(input: string): string {
  return input === STDIO ? 'stdin' : basename(input);
}
