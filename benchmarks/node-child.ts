/** Processes of node that a suite starts. They end with the bench, and are profiled when it profiles. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { tied } from './cleanup.ts';

export type NodeChild = ChildProcessByStdio<null, Readable, null>;

let folder: string | undefined;
/** By process id. */
const roles = new Map<number, string>();

/** From now on every process that is started leaves profiles of its threads in the folder when it ends by itself. */
export function profileInto(path: string): void {
  folder = path;
}

export function profiling(): boolean {
  return folder !== undefined;
}

/**
 * Its errors go where the bench's own go; what it prints has to be read.
 * @param role what it is called in profiles; a second one of the same role gets a number
 * @param args of node: the file, and what is for it
 */
export function startNode(role: string, args: readonly string[]): NodeChild {
  const profile = folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder];
  const child = spawn(process.execPath, [...profile, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.pid !== undefined) roles.set(child.pid, numbered(role));
  return tied(child);
}

/** Resolves when the process has ended. */
export function ended(child: NodeChild): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** @param file of a profile, as node names it: CPU.DATE.TIME.PROCESS.THREAD.NUMBER.cpuprofile; undefined: it is none */
export function threadOf(file: string): string | undefined {
  const [, pid, thread] = /^CPU\.\d+\.\d+\.(\d+)\.(\d+)\.\d+\.cpuprofile$/.exec(file) ?? [];
  const role = roles.get(Number(pid));
  return role && `${role}-${thread === '0' ? 'main' : `thread-${thread}`}`;
}

function numbered(role: string): string {
  const taken = new Set(roles.values());
  if (!taken.has(role)) return role;
  let n = 2;
  while (taken.has(`${role}-${n}`)) n += 1;
  return `${role}-${n}`;
}
