import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '../../src/chain/kinds/index.ts';
import { FRAME_REASONS } from '../../src/chain/refusal.ts';
import { rulesDocument, rulesId } from '../../src/chain/rules.ts';
import { toHex } from '../../src/core/bytes.ts';
import { type CborMap, decode } from '../../src/core/cbor.ts';
import { CODES } from '../../src/core/codes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

test('the rules have this id; a change of it is a change of the law', () => {
  assert.equal(
    toHex(rulesId(nodeCrypto)),
    'adf7ef06406231d0573f282c965365859649fb499b72f503a4d18bbed6179629',
  );
});

test('the rules document names every kind, with its body and its refusals in order', () => {
  const document = decode(rulesDocument()) as CborMap;
  const kinds = document.get('kinds') as CborMap;
  assert.equal(kinds.size, KINDS.length);
  for (const { name, body, refusals } of KINDS) {
    const rule = kinds.get(name) as CborMap;
    assert.equal(rule.get('body'), body.cddl);
    assert.deepEqual(rule.get('refusals'), Object.entries(refusals));
  }
});

test('a kind’s own refusals are no catalogue codes, and mean the same wherever they are declared', () => {
  const meaning = new Map<string, string>();
  for (const { refusals } of KINDS) {
    for (const [code, text] of Object.entries(refusals)) {
      assert.ok(!Object.hasOwn(CODES, code), code);
      assert.equal(meaning.get(code) ?? text, text);
      meaning.set(code, text);
    }
  }
  const own = ['GENESIS_MISSING'];
  for (const reason of FRAME_REASONS) assert.ok(Object.hasOwn(CODES, reason) || own.includes(reason), reason);
});

test('relations lead to kinds that there are', () => {
  const names: readonly (string | null)[] = [null, ...KINDS.map(({ name }) => name)];
  for (const { refs = {} } of KINDS) {
    for (const { kinds } of Object.values(refs)) assert.ok(kinds.every((kind) => names.includes(kind)));
  }
});
