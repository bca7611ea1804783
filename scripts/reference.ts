/**
 * Writes docs/reference/ from the declarations in the code: `npm run reference`. A test fails when a file is stale.
 * With `--check` nothing is written; the exit code says whether all is current.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { attestation } from './reference/attestation.ts';
import { bodies } from './reference/cddl.ts';
import { codes } from './reference/codes.ts';
import { configuration } from './reference/configuration.ts';
import { kinds } from './reference/kinds.ts';
import { refusals } from './reference/refusals.ts';

const folder = new URL('../docs/reference/', import.meta.url);
const pages = {
  'codes.md': codes(),
  'kinds.md': kinds(),
  'refusals.md': refusals(),
  'attestation.md': attestation(),
  'bodies.cddl': bodies(),
  'configuration.md': configuration(),
};
const check = process.argv.includes('--check');
let stale = false;
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  const path = new URL(name, folder);
  if (!check) writeFileSync(path, text);
  else if (stored(path) !== text) {
    console.error(`docs/reference/${name} is stale: run npm run reference`);
    stale = true;
  }
}
process.exitCode = stale ? 1 : 0;

function stored(path: URL): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
