// Builds dist/: generated protocol code, then TypeScript, then the program as a bundle. `npm ci` runs it through
// `prepare`.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });

run('scripts/proto.mjs');
// Built aside and moved into place: what runs from dist/ meanwhile, or after a failed build, still finds its files.
const built = mkdtempSync('.build-');
try {
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', built);
  // The compiler leaves dynamic imports as they are in a file that has a `using` declaration.
  for (const file of readdirSync(built, { recursive: true })) {
    if (!file.endsWith('.js')) continue;
    const text = readFileSync(`${built}/${file}`, 'utf8');
    const rewritten = text.replace(/(\bimport\(\s*(['"])\.{1,2}\/[^'"\n]*)\.ts\2/g, '$1.js$2');
    if (rewritten !== text) writeFileSync(`${built}/${file}`, rewritten);
  }
  mkdirSync(`${built}/proto`, { recursive: true });
  cpSync('src/proto', `${built}/proto`, { recursive: true });
  await bundle(built);
  chmodSync(built, 0o755);
  chmodSync(`${built}/cli/main.js`, 0o755);
  rmSync('dist', { recursive: true, force: true });
  renameSync(built, 'dist');
} finally {
  rmSync(built, { recursive: true, force: true });
}
