// Builds dist/: generated protocol code, then TypeScript. `npm ci` runs it through `prepare`.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });

run('scripts/proto.mjs');
rmSync('dist', { recursive: true, force: true });
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
mkdirSync('dist/proto', { recursive: true });
cpSync('src/proto', 'dist/proto', { recursive: true });
chmodSync('dist/cli/main.js', 0o755);
