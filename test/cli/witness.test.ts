/** `aichain witness`: its key, its folder, its logs. */
import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatVerifierKey, openNote, parseVerifierKey } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { WitnessedLog } from '../witness/witnessed-log.ts';
import { aichain, type RunResult } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const quiet = ['--port', '0', '--log-level', 'silent'];

interface Started {
  verifierKey: string;
  url: string;
  origins: string[];
  stop(): Promise<RunResult>;
}

function start(args: readonly string[]): Promise<Started> {
  const stop = new AbortController();
  return new Promise((resolve, reject) => {
    const ended = aichain(['witness', ...quiet, ...args, '-o', 'json'], {
      signal: stop.signal,
      onStdout: (text) =>
        resolve({
          ...JSON.parse(text),
          stop: () => {
            stop.abort();
            return ended;
          },
        }),
    });
    ended.then(({ stderr }) => reject(new Error(stderr)));
  });
}

test('a first start makes the key, a later one keeps it and what was cosigned', async () => {
  const log = new WitnessedLog();
  const args = ['--data-dir', path('a'), '--log', formatVerifierKey(log.key), '--prefix', '/w'];
  const first = await start([...args, '--name', 'example.com/w']);
  assert.deepEqual(first.origins, [log.origin]);
  assert.match(first.url, /^http:\/\/127\.0\.0\.1:\d+\/w$/);
  assert.equal(statSync(path('a/witness.skey')).mode & 0o777, 0o600);
  const post = async (url: string, body: string) => {
    const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const cosigned = await post(first.url, log.request(0, 9));
  assert.equal(cosigned.status, 200);
  const key = parseVerifierKey(first.verifierKey);
  assert.equal(key.name, 'example.com/w');
  assert.equal(openNote(crypto, `${log.checkpoint(9)}${cosigned.text}`, [key]).cosignatures.length, 1);
  // Only one process may hold the records.
  const second = await aichain(['witness', ...quiet, ...args]);
  assert.match(second.stderr, /LOG_LOCKED/);
  assert.equal((await first.stop()).code, 0);

  const again = await start(args);
  assert.equal(again.verifierKey, first.verifierKey);
  const { status, type, text } = await post(again.url, log.request(0, 9));
  assert.deepEqual([status, type, text], [409, 'text/x.tlog.size', '9\n']);
  await again.stop();

  const renamed = await aichain(['witness', ...quiet, ...args, '--name', 'example.com/other']);
  assert.match(renamed.stderr, /CONFIG_INVALID: .* is example\.com\/w, not example\.com\/other/);
  renameSync(path('a/witness.skey'), path('kept'));
  const keyless = await aichain(['witness', ...quiet, ...args, '--name', 'example.com/w']);
  assert.match(keyless.stderr, /CONFIG_INVALID: .*put witness\.skey back/);
  assert(!existsSync(path('a/witness.skey')));
  // Another key does not know what was promised.
  const other = await start(['--data-dir', path('b'), '--log', formatVerifierKey(log.key), '--name', 'w']);
  await other.stop();
  renameSync(path('b/witness.skey'), path('a/witness.skey'));
  assert.match(
    (await aichain(['witness', ...quiet, ...args])).stderr,
    /CONFIG_INVALID: the records are those/,
  );
});

test('logs come from flags, and from a file that may be a trust policy', async () => {
  const [a, b] = [new WitnessedLog('example.com/a'), new WitnessedLog('example.com/b')];
  writeFileSync(path('logs'), `# ours\nlog ${formatVerifierKey(a.key)} https://a.example\nquorum none`);
  const started = await start([
    ...['--data-dir', path('c'), '--name', 'example.com/w'],
    ...['--logs', path('logs'), '--log', formatVerifierKey(b.key)],
  ]);
  assert.deepEqual(started.origins, [a.origin, b.origin]);
  await started.stop();
});

test('what cannot be a witness is refused', async () => {
  const log = formatVerifierKey(new WitnessedLog().key);
  const refused = async (args: string[], expected: RegExp) => {
    const { code, stderr } = await aichain(['witness', ...quiet, '--data-dir', path('d'), ...args]);
    assert.notEqual(code, 0);
    assert.match(stderr, expected);
    assert(!existsSync(path('d')) || !existsSync(path('d/records')), stderr);
    rmSync(path('d'), { recursive: true, force: true });
  };
  await refused(['--name', 'w'], /a witness needs logs/);
  await refused(['--log', log], /a new witness needs a name/);
  await refused(['--log', log, '--name', 'with space'], /VKEY_MALFORMED/);
  await refused(['--log', 'nonsense', '--name', 'w'], /POLICY_MALFORMED: line 1/);
  await refused(['--log', log, '--name', 'w', '--prefix', '/:x'], /prefix/);
  await refused(['--log', log, '--name', 'w', '--port', '70000'], /not a port/);
  await refused(['--logs', path('missing'), '--name', 'w'], /cannot read/);
});
