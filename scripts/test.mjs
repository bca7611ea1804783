// Runs the test files of one suite with node's test runner, through tsx.
//   node scripts/test.mjs                    test/**/*.test.ts
//   node scripts/test.mjs --suite interop    test/**/*.interop.ts
//   node scripts/test.mjs test/log           only what is below that folder
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const args = process.argv.slice(2);
const at = args.indexOf('--suite');
const suite = at >= 0 ? args.splice(at, 2)[1] : 'test';

function* files(path) {
  if (statSync(path).isFile()) yield path;
  else for (const name of readdirSync(path).sort()) yield* files(join(path, name));
}
const chosen = (args.length > 0 ? args : ['test'])
  .flatMap((path) => [...files(path)])
  .filter((path) => path.endsWith(`.${suite}.ts`));
if (chosen.length === 0) {
  console.error(`no *.${suite}.ts files found`);
  process.exit(1);
}
// A file is a process of its own. Whole servers under load want the machine for themselves; the rest shares it.
const alone = chosen.filter((path) => suite !== 'test' || path.startsWith(join('test', 'e2e')));
const together = chosen.filter((path) => !alone.includes(path));
let failed = 0;
for (const [paths, concurrency] of [
  [together, availableParallelism()],
  [alone, 1],
]) {
  if (paths.length === 0) continue;
  const flags = ['--import', 'tsx', '--test', `--test-concurrency=${concurrency}`];
  const { status } = spawnSync(process.execPath, [...flags, ...paths], { stdio: 'inherit' });
  failed ||= status ?? 1;
}
process.exit(failed);
