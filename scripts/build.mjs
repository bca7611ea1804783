// Builds dist/: generated protocol code, then TypeScript, then the program as a bundle. `npm ci` runs it through
// `prepare`; so does npx in a clone, each time that it has not seen it before, and has nothing to wait for then:
// `--if-changed` builds only what other sources were built to.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });

const STAMP = 'dist/.built-from';
/** Milliseconds. */
const ABANDONED = 3_600_000;
const CONFIGURATION = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
const SOURCES = ['src', 'proto', 'scripts', ...CONFIGURATION];
const stamp = digestOf(...SOURCES);
if (process.argv.includes('--if-changed') && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) {
  process.exit();
}

run('scripts/proto.mjs');
sweep();
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
  // Of sources that were changed meanwhile nobody knows what was built.
  if (digestOf(...SOURCES) === stamp) writeFileSync(`${built}/${STAMP.slice('dist/'.length)}`, stamp);
  putInPlace(built);
} finally {
  rmSync(built, { recursive: true, force: true });
}

/** Two renames: who is interrupted has the old folder, or the new one, but for the moment between them. */
function putInPlace(folder) {
  const old = mkdtempSync('.build-');
  try {
    for (let left = 10; ; left--) {
      if (existsSync('dist')) renameSync('dist', `${old}/${left}`);
      try {
        renameSync(folder, 'dist');
        return;
      } catch (error) {
        // Another build was quicker.
        if (left === 0 || !['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
      }
    }
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}

/** Builds that were killed leave their folders; one that is under way is younger. */
function sweep() {
  for (const name of readdirSync('.').filter((each) => each.startsWith('.build-'))) {
    const { mtimeMs } = statSync(name, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > ABANDONED) rmSync(name, { recursive: true, force: true });
  }
}

/** Of everything that a build reads; src/proto holds what it writes, and is left out. */
function digestOf(...paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (path === 'src/proto') return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(`${path}/${name}`);
    else hash.update(`${path}\0`).update(createHash('sha256').update(readFileSync(path)).digest());
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}
