// Runs the test files of one suite with node's test runner.
//   node scripts/test.mjs                    test/**/*.test.ts
//   node scripts/test.mjs --suite interop    test/**/*.interop.ts
//   node scripts/test.mjs test/log           only what is below that folder
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { REQUIRE, WITH_FILES } from './bundle.mjs';

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

// Translated and bundled once for all of them, with their libraries: each process starts in half the time.
const outdir = mkdtempSync('.tests-');
process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const ownUrl = {
  name: 'a module goes on knowing where its source is',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href);
      return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
    }),
};
await build({
  ...{
    entryPoints: chosen,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  },
  ...{ outdir, outbase: '.', sourcemap: true, sourcesContent: false, logLevel: 'warning', plugins: [ownUrl] },
  ...{ external: [...WITH_FILES, 'cbor-extract', 'esbuild'], banner: REQUIRE },
});
const built = (path) => join(outdir, path.replace(/\.ts$/, '.js'));

// What loads or kills whole servers wants the machine for itself; the rest shares it, and some of it only waits.
const LOADS = ['bad-input', 'durability-strace', 'ending', 'kill'].map((name) => `test/e2e/${name}.test.ts`);
const alone = chosen.filter((path) => suite !== 'test' || LOADS.includes(path)).map(built);
const rest = chosen.map(built).filter((path) => !alone.includes(path));

// A file is a process of its own, except here: these neither change the process that they are in nor look at it, and to
// start one and load what they test costs more than most of them do. So some files of a folder share a process.
const SHARING =
  /^test\/(?:attestation|backup|chain|cli|client|core|cose|depa|fsck|grpc|guides|http|log|merkle|mirror|monitor\/alarms|note|participants|participants\/training|replay|server|service|statemap|tiles|verify|witness)$/;
const TO_A_PROCESS = 8;
const groups = new Map();
for (const path of rest) {
  const folder = dirname(path).slice(outdir.length + 1);
  const key = SHARING.test(folder) ? folder : path;
  groups.set(key, [...(groups.get(key) ?? []), path]);
}
const together = [...groups].flatMap(([folder, paths]) => {
  if (paths.length === 1) return paths;
  const processes = Math.ceil(paths.length / TO_A_PROCESS);
  return Array.from({ length: processes }, (_, n) => {
    const share = paths.slice((n * paths.length) / processes, ((n + 1) * paths.length) / processes);
    const file = join(outdir, `${folder.replaceAll('/', '-')}-${n + 1}.mjs`);
    writeFileSync(file, share.map((path) => `import './${path.slice(outdir.length + 1)}';\n`).join(''));
    return file;
  });
});
let failed = 0;
for (const [paths, concurrency] of [
  [together, availableParallelism() + 1],
  [alone, 1],
]) {
  if (paths.length === 0) continue;
  const flags = [
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=./scripts/test-reporter.mjs',
  ];
  const { status } = spawnSync(process.execPath, [...flags, ...paths], { stdio: 'inherit' });
  failed ||= status ?? 1;
}
process.exit(failed);
