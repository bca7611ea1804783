import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concat, toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  type ByteStream,
  open,
  openWhole,
  type SealedFor,
  seal,
  statedIn,
} from '../../src/participants/sealed-file.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled } from '../core/mangle.ts';

const CHUNK = 65_536;
const key = nodeCrypto.sha256(Uint8Array.of(1));
const salt = nodeCrypto.sha256(Uint8Array.of(2));
const FOR: SealedFor = { subject: 'urn:depa:dataset:log.example:1', version: 3, dataKeyId: 'key-1' };
const refused = (error: unknown) => isLedgerError(error, 'SEALED_FILE_INVALID');

async function whole(stream: ByteStream): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of stream) parts.push(part);
  return concat(...parts);
}
const sealed = (file: Bytes) => whole(seal(key, FOR, [file], salt));
const opened = (bytes: Bytes, expected = FOR, with_ = key) => openWhole(with_, expected, [bytes], 1 << 22);
const fileOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 9)) & 0xff);

test('what is sealed opens, at every size around a chunk, however it is cut into pieces', async () => {
  for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5]) {
    const file = fileOf(size);
    const bytes = await sealed(file);
    const chunks = Math.max(1, Math.ceil(size / CHUNK));
    const overhead = bytes.length - size - 16 * chunks;
    assert(overhead > 64 && overhead < 300);
    assert.deepEqual(await opened(bytes), file);
  }
  const file = fileOf(CHUNK + 100);
  const bytes = await sealed(file);
  const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(cuts, async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((to, i) => bytes.subarray(places[i], to));
      assert.deepEqual(await openWhole(key, FOR, pieces, 1 << 20), file);
      const again = places
        .slice(1)
        .map((to, i) => file.subarray(Math.min(places[i]!, file.length), Math.min(to, file.length)));
      assert.deepEqual(await whole(seal(key, FOR, again, salt)), bytes);
    }),
    { numRuns: 20 },
  );
});

test('the format does not change unnoticed', async () => {
  const bytes = await sealed(fileOf(3));
  assert.equal(toHex(nodeCrypto.sha256(bytes)), VECTOR);
});
const VECTOR = '420cdf9113970bdb1bfece4930b6bc3fd3ce199c289df3f5a982d276397fa436';

test('each time it is sealed it is other bytes', async () => {
  const [a, b] = [await whole(seal(key, FOR, [fileOf(9)])), await whole(seal(key, FOR, [fileOf(9)]))];
  assert.notDeepEqual(a, b);
  assert.deepEqual(await opened(a), await opened(b));
});

test('every damaged byte is noticed', async () => {
  for (const bytes of mangled(await sealed(fileOf(40)))) await assert.rejects(opened(bytes), refused);
});

test('chunks cannot be cut off, swapped, doubled, or taken from another file', async () => {
  const file = fileOf(3 * CHUNK);
  const bytes = await sealed(file);
  const head = bytes.subarray(0, bytes.length - 3 * (CHUNK + 16));
  const chunks = [0, 1, 2].map((i) =>
    bytes.subarray(head.length + i * (CHUNK + 16), head.length + (i + 1) * (CHUNK + 16)),
  );
  const [a, b, c] = chunks as [Bytes, Bytes, Bytes];
  assert.deepEqual(await opened(concat(head, a, b, c)), file);
  const other = await whole(seal(key, FOR, [file]));
  const foreign = other.subarray(other.length - CHUNK - 16);
  for (const parts of [
    [],
    [a],
    [a, b],
    [b, a, c],
    [a, c],
    [a, a, b, c],
    [a, b, c, c],
    [a, b, c, new Uint8Array(16)],
    [a, b, foreign],
  ]) {
    await assert.rejects(opened(concat(head, ...parts)), refused);
  }
});

test('it opens for what it was sealed for only, with that key only', async () => {
  const bytes = await sealed(fileOf(5));
  for (const change of [
    { subject: 'urn:depa:dataset:log.example:2' },
    { version: 4 },
    { dataKeyId: 'key-2' },
  ]) {
    await assert.rejects(opened(bytes, { ...FOR, ...change }), refused);
  }
  await assert.rejects(opened(bytes, FOR, nodeCrypto.sha256(key)), (error: Error) => {
    return refused(error) && /another key/.test(error.message);
  });
  assert.deepEqual(await statedIn([bytes]), FOR);
});

test('nothing of a file that is too large, and no key of another length', async () => {
  const bytes = await sealed(fileOf(CHUNK + 1));
  await assert.rejects(openWhole(key, FOR, [bytes], CHUNK), refused);
  const short = key.subarray(1);
  const usage = (error: unknown) => isLedgerError(error, 'ARGUMENT_INVALID');
  await assert.rejects(whole(seal(short, FOR, [])), usage);
  await assert.rejects(whole(open(short, FOR, [bytes])), usage);
  await assert.rejects(whole(seal(key, { ...FOR, subject: 'x'.repeat(3000) }, [])), usage);
});
