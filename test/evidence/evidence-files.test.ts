import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { EvidenceFiles } from '../../src/evidence/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

const root = mkdtempSync(join(tmpdir(), 'aichain-evidence-'));
after(() => rmSync(root, { recursive: true, force: true }));
const LIMITS = { maxBytes: 100, totalBytes: 250 };
const digestOf = (text: string) => crypto.sha256(utf8(text));
let folders = 0;
const folder = () => join(root, String(++folders), 'evidence');
const open = (path: string, limits = LIMITS) => EvidenceFiles.open(crypto, path, limits);

test('what is put is got, by its digest, also after a restart', async () => {
  const path = folder();
  const files = await open(path);
  assert.equal(await files.put(digestOf('a report'), utf8('a report')), true);
  assert.equal(await files.put(digestOf('a report'), utf8('a report')), false);
  assert.deepEqual(await (await open(path)).get(digestOf('a report')), utf8('a report'));
  await assert.rejects(files.get(digestOf('another')), { code: 'EVIDENCE_NOT_FOUND' });
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(statSync(join(path, toHex(digestOf('a report')))).mode & 0o777, 0o600);
});

test('other bytes than the digest’s are neither taken nor given', async () => {
  const path = folder();
  const files = await open(path);
  await assert.rejects(files.put(digestOf('a'), utf8('b')), { code: 'EVIDENCE_DIGEST_MISMATCH' });
  assert.deepEqual(readdirSync(path), []);
  await files.put(digestOf('a'), utf8('a'));
  writeFileSync(join(path, toHex(digestOf('a'))), 'b');
  await assert.rejects(files.get(digestOf('a')), { code: 'EVIDENCE_CORRUPT' });
  // Who still has it can bring it back.
  assert.equal(await files.put(digestOf('a'), utf8('a')), true);
  assert.deepEqual(await files.get(digestOf('a')), utf8('a'));
  await assert.rejects(files.get(new Uint8Array(31)), { code: 'ARGUMENT_INVALID' });
});

test('one piece, and all together, have a largest size', async () => {
  const path = folder();
  const files = await open(path);
  const text = (letter: string, length: number) => letter.repeat(length);
  const put = (of: EvidenceFiles, content: string) => of.put(digestOf(content), utf8(content));
  await assert.rejects(put(files, text('a', 101)), { code: 'REQUEST_TOO_LARGE' });
  // At once: one of them finds the store full.
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((letter) => put(files, text(letter, 100))));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  // What is there already needs no room; what is there counts after a restart.
  assert.equal(await put(files, text('a', 100)), false);
  await assert.rejects(put(await open(path), text('d', 51)), { code: 'EVIDENCE_STORE_FULL' });
  assert.equal(await put(await open(path), text('d', 50)), true);
});

test('small pieces count for the block that each takes', async () => {
  const path = folder();
  const limits = { ...LIMITS, blockBytes: 100 };
  const put = async (content: string) =>
    (await EvidenceFiles.open(crypto, path, limits)).put(digestOf(content), utf8(content));
  await put('a');
  await put('b');
  await assert.rejects(put('c'), { code: 'EVIDENCE_STORE_FULL' });
});

test('what a crash left unfinished is gone after the next start', async () => {
  const path = folder();
  await open(path);
  writeFileSync(join(path, `${toHex(digestOf('a'))}.tmp`), 'half');
  writeFileSync(join(path, 'README'), 'the operator’s');
  await open(path);
  assert.deepEqual(readdirSync(path), ['README']);
});

test('a folder that cannot be used is a failure of the storage', async () => {
  const path = folder();
  await open(path);
  writeFileSync(join(path, 'file'), '');
  await assert.rejects(open(join(path, 'file')), { code: 'STORAGE_FAILED' });
});
