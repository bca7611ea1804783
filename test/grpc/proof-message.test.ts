/** Proofs as we write them are what protobufjs writes, and its decoder reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat } from '../../src/core/bytes.ts';
import { headMessage } from '../../src/grpc/messages.ts';
import { consistencyMessage, inclusionMessage } from '../../src/grpc/proof-message.ts';
import { aichain } from '../../src/proto/aichain.js';

const { GetInclusionResponse, GetConsistencyResponse } = aichain.v1;

const count = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 300 }), fc.constant(Number.MAX_SAFE_INTEGER));
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const path = fc.array(hash, { maxLength: 63 });
const head = fc.record({ size: count, root: hash, time: count, checkpoint: fc.string() });
const heads = fc.sample(head, 3);
const proof = { path, head: fc.oneof(head, fc.constantFrom(...heads)) };
const receipt = fc.option(fc.uint8Array({ maxLength: 300 }));
/** Of sizes that no proof has: what is written has to be right anyhow. */
const odd = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });

test('inclusion', () => {
  const any = fc.record({ ...proof, index: count, leafHash: hash });
  fc.assert(
    fc.property(any, (of) => {
      const theirs = GetInclusionResponse.encode({ ...of, head: headMessage(of.head) }).finish();
      const ours = inclusionMessage.encode({ ...of, path: concat(...of.path) }).finish();
      assert.deepEqual(Buffer.from(ours), Buffer.from(theirs));
      assert.equal(GetInclusionResponse.decode(ours).index, of.index);
    }),
  );
});

test('consistency', () => {
  const any = fc.record({ ...proof, path: fc.oneof(path, odd), from: count, receipt });
  fc.assert(
    fc.property(any, (of) => {
      const last = of.receipt ?? new Uint8Array(0);
      const theirs = GetConsistencyResponse.encode({
        ...of,
        head: headMessage(of.head),
        receipt: last,
      }).finish();
      assert.deepEqual(Buffer.from(consistencyMessage.encode(of).finish()), Buffer.from(theirs));
    }),
  );
});
