import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { formatTrust } from '../../src/verify/index.ts';
import { SmallLog } from '../verify/small-log.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const { log, member } = SmallLog.begin(crypto);
const old = log.head();
const twin = log.fork();
log.commit(log.statement(member, 'here'));
twin.commit(twin.statement(member, 'there'));
function kept(name: string, content: string | Uint8Array): string {
  writeFileSync(path(name), content);
  return path(name);
}
const trust = kept('trust.json', formatTrust(crypto, log.trust()));
const here = kept('here.checkpoint', log.head().checkpoint);
const there = kept('there.checkpoint', twin.head().checkpoint);

test('verify: two checkpoints that contradict each other become a file, which explains itself', async () => {
  const proof = path('proof.cbor');
  const made = await aichain(['verify', '--trust', trust, here, there, '--misbehaviour', proof]);
  assert.equal(made.code, 12, made.stderr);
  assert.match(made.stderr, /convicts the log/);

  const { code, stdout } = await aichain(['verify', '--trust', trust, proof]);
  assert.equal(code, 0);
  assert.match(stdout, /✓ contradiction .*two trees of 8 entries/);
  assert.match(stdout, /VERIFIED: MISBEHAVIOUR of log\.example\/test/);

  const { verified, results } = await aichainJson(['verify', '--trust', trust, proof]);
  assert.equal(verified, true);
  assert.equal(results[0].misbehaviour, 'fork');
  assert.deepEqual(
    results[0].heads.map(({ treeSize }: { treeSize: number }) => treeSize),
    [8, 8],
  );

  const shown = await aichain(['inspect', proof]);
  assert.match(shown.stdout, /proof of misbehaviour/);
});

test('verify: an honest pair makes no file, and a damaged one convicts nobody', async () => {
  const none = path('none.cbor');
  const before = kept('old.checkpoint', old.checkpoint);
  const { code } = await aichain(['verify', '--trust', trust, before, here, '--misbehaviour', none]);
  assert.equal(code, 2); // the proof between them is missing, which is no fork
  assert.equal(existsSync(none), false);

  const damaged = readFileSync(path('proof.cbor'));
  const { log: other } = SmallLog.begin(crypto, 'other.example/log');
  const strangers = kept('other.json', formatTrust(crypto, other.trust()));
  assert.equal((await aichain(['verify', '--trust', strangers, path('proof.cbor')])).code, 14);
  damaged[damaged.length - 40]! ^= 1;
  assert.notEqual((await aichain(['verify', '--trust', trust, kept('damaged.cbor', damaged)])).code, 0);
});
