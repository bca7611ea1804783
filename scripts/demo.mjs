// A whole training cycle on this machine: `npm run demo`. Writes the small scenario's data, plays it, and says what came of it.
//   npm run demo -- [--out DIR] [--people NUMBER] [--seed TEXT] [--attack NAME]     an attack in its place; `list` says which
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    ...{ out: { type: 'string' }, people: { type: 'string' }, seed: { type: 'string' } },
    attack: { type: 'string' },
  },
});
const { attack } = values;
const root = fileURLToPath(new URL('..', import.meta.url));
if (attack === 'list') {
  run('dist/cli/main.js', 'scenario', 'attacks');
  process.exit();
}
const folder = values.out ?? mkdtempSync(join(tmpdir(), 'aichain-demo-'));
const scenario = join(folder, 'scenario');
cpSync(join(root, 'scenarios', 'covid-small'), scenario, { recursive: true });
run(
  'scripts/scenario-data.mjs',
  scenario,
  values.people ?? (attack === undefined ? '2000' : '600'),
  values.seed ?? '1',
);
const played = attack === undefined ? [] : ['--attack', attack];
run('dist/cli/main.js', 'scenario', 'run', scenario, '--out', join(folder, 'run'), ...played);

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
