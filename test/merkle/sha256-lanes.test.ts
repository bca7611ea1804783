import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../src/core/bytes.ts';
import { blocksOf, FREE, Sha256Lanes } from '../../src/merkle/sha256-lanes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

test('four messages at a time hash as OpenSSL hashes them, for every length and number of messages', () => {
  const lanes = new Sha256Lanes();
  const slot = 64 * 40;
  lanes.reserve(FREE + 8 * slot);
  const byBlocks = new Map<number, Uint8Array[]>();
  for (let length = 0; length < 1200; length += length < 300 ? 1 : 37) {
    const blocks = blocksOf(length);
    byBlocks.set(blocks, [...(byBlocks.get(blocks) ?? []), crypto.randomBytes(length)]);
  }
  for (const [blocks, messages] of byBlocks) {
    for (let at = 0, count = 1; at < messages.length; at += count, count = (count % 7) + 1) {
      const some = messages.slice(at, at + count);
      const from = some.map((_, i) => FREE + 1 + i * slot); // odd addresses: nothing has to be aligned
      some.forEach((message, i) => {
        lanes.bytes.set(message, from[i]);
        assert.equal(lanes.pad(from[i]!, message.length), blocks);
      });
      const to = some.map((_, i) => FREE + 7 * slot + 33 * i);
      lanes.hash(from, blocks, to);
      some.forEach((message, i) => {
        const hash = lanes.bytes.slice(to[i], to[i]! + 32);
        assert.equal(toHex(hash), toHex(crypto.sha256(message)), `${message.length} bytes`);
      });
    }
  }
});
