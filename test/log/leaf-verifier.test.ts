import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY, parseStatement } from '../../src/chain/index.ts';
import { LeafVerifier } from '../../src/log/index.ts';
import { signingKeyOf } from '../../src/log/signing-keys.ts';
import { leafHash } from '../../src/merkle/index.ts';
import { StateMap } from '../../src/statemap/index.ts';
import { crypto, foreign, joined, startedLog } from './world.ts';

test('what a thread could not answer is left to the replay', async () => {
  const log = await startedLog();
  const members = [await joined(log), await joined(log)];
  const leaves = members.map((member, index) => {
    const statement = foreign(member, index);
    const { entryId: data } = parseStatement(crypto, statement);
    return { index, data, hash: leafHash(crypto, data), statement, above: undefined };
  });
  const { kid } = parseStatement(crypto, leaves[0]!.statement);
  const rows = [...log.snapshot.state.entries()].flatMap(([key, value]): [Uint8Array, Uint8Array][] => {
    const found = signingKeyOf(key, value);
    if (!found) return [];
    const record = KEY.decode(value);
    // What no key is made of: a defect, like a thread that dies.
    const isFirst = Buffer.from(found[0]).equals(kid);
    return [[key, isFirst ? KEY.put({ ...record, key: record.key.slice(1) }, kid)[1]! : value]];
  });
  await log.close();
  const verifier = new LeafVerifier(StateMap.of(crypto, rows), 1);
  async function* bundles() {
    for (const leaf of leaves) yield [leaf];
  }
  try {
    const answers = [];
    for await (const [leaf] of verifier.verified(bundles())) answers.push([leaf!.index, leaf!.verified]);
    assert.deepEqual(answers, [
      [0, false],
      [1, true],
    ]);
  } finally {
    await verifier.close();
  }
});
