/** docs/guides/witness.md: what it says can be done is done here, by the same commands. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { createProgram } from '../../src/cli/program.ts';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { openNote, parseVerifierKey } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { aichain, aichainJson, type RunResult } from '../cli/fake-terminal.ts';
import { testFolder } from '../cli/folder.ts';

const guide = readFileSync(new URL('../../docs/guides/witness.md', import.meta.url), 'utf8');
const path = testFolder();
const stopping: (() => Promise<RunResult>)[] = [];
const awake = setInterval(() => {}, 1000);
after(async () => {
  clearInterval(awake);
  for (const stop of stopping.reverse()) await stop();
});

/** A command that runs until it is stopped. */
function running<T>(args: readonly string[]): Promise<T & { stop(): Promise<RunResult> }> {
  const abort = new AbortController();
  return new Promise((resolve, reject) => {
    const ended = aichain([...args, '--log-level', 'silent', '-o', 'json'], {
      signal: abort.signal,
      onStdout: (text) => resolve({ ...(JSON.parse(text) as T), stop }),
    });
    const stop = () => {
      abort.abort();
      return ended;
    };
    stopping.push(stop);
    ended.then(({ stderr }) => reject(new Error(stderr)));
  });
}

interface Log {
  origin: string;
  verifierKey: string;
  http: string;
  grpc: string;
  trust: string;
}

test('a log, two witnesses, a policy: registered, witnessed, verified offline', async () => {
  const serve = ['serve', '--data-dir', path('data'), '--http-port', '0', '--grpc-port', '0'];
  const small = ['--workers', '1', '--disk-floor-bytes', '0'];
  const first = await running<Log>([...serve, ...small]);
  await first.stop();
  const witness = async (name: string) =>
    running<{ verifierKey: string; url: string }>([
      ...['witness', '--data-dir', path(name), '--name', `example.com/${name}`, '--port', '0'],
      ...['--log', first.verifierKey],
    ]);
  const [w1, w2] = [await witness('w1'), await witness('w2')];
  const policy = [
    `log     ${first.verifierKey}`,
    `witness w1 ${w1.verifierKey} ${w1.url}`,
    `witness w2 ${w2.verifierKey}`,
    'group   enough 2 w1 w2',
    'quorum  enough',
    '',
  ].join('\n');
  writeFileSync(path('policy.txt'), policy);
  const log = await running<Log>([
    ...[...serve, ...small, '--witness-policy', path('policy.txt')],
    ...['--witness-urls', `w2=${w2.url}`, '--witness-renew-seconds', '5'],
  ]);
  const at = ['--server', log.grpc, '--trust', log.trust];

  const { publicKey } = await aichainJson(['keygen', '--out', path('tdc.key')]);
  const body = {
    ...{ did: 'did:web:tdc.example', roles: ['TDC'], jurisdiction: 'IN', endpoints: [] },
    keys: [{ keyAlias: 'one', use: 'sig', key: { $bytes: publicKey } }],
    organisation: { $bytes: 'BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU' },
  };
  const statement = path('register.cose');
  const sign = ['sign', '--kind', 'participant.register', '--body', '-', '--key', path('tdc.key')];
  const signed = await aichain([...sign, '--issuer', body.did, '--trust', log.trust, '--out', statement], {
    stdin: JSON.stringify(body),
  });
  assert.equal(signed.code, 0, signed.stderr);
  const { results } = await aichainJson([
    'register',
    statement,
    ...at,
    '--wait',
    'witnessed',
    '--timeout',
    '30',
  ]);
  assert.equal(results[0].witnessed, true, JSON.stringify(results));

  // Offline: the policy in the trust file asks for both witnesses, and finds them.
  const verified = await aichain(['verify', statement, `${statement}.checkpoint`, '--trust', log.trust]);
  assert.equal(verified.code, 0, verified.stderr + verified.stdout);
  assert.match(verified.stdout, /✓ quorum .*example\.com\/w1.*example\.com\/w2/);
  // The receipt alone is the operator's promise.
  assert.equal((await aichain(['verify', statement, '--trust', log.trust])).code, 13);

  const shown = await aichainJson(['checkpoint', ...at]);
  assert.equal(shown.witnessed, true);
  const facts = await aichain(['prove', 'facts', 'policy', '--out', path('facts'), ...at]);
  assert.equal(facts.code, 0, facts.stderr);
  const proof = await aichainJson([
    'prove',
    'inclusion',
    String(results[0].index),
    '--out',
    path('proof'),
    ...at,
  ]);
  assert.equal(proof.witnessed, true);
  // For monitors: what the witness has cosigned last.
  const hash = toHex(crypto.sha256(utf8(log.origin)));
  const note = await (await fetch(`${w1.url}/${hash}/checkpoint`)).text();
  openNote(crypto, note, [parseVerifierKey(log.verifierKey), parseVerifierKey(w1.verifierKey)]);
  const metrics = await (await fetch(`${log.http}/metrics`)).text();
  for (const [, names] of guide.matchAll(/^\| (`aichain_.*?) \| /gm)) {
    for (const [, name] of names!.matchAll(/`(aichain_\w+)/g)) assert.ok(metrics.includes(name!), name);
  }
});

test('every option and code that the guide names is there', () => {
  const program = createProgram({
    stdin: [],
    stdout: {},
    stderr: {},
    env: {},
    signal: new AbortController().signal,
  } as never);
  const options = new Set(program.commands.flatMap((command) => command.options.map(({ long }) => long)));
  for (const [option] of guide.matchAll(/--[a-z][a-z-]+/g)) assert.ok(options.has(option), option);
});
