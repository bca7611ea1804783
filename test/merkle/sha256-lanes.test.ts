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

test('messages that begin alike hash as OpenSSL hashes them, in whatever order they come', () => {
  const lanes = new Sha256Lanes();
  const messagesAt = FREE + listBytes(8);
  lanes.reserve(messagesAt + 8 * 512);
  // All zeros are as good a beginning as any, also the very first.
  const heads = [new Uint8Array(64), ...Array.from({ length: 3 }, () => crypto.randomBytes(64))];
  heads.push(heads[1]!.map((byte, i) => (i === 63 ? byte ^ 1 : byte)));
  for (let turn = 0; turn < 400; turn++) {
    const blocks = 3 + (turn % 4);
    const head = heads[Math.floor(turn / 7) % heads.length]!;
    const messages = Array.from({ length: 8 }, (_, i) => {
      const message = crypto.randomBytes(64 * blocks - 9 - ((turn * 8 + i) % 60));
      message.set(turn % 5 === 4 && i % 4 === turn % 3 ? heads[i % heads.length]! : head);
      return message;
    });
    messages.forEach((message, i) => {
      lanes.bytes.set(message, messagesAt + i * 512);
      lanes.put(FREE, i, messagesAt + i * 512, message.length, messagesAt + i * 512 + 480);
    });
    lanes.hash(FREE, messages.length, blocks);
    messages.forEach((message, i) => {
      const to = messagesAt + i * 512 + 480;
      assert.equal(toHex(lanes.bytes.slice(to, to + 32)), toHex(crypto.sha256(message)), `${turn}, ${i}`);
    });
  }
});
