/** What a scenario is played by, as whoever has cloned the repository plays it: processes of this program. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const MAX_OUTPUT = 16 << 20;
/** Milliseconds: a machine that does much else is slow. */
const PATIENCE = 600_000;

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
  return node('dist/cli/main.js', ...args);
}

function node(script: string, ...args: string[]): Played {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path(script), ...args], {
    ...{ encoding: 'utf8', maxBuffer: MAX_OUTPUT, timeout: PATIENCE },
  });
  return { code: status, stdout, stderr };
}
