import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { before, test } from 'node:test';
import { attachReceipts, encodeCoseKey } from '../../src/cose/index.ts';
import { cosigner, formatNote, formatVerifierKey, parseNote } from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { parseTrust } from '../../src/verify/index.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';
import { headOf, type Kept, keptFiles } from './kept.ts';

const path = testFolder();
let kept: Kept;
before(async () => {
  kept = await keptFiles(path('demo'));
});
const verify = (...args: string[]) => aichain(['verify', '--trust', kept.trust, ...args]);

test('verify: a statement with what lies beside it, step by step', async () => {
  const { code, stdout, stderr } = await verify(kept.statement);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.match(stdout, /✓ receipt /);
  assert.match(stdout, /✓ inclusion /);
  assert.match(stdout, /– issuer signature/);
  assert.match(stdout, /✓ effect +accepted at /);
  assert.match(stdout, /VERIFIED: entry 8 of .*not witnessed/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for.
  assert.doesNotMatch(stdout, /\u001b/);
});

test('verify: without what says what it did, that is not known', async () => {
  const alone = path('alone.cose');
  for (const suffix of ['', '.receipt']) cpSync(`${kept.statement}${suffix}`, `${alone}${suffix}`);
  const { code, stdout } = await verify(alone);
  assert.equal(code, 0);
  assert.match(stdout, /– effect +logged, effect unknown/);
});

test('verify: with everything, every step that a log without witnesses allows', async () => {
  const files = [
    '01-sample-contract.json.cose.receipt',
    '01-sample-contract.json.cose.effect',
    'tdc.pub',
    'checkpoint',
  ];
  const payload = ['--payload', kept.path('01-sample-contract.json')];
  const { verified, results } = await aichainJson([
    ...['verify', '--trust', kept.trust, kept.statement, ...files.map(kept.path), ...payload],
  ]);
  assert.equal(verified, true);
  const [{ steps, index, effect }] = results;
  assert.deepEqual(
    steps
      .filter(({ outcome }: { outcome: string }) => outcome !== 'ok')
      .map(({ step }: { step: string }) => step),
    ['quorum'],
  );
  assert.equal(index, 8);
  assert.equal(effect.outcome, 'ok');
  assert.equal(steps.at(-1).step, 'payload');
});

test('verify: another file than the payload', async () => {
  const { code, stdout } = await verify(kept.statement, '--payload', kept.trust);
  assert.equal(code, 11);
  assert.match(stdout, /✗ payload .*PREIMAGE_MISMATCH/);
});

test('verify: a transparent statement by itself, also from standard input', async () => {
  const statement = kept.bytes('01-sample-contract.json.cose');
  const transparent = attachReceipts(statement, [kept.bytes('01-sample-contract.json.cose.receipt')]);
  assert.equal((await verify(kept.write('transparent.cose', transparent))).code, 0);
  assert.equal((await aichain(['verify', '--trust', kept.trust, '-'], { stdin: transparent })).code, 0);
});

test('verify: keys one by one instead of a trust file', async () => {
  const trust = parseTrust(nodeCrypto, readFileSync(kept.trust, 'utf8'));
  const receiptKey = kept.write('receipt.pub', encodeCoseKey(trust.receiptKey));
  const vkey = formatVerifierKey(trust.checkpointKey);
  const args = ['verify', kept.statement, '--checkpoint-key', vkey, '--receipt-key', receiptKey];
  assert.equal((await aichain([...args, '--origin', trust.origin])).code, 0);
  assert.equal((await aichain([...args, '--origin', 'another.log'])).code, 14);
  assert.equal((await aichain(['verify', kept.statement, '--checkpoint-key', vkey])).code, 2);
  assert.equal((await aichain([...args, '--trust', kept.trust])).code, 2);
});

test('verify: each failure has its exit code, and the step that failed is shown', async () => {
  const statement = kept.bytes('01-sample-contract.json.cose');
  const damaged = Uint8Array.from(statement);
  damaged[damaged.length - 1]! ^= 1;
  const receipt = kept.path('01-sample-contract.json.cose.receipt');
  const other = kept.write('other.cose', damaged);
  const pub = kept.path('tdc.pub');
  const cases: [string[], number, RegExp][] = [
    [[other, pub, receipt], 10, /✗ issuer signature SIGNATURE_INVALID/],
    [[other, receipt], 11, /✗ inclusion +RECEIPT_INVALID/],
    [[kept.write('short.cose', statement.slice(0, 40)), receipt], 16, /^$/],
    [[kept.write('bare.cose', statement)], 11, /✗ receipt +RECEIPT_INVALID: there is no receipt/],
  ];
  for (const [files, exit, shown] of cases) {
    const { code, stdout, stderr } = await verify(...files);
    assert.equal(code, exit, `${files}: ${stderr}`);
    assert.match(stdout, shown);
    assert.match(stderr, /^aichain: [A-Z_]+: .*\nhint: /);
  }
});

test('verify: a checkpoint that contradicts the receipt is a fork; an older one is stale', async () => {
  const { size } = headOf(readFileSync(kept.checkpoint, 'utf8'));
  const forked = kept.write('forked.checkpoint', kept.forge(size, new Uint8Array(32).fill(1)));
  const older = kept.write('older.checkpoint', kept.forge(5, new Uint8Array(32).fill(1)));
  const unsigned = kept.write(
    'unsigned.checkpoint',
    readFileSync(kept.checkpoint, 'utf8').replace(/^— .*\n/m, '— a AAAAAAAA\n'),
  );
  assert.equal((await verify(kept.statement, forked)).code, 12);
  assert.equal((await verify(forked, kept.checkpoint)).code, 12);
  assert.equal((await verify(older, kept.checkpoint)).code, 2); // no proof between them
  assert.equal(
    (await verify(kept.statement, kept.write('grown.checkpoint', kept.forge(20, new Uint8Array(32))))).code,
    2,
  );
  assert.equal((await verify(kept.statement, older)).code, 15);
  assert.equal((await verify(kept.statement, unsigned)).code, 10);
  assert.equal((await verify(unsigned)).code, 10);
  assert.equal((await verify(kept.checkpoint)).code, 0);
  assert.equal((await verify(kept.checkpoint, kept.checkpoint)).code, 0);
});

test('verify: the quorum of the trust file’s policy', async () => {
  const witness = cosigner(nodeCrypto, 'witness.example', nodeCrypto.generatePrivateKey('Ed25519'));
  const members = JSON.parse(readFileSync(kept.trust, 'utf8'));
  const policy = `witness w1 ${formatVerifierKey(witness.verifierKey)}\nquorum w1\n`;
  const trust = kept.write('witnessed-trust.json', JSON.stringify({ ...members, policy }));
  const note = parseNote(readFileSync(kept.checkpoint, 'utf8'));
  const cosigned = formatNote({
    ...note,
    signatures: [...note.signatures, witness.cosign(note.text, 1_800_000_000)],
  });
  const file = kept.write('cosigned.checkpoint', cosigned);
  const run = (...files: string[]) => aichain(['verify', '--trust', trust, ...files]);
  assert.equal((await run(kept.statement)).code, 13);
  assert.equal((await run(kept.statement, kept.checkpoint)).code, 13);
  const good = await run(kept.statement, file);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /VERIFIED: .*; witnessed\n/);
});

