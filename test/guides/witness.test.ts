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
import { keptPort } from '../kept-port.ts';

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

/** A monitor that cosigns; it says who it is on standard error. */
function replaying(args: readonly string[]): Promise<{ verifierKey: string; url: string }> {
  const abort = new AbortController();
  return new Promise((resolve, reject) => {
    const ended = aichain([...args, '--log-level', 'silent'], {
      signal: abort.signal,
      onStderr: (text) => {
        const [, verifierKey] = /^verifier key +(\S+)$/m.exec(text) ?? [];
        const [, url] = /^URL +(\S+)$/m.exec(text) ?? [];
        if (verifierKey && url) resolve({ verifierKey, url });
      },
    });
    stopping.push(() => {
      abort.abort();
      return ended;
    });
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

test('a log, two witnesses, a replayer, a policy: registered, witnessed, verified offline, and gates answer', async () => {
  const serve = ['serve', '--data-dir', path('data'), '--grpc-port', '0'];
  const small = ['--workers', '1', '--disk-floor-bytes', '0'];
  const port = ['--http-port', `${await keptPort()}`];
  const first = await running<Log>([...serve, ...small, ...port]);
  await first.stop();
  const witness = async (name: string) =>
    running<{ verifierKey: string; url: string }>([
      ...['witness', '--data-dir', path(name), '--name', `example.com/${name}`, '--port', '0'],
      ...['--log', first.verifierKey],
    ]);
  const [w1, w2] = [await witness('w1'), await witness('w2')];
  const r1 = await replaying([
    ...['monitor', '--url', first.http, '--trust', first.trust, '--data-dir', path('r1')],
    ...['--cosign', 'example.com/r1', '--cosign-port', '0', '--workers', '1', '--witness', w1.url],
  ]);
  const policy = [
    `log     ${first.verifierKey}`,
    `witness w1 ${w1.verifierKey} ${w1.url}`,
    `witness w2 ${w2.verifierKey}`,
    `witness r1 ${r1.verifierKey} ${r1.url}`,
    'group   witnesses 2 w1 w2',
    'group   enough all witnesses r1',
    'quorum  enough',
    '',
  ].join('\n');
  writeFileSync(path('policy.txt'), policy);
  const log = await running<Log>([
    ...[...serve, ...small, '--witness-policy', path('policy.txt')],
    ...['--witness-urls', `w2=${w2.url}`, '--witness-renew-seconds', '5'],
    ...['--witness-replayers', 'r1', ...port],
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
  const [, cosigners] = /✓ quorum +cosigned by (.*)/.exec(verified.stdout) ?? [];
  assert.deepEqual(cosigners?.split(', ').sort(), ['example.com/r1', 'example.com/w1', 'example.com/w2']);
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
  // A gate answers under witnesses and replayer, on nobody's word; what it answers verifies offline.
  const urn = (type: string) => `urn:depa:${type}:${log.origin}:00000000-0000-4000-8000-000000000001`;
  const request = JSON.stringify({ contract: urn('contract'), text: { $bytes: 'A'.repeat(43) } });
  const asked = ['--request', request, '--out', path('bundle')];
  const gate = await aichain(['gate', 'contract.activate', ...asked, ...at]);
  assert.equal(gate.code, 14, gate.stdout + gate.stderr);
  assert.match(gate.stdout, /VERIFIED: DENY contract\.activate: CONTRACT_NOT_FOUND/);
  assert.match(gate.stdout, /✓ replay /);
  assert.doesNotMatch(gate.stdout, /INSECURE/);
  const own = ['--step', 'contract.activate', '--request', request, '--archive'];
  const archived = await aichainJson(['verify', 'bundle', path('bundle'), ...own, '--trust', log.trust]);
  assert.deepEqual([archived.verified, archived.operatorTrusted], [true, false]);
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
