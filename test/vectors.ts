/** Where other projects' vectors and DEPA's real inputs lie: beside the project, not in it. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SHARED = fileURLToPath(new URL('../../shared/', import.meta.url));

/**
 * The absolute path of `path` below ../shared/vectors, or undefined where the folder is not there.
 * In CI a missing folder is a failure: the suite must never pass by skipping.
 */
export function vectors(path: string): string | undefined {
  return shared(`vectors/${path}`);
}

/** The same for ../shared/data. */
export function realData(path: string): string | undefined {
  return shared(`data/${path}`);
}

function shared(path: string): string | undefined {
  const found = `${SHARED}${path}`;
  if (existsSync(found)) return found;
  if (process.env.CI) throw new Error(`${found} is missing, and CI must not skip`);
  return undefined;
}