test('verify: several statements, each with what is named after it', async () => {
  const copy = kept.path('copy.cose');
  cpSync(kept.statement, copy);
  cpSync(`${kept.statement}.receipt`, `${copy}.receipt`);
  const { results } = await aichainJson([
    'verify',
    '--trust',
    kept.trust,
    kept.statement,
    copy,
    `${copy}.receipt`,
  ]);
  assert.deepEqual(
    results.map(({ verified }: { verified: boolean }) => verified),
    [true, true],
  );
  assert.equal(
    (await verify(kept.statement, copy, kept.path('01-sample-contract.json.cose.effect'))).code,
    0,
  );
  rmSync(`${copy}.receipt`);
  const { code, stdout } = await verify(kept.statement, copy);
  assert.equal(code, 11);
  assert.match(stdout, /VERIFIED[\s\S]*NOT VERIFIED: RECEIPT_INVALID/);
});

test('verify: files that do not belong together', async () => {
  const effect = kept.path('01-sample-contract.json.cose.effect');
  for (const files of [
    [kept.path('01-sample-contract.json.cose.receipt')],
    [effect],
    [kept.trust],
    [kept.path('missing')],
    [kept.statement, effect, effect],
    [kept.checkpoint, kept.checkpoint, kept.checkpoint],
    [kept.checkpoint, '--payload', kept.trust],
  ]) {
    const { code, stderr } = await verify(...files);
    assert.equal(code, 2, `${files}: ${stderr}`);
  }
  assert.equal((await verify(kept.write('noise', Uint8Array.of(0xff, 0, 1)))).code, 16);
  assert.equal((await aichain(['verify', '--trust', kept.statement, kept.statement])).code, 16);
});

test('verify: a statement of another log', async () => {
  const members = JSON.parse(readFileSync(kept.trust, 'utf8'));
  const key = (await aichainJson(['keygen', '--note-name', 'another.log', '--out', kept.path('other.skey')]))
    .verifierKey;
  const trust = kept.write(
    'other-trust.json',
    JSON.stringify({ ...members, origin: 'another.log', checkpointKey: key }),
  );
  const { code, stderr } = await aichain(['verify', '--trust', trust, kept.statement]);
  assert.equal(code, 14);
  assert.match(stderr, /ORIGIN_MISMATCH/);
});
