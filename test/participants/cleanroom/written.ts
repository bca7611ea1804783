/** A process of this program, and what it has made or opened for writing, as the kernel saw it. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
export const STRACE = ['/usr/bin/strace', '/bin/strace', '/usr/local/bin/strace'].find(existsSync);
/** Not each of them is there on every machine. */
const CALLS = [
  ...['open', 'openat', 'openat2', 'creat', 'mkdir', 'mkdirat', 'mknod', 'mknodat', 'truncate'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat'],
].map((name) => `?${name}`);
const OPENS = /^open/;
const WRITES = /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/;
const CALL = /^\d+ +([a-z0-9]+)\((.*)\) = \d/gm;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param trace file for it, if there is strace */
export function aichainProcess(trace: string, args: readonly string[]): Promise<Ended> {
  const aichain = [process.execPath, PROGRAM, ...args];
  const traced = ['-f', '--seccomp-bpf', '-s', '4096', '-o', trace, '-e', `trace=${CALLS.join(',')}`];
  const [command, ...rest] = STRACE === undefined ? aichain : [STRACE, ...traced, ...aichain];
  return new Promise((done) => {
    execFile(command!, rest, (error, stdout, stderr) =>
      done({ code: Number(error ? (error.code ?? 1) : 0), stdout, stderr }),
    );
  });
}

/** Paths. A call that another thread interrupts is in two lines, of which the first tells. */
export function writtenIn(trace: string): string[] {
  const text = readFileSync(trace, 'utf8').replaceAll(' <unfinished ...>', ') = 0');
  const paths = [...text.matchAll(CALL)].flatMap(([, call, said]) => {
    if (OPENS.test(call!) && !WRITES.test(said!)) return [];
    return [...said!.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path]) => resolve(path!));
  });
  return [...new Set(paths)];
}
