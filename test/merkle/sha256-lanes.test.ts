import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bytes, toHex } from '../../src/core/bytes.ts';
import { blocksOf, FREE, listBytes, Sha256Lanes } from '../../src/merkle/sha256-lanes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

test('four messages at a time hash as OpenSSL hashes them, for every length and number of messages, where they lie', () => {
  const lanes = new Sha256Lanes();
  const slot = 64 * 40;
  const messagesAt = FREE + listBytes(7);
  lanes.reserve(messagesAt + 8 * slot);
  const byBlocks = new Map<number, Bytes[]>();
  for (let length = 0; length < 1200; length += length < 300 ? 1 : 37) {
    const blocks = blocksOf(length);
    byBlocks.set(blocks, [...(byBlocks.get(blocks) ?? []), crypto.randomBytes(length)]);
  }
  for (const [blocks, messages] of byBlocks) {
    for (let at = 0, count = 1; at < messages.length; at += count, count = (count % 7) + 1) {
      const some = messages.slice(at, at + count);
      for (const prefix of [undefined, 0, 1, 0xff]) {
        // What others have left there: none of it is part of a message.
        lanes.bytes.set(crypto.randomBytes(7 * slot + 128), messagesAt);
        const to = some.map((_, i) => messagesAt + 7 * slot + 33 * i);
        some.forEach((message, i) => {
          const from = messagesAt + 1 + i * slot; // odd addresses: nothing has to be aligned
          lanes.bytes.set(message, from);
          lanes.put(FREE, i, from, message.length, to[i]!);
        });
        lanes.hash(FREE, some.length, blocks, prefix);
        some.forEach((message, i) => {
          const whole = message.slice();
          if (prefix !== undefined && whole.length > 0) whole[0] = prefix;
          // A message of no bytes has no first one to stand for.
          if (prefix !== undefined && whole.length === 0) return;
          const hash = lanes.bytes.slice(to[i], to[i]! + 32);
          assert.equal(toHex(hash), toHex(crypto.sha256(whole)), `${message.length} bytes, ${prefix}`);
        });
      }
    }
  }
});
