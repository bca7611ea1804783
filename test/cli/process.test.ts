/** `aichain` as a real process: streams, exit codes, the shell. Few, because each takes a moment to start. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { aichain as inProcess } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe' });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, ended };
}

async function aichain(args: readonly string[], stdin = '') {
  const { child, ended } = start(args);
  child.stdin.end(stdin);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, code };
}

test('data on standard output, everything else on standard error, and the exit code', async () => {
  const made = await aichain(['keygen', '--out', path('a.key')]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^kid +[\w-]{43}\n/);
  assert.equal(made.stderr, '');
  const [refused, usage] = await Promise.all([aichain(['inspect', '-'], 'noise'), aichain(['verify'])]);
  assert.equal(refused.code, 16);
  assert.equal(refused.stdout, '');
  assert.match(refused.stderr, /^aichain: REQUEST_MALFORMED: .*\nhint: .*\n$/);
  assert.equal(usage.code, 2);
});

test('a reader that goes away is no error', async () => {
  const { child, ended } = start(['env']);
  child.stdout.destroy();
  child.stdin.end();
  const stderr = await text(child.stderr);
  assert.equal(stderr, '');
  assert.equal(await ended, 0);
});

test('serve ends in order when it is told to', async () => {
  const flags = ['--data-dir', path('data'), '--http-port', '0', '--grpc-port', '0', '--workers', '1'];
  const { child, ended } = start(['serve', ...flags, '--log-level', 'silent', '--disk-floor-bytes', '0']);
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    if (/trust file/.test(stdout)) child.kill('SIGTERM');
  });
  assert.equal(await ended, 0);
  assert.match(stdout, /origin +aichain\.localhost\//);
  assert.match(stdout, /verifier key +aichain\.localhost\/[0-9a-f]{16}\+[0-9a-f]{8}\+/);
});

const bash = ['/bin/bash', '/usr/bin/bash'].find(existsSync);
test('the bash completion completes', { skip: bash === undefined && 'no bash' }, async () => {
  const { stdout } = await inProcess(['completion', 'bash']);
  writeFileSync(path('completion.bash'), stdout);
  const complete = (...words: string[]) =>
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _aichain; echo "\${COMPREPLY[*]}"`;
  const script = [
    `source '${path('completion.bash')}'`,
    complete('aichain', 'ver'),
    complete('aichain', 'keygen', '--a'),
    complete('aichain', 'keygen', '--alg', 'ES3'),
    complete('aichain', 'prove', 'in'),
    complete('aichain', 'prove', 'inclusion', '--eff'),
    complete('aichain', 'verify', '-o', ''),
    complete('aichain', 'completion', 'z'),
    complete('aichain', 'verify', '--trust', ''),
  ].join('\n');
  const child = spawn(bash!, ['--norc', '-c', script], { stdio: 'pipe' });
  const lines = (await text(child.stdout)).split('\n');
  assert.deepEqual(lines.slice(0, 8), [
    'verify',
    '--alg',
    'ES384',
    'inclusion',
    '--effect',
    'text json',
    'zsh',
    '', // file names come from the shell
  ]);
});
