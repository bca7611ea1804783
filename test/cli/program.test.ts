import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { signGenesis } from '../../src/chain/index.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { createProgram } from '../../src/cli/program.ts';
import { fromBase64url } from '../../src/core/bytes.ts';
import { decodeCoseKey, isEncryptionKey, thumbprint } from '../../src/cose/index.ts';
import { describeConfig } from '../../src/platform/config.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const terminal = {
  stdin: (async function* () {})(),
  stdout: { write: () => {} },
  stderr: { write: () => {} },
  env: {},
  signal: new AbortController().signal,
};

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

test('the commands are those of the documentation', () => {
  const { commands } = createProgram(terminal);
  const names = commands.map((command) => command.name());
  const documented = [
    ...[
      'init',
      'serve',
      'keygen',
      'sign',
      'register',
      'get',
      'prove',
      'verify',
      'gate',
      'checkpoint',
      'inspect',
      'env',
    ],
    ...[
      'appraise',
      'appraiser',
      'policy',
      'completion',
      'quickstart',
      'contract',
      'trace',
      'impact',
      'timeline',
      'list',
      'kms',
      'model',
      'scenario',
      'contract-service',
      'cleanroom',
      'bank',
      'reindex',
      'witness',
      'mirror',
      'monitor',
      'fsck',
      'backup',
      'restore',
    ],
  ];
  assert.deepEqual(names.toSorted(), documented.toSorted());
  assert.equal(COMMANDS.length, documented.length);
});

test('every command has -o text|json, a summary and a description', () => {
  for (const command of leaves(createProgram(terminal))) {
    const output = command.options.find(({ long }) => long === '--output');
    const graphs = ['trace', 'impact'].includes(command.name()) ? ['dot', 'mermaid'] : [];
    assert.deepEqual(output?.argChoices, ['text', 'json', ...graphs], command.name());
    assert.equal(output?.short, '-o');
    assert(
      command.summary().length > 0 && command.description().length > command.summary().length,
      command.name(),
    );
  }
});

test('help and version are answers; a wrong call is not', async () => {
  const help = await aichain(['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Exit codes:/);
  assert.equal((await aichain(['help', 'verify'])).code, 0);
  assert.match((await aichain(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  for (const args of [
    [],
    ['nonsense'],
    ['verify'],
    ['keygen', '--nonsense'],
    ['env', '-o', 'yaml'],
    ['prove'],
  ]) {
    const { code, stdout, stderr } = await aichain(args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '', args.join(' '));
    assert.notEqual(stderr, '', args.join(' '));
  }
  assert.match((await aichain(['env', '--nonsense'])).stderr, /^aichain: ARGUMENT_INVALID: unknown option/);
});

test('env lists every setting of the server', async () => {
  const settings = await aichainJson(['env']);
  assert.deepEqual(
    settings.map((setting: { env: string }) => setting.env),
    ['AICHAIN_CONFIG', ...describeConfig().map((setting) => setting.env)],
  );
  const { stdout } = await aichain(['env']);
  for (const { env, flag } of describeConfig()) assert(stdout.includes(`${env}  ${flag}`));
});

test('serve takes every setting as a flag, and says which one is wrong', async () => {
  const serve = createProgram(terminal).commands.find((command) => command.name() === 'serve')!;
  for (const { flag } of describeConfig())
    assert(
      serve.options.some(({ long }) => long === flag),
      flag,
    );
  const flag = await aichain(['serve', '--http-port', 'eighty']);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /^aichain: CONFIG_INVALID: httpPort \(--http-port\)/);
  const variable = await aichain(['serve'], { env: { AICHAIN_NONSENSE: '1' } });
  assert.equal(variable.code, 2);
  assert.match(variable.stderr, /AICHAIN_NONSENSE/);
});

test('completion: every command and option is in the script of every shell', async () => {
  const { commands } = createProgram(terminal);
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await aichain(['completion', shell]);
    assert.equal(code, 0);
    for (const command of commands) assert(stdout.includes(command.name()), `${shell} ${command.name()}`);
    assert(stdout.includes('checkpoint-key'));
  }
  assert.equal((await aichain(['completion', 'cmd'])).code, 2);
});

test('init: keys first, then the genesis that the SRO has signed for them, once', async () => {
  const data = ['--data-dir', path('data')];
  const first = await aichainJson(['init', ...data, '--origin', 'log.example/1']);
  assert.equal(first.origin, 'log.example/1');
  assert.equal(statSync(path('data/keys/checkpoint.skey')).mode & 0o777, 0o600);
  const text = await aichain(['init', ...data]);
  assert.match(text.stdout, /genesis +not yet/);

  const keyOf = (member: { $bytes: string }) => {
    const key = decodeCoseKey(fromBase64url(member.$bytes));
    assert(!isEncryptionKey(key));
    return key;
  };
  const sro = nodeCrypto.generatePrivateKey('ES256');
  const genesis = (origin: string) =>
    signGenesis(nodeCrypto, {
      ...{ origin, simulated: false, sro: 'did:web:sro.example', keys: [sro], issuedAt: 1_700_000_000 },
      recoveryKid: thumbprint(nodeCrypto, nodeCrypto.generatePrivateKey('ES256').publicKey),
      checkpointKey: keyOf(first.genesisBody.checkpointKey),
      receiptKey: keyOf(first.genesisBody.receiptKey),
    });
  const store = (stdin: Uint8Array) => aichain(['init', ...data, '--genesis', '-'], { stdin });
  assert.equal((await store(genesis('another.log'))).code, 2);
  assert.equal((await store(Uint8Array.of(1))).code, 16);
  assert.equal((await store(genesis('log.example/1'))).code, 0);
  assert(readFileSync(path('data/genesis.cose')).length > 0);
  const again = await store(genesis('log.example/1'));
  assert.equal(again.code, 2, again.stderr);
});
