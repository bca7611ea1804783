/** What a scenario is played by, as whoever has cloned the repository plays it: processes of this program. */
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const MAX_OUTPUT = 16 << 20;
/** Milliseconds: a machine that does much else is slow. */
const PATIENCE = 600_000;

/** Path of `aichain`, as it is built. */
export const PROGRAM = path('dist/cli/main.js');

/** The scenario of the demo, with made-up data. */
export function smallScenario(folder: string, people: number): void {
  cpSync(path('scenarios/covid-small'), folder, { recursive: true });
  const { code, stderr } = node('scripts/scenario-data.mjs', folder, String(people));
  if (code !== 0) throw new Error(stderr);
}

export interface Played {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run demo -- …`, on what is built. */
export function demo(...args: string[]): Played {
  return node('scripts/demo.mjs', ...args);
}

export function aichain(...args: string[]): Played {
  return started(PROGRAM, args);
}

function node(script: string, ...args: string[]): Played {
  return started(path(script), args);
}

function started(script: string, args: readonly string[]): Played {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    ...{ encoding: 'utf8', maxBuffer: MAX_OUTPUT, timeout: PATIENCE },
  });
  return { code: status, stdout, stderr };
}
