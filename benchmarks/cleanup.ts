/**
 * What a bench would leave behind: processes that it started, folders that it made. They are taken away however it ends, by itself,
 * by an error or by a signal that can be heard.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const children = new Set<ChildProcess>();
const folders = new Set<string>();
let made = 0;

process.on('exit', cleanUp);

/** Kills it when the bench ends before it does. @returns the same */
export function tied<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  listen();
  child.once('exit', () => {
    children.delete(child);
    listen();
  });
  return child;
}

/** @returns path of a new folder for temporary files, which is removed when the bench ends, if nobody does it before */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `aichain-${name}-`));
  folders.add(folder);
  made += 1;
  listen();
  return folder;
}

/** How many there have been so far: a suite without one waits for no disk. */
export function foldersMade(): number {
  return made;
}

export function removeFolder(folder: string): void {
  // Who was just killed may have been about to write a file.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  folders.delete(folder);
  listen();
}

/** Ends at once what still runs, and removes what is still there. */
export function cleanUp(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) removeFolder(folder);
}

function interrupted(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}

/** Only as long as there is something to clean up: a signal is heard between two turns, and some suites have one long one. */
function listen(): void {
  for (const signal of SIGNALS) {
    process.off(signal, interrupted);
    if (children.size + folders.size > 0) process.on(signal, interrupted);
  }
}
