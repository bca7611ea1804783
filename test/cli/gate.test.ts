import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { toBase64url } from '../../src/core/bytes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { formatTrust } from '../../src/verify/index.ts';
import { grantedRoom, questions } from '../chain/gates/questions.ts';
import { type Served, serve } from '../client/served.ts';
import { SmallLog } from '../verify/small-log.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
/** Bytes as people write them. */
const json = (value: unknown) =>
  JSON.stringify(value, (_name, item) => (item instanceof Uint8Array ? { $bytes: toBase64url(item) } : item));

let served: Served;
let request: string;
let trust: string[];
let server: string[];
before(async () => {
  const { log } = SmallLog.begin(crypto);
  log.world.time = Date.now() - 10_000;
  log.clock = Date.now;
  // The clock runs while the tests do, however slowly they are.
  const r = grantedRoom(log.world, {}, Date.now() + 3_600_000);
  log.commit();
  served = await serve(log);
  request = json(questions(r)['key.release']);
  writeFileSync(path('request.json'), request);
  writeFileSync(path('trust.json'), formatTrust(crypto, log.trust()));
  trust = ['--trust', path('trust.json'), '--insecure-trust-operator'];
  server = ['--server', `http://127.0.0.1:${served.ports.http}`, ...trust];
});
after(() => served.close());

test('gate: an allowance, kept and verified offline, says on whose word it rests', async () => {
  const file = path('release.bundle');
  const marks = ['--marks', path('marks.json')];
  const args = ['gate', 'key.release', '--request', path('request.json'), '--out', file, ...server, ...marks];
  const { code, stdout, stderr } = await aichain(args);
  assert.equal(code, 0, stderr + stdout);
  assert.match(stdout, /VERIFIED: ALLOW key\.release; .*INSECURE: on the operator’s word alone/s);
  // Once more, with what was seen before.
  assert.equal((await aichain(args)).code, 0);

  const own = ['--step', 'key.release', '--request', request];
  const verified = await aichain(['verify', 'bundle', file, ...own, ...trust, ...marks]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.match(verified.stdout, /✓ question .*✓ decision .*ALLOW key\.release/s);

  const archived = await aichainJson(['verify', 'bundle', file, ...own, ...trust, '--archive']);
  assert.deepEqual([archived.verified, archived.outcome, archived.operatorTrusted], [true, 'as of', true]);
  const report = await aichainJson(['verify', 'bundle', file, '--report', ...trust]);
  assert.equal(report.outcome, 'report');
  const inspected = await aichainJson(['inspect', file]);
  assert.deepEqual(
    [inspected.type, inspected.step, inspected.saidToBe],
    ['proof bundle', 'key.release', 'allow'],
  );
});

test('gate: nothing on the operator’s word unless told so', async () => {
  const args = ['--request', request, '--server', server[1]!, '--trust', path('trust.json')];
  const { code, stdout } = await aichain(['gate', 'key.release', ...args]);
  assert.equal(code, 13);
  assert.match(stdout, /NOT VERIFIED: QUORUM_NOT_MET/);
});

test('gate: a denial stops a script', async () => {
  const other = JSON.stringify({ ...JSON.parse(request), wrapKid: { $bytes: 'A'.repeat(43) } });
  const { code, stdout, stderr } = await aichain(['gate', 'key.release', '--request', other, ...server]);
  assert.equal(code, 14);
  assert.match(stdout, /DENY key\.release: WRAPPING_KEY_MISMATCH/);
  assert.match(stderr, /WRAPPING_KEY_MISMATCH/);
});

test('verify bundle: another question, no question, damage, and what is no bundle', async () => {
  const file = path('release.bundle');
  const bundle = ['verify', 'bundle', file, ...trust];
  const other = JSON.stringify({ ...JSON.parse(request), dataKeyId: 'another' });
  assert.equal((await aichain([...bundle, '--step', 'key.release', '--request', other])).code, 11);
  assert.equal((await aichain(bundle)).code, 2);
  assert.equal((await aichain([...bundle, '--step', 'key.release'])).code, 2);
  assert.equal((await aichain([...bundle, '--step', 'key.steal', '--request', other])).code, 2);
  assert.equal((await aichain([...bundle, '--step', 'key.release', '--request', '{}'])).code, 16);
  const trustFile = ['verify', 'bundle', path('trust.json'), ...trust, '--report'];
  assert.equal((await aichain(trustFile)).code, 16);
  const plain = await aichain(['verify', file, '--trust', path('trust.json')]);
  assert.equal(plain.code, 2);
  assert.match(plain.stderr, /verify bundle/);
});
