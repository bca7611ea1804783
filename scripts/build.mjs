// Builds dist/: generated protocol code, then TypeScript. `npm ci` runs it through `prepare`.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });

run('scripts/proto.mjs');
// Built aside and moved into place: what runs from dist/ meanwhile, or after a failed build, still finds its files.
const built = mkdtempSync('.build-');
try {
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', built);
  mkdirSync(`${built}/proto`, { recursive: true });
  cpSync('src/proto', `${built}/proto`, { recursive: true });
  chmodSync(built, 0o755);
  chmodSync(`${built}/cli/main.js`, 0o755);
  rmSync('dist', { recursive: true, force: true });
  renameSync(built, 'dist');
} finally {
  rmSync(built, { recursive: true, force: true });
}
