import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readContainerPolicy } from '../../src/attestation/container-policy.ts';
import { Reference, readRego } from '../../src/attestation/rego-literal.ts';
import { allowsAll } from '../../src/core/allow-all.ts';
import { fromBase64, fromHex, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { outcome } from '../core/mangle.ts';
import { folder, readVector } from './genuine.ts';

const judge = (text: string) => readContainerPolicy(nodeCrypto, utf8(text));
const BOUND = [
  'mount_device',
  'mount_overlay',
  'create_container',
  'exec_in_container',
  'exec_external',
  'load_fragment',
]
  .map((name) => `${name} := data.framework.${name}`)
  .join('\n');

describe('Rego of generated policies', () => {
  it('values of every kind', () => {
    const { name, rules, unread } = readRego(`# made by a tool
package policy

import future.keywords.in
a := "text \\u0041"  # why
b := \`raw \\d+\`
c := [1, -2, true, null, [],]
d := {"x": {"y": data.framework.errors,},}
e := data.framework.mount_device
`);
    assert.equal(name, 'policy');
    assert.deepEqual(unread, []);
    assert.deepEqual(rules.get('a'), 'text A');
    assert.deepEqual(rules.get('b'), 'raw \\d+');
    assert.deepEqual(rules.get('c'), [1, -2, true, null, []]);
    assert.deepEqual(
      rules.get('d'),
      new Map([['x', new Map([['y', new Reference('data.framework.errors')]])]]),
    );
    assert.deepEqual(rules.get('e'), new Reference('data.framework.mount_device'));
  });

  it('what is none of it is named by its line', () => {
    for (const line of [
      'allow { true }',
      'default allow := false',
      'a := 1 { input.x }',
      'a = 1',
      'a := input.x == 1',
      'a := 1.5',
      'a := f(1)',
      'a := [x | x := 1]',
      'a := {1, 2}',
      'import data.other',
      'package other',
      'b := 1\nb := 2',
      '}',
      'a := "unfinished',
    ]) {
      assert.ok(readRego(`package policy\n${line}\n`).unread.length > 0, line);
    }
    assert.deepEqual(readRego('package policy\na := 1\nallow { true }\nb := 2').unread, [3]);
  });

  it('any text is read, in bounded time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => void readRego(text)),
      { numRuns: 2000 },
    );
    const deep = `package policy\na := ${'['.repeat(100_000)}`;
    assert.deepEqual(readRego(deep).unread, [2]);
    readRego('#'.repeat(150_000));
    readRego(`${'#\n'.repeat(75_000)}`);
    readRego(`package policy\n${'a := [\n'.repeat(20_000)}`);
  });
});

describe('what a container policy allows', () => {
  it('nothing but what the framework decides', () => {
    assert.equal(judge(`package policy\ncontainers := []\n${BOUND}\n`).openness, 'closed');
  });

  it('everything, where a decision is always the same', () => {
    for (const name of ['mount_overlay', 'create_container', 'exec_external', 'load_fragment']) {
      for (const value of ['{"allowed": true}', '{"allowed": true, "allow_stdio_access": true}', 'true']) {
        const text = `package policy\n${BOUND.replace(`data.framework.${name}`, value)}\n`;
        assert.equal(judge(text).openness, 'allows-all', text);
      }
    }
    assert.equal(judge(`package policy\n${BOUND}\nplan9_mount := {"allowed": true}`).openness, 'allows-all');
    assert.equal(judge('{"allow_all": true, "containers": {}}').openness, 'allows-all');
    assert.equal(judge('').openness, 'allows-all');
  });

  it('unknown, where a decision is not the framework’s, or missing, or cannot be read', () => {
    for (const text of [
      'package other\n',
      'package policy\n',
      `package policy\n${BOUND.replace('data.framework.exec_external', 'data.framework.mount_overlay')}`,
      `package policy\n${BOUND}\ncreate_container { true }`,
      `package policy\n${BOUND}\nexec_external = {"allowed": true}`,
      '{"allow_all": false}',
      '{"allow_all": "true"}',
      'not a policy at all',
    ]) {
      assert.equal(judge(text).openness, 'unknown', text);
    }
    assert.equal(readContainerPolicy(nodeCrypto, Uint8Array.of(0xff, 0xfe)).openness, 'unknown');
  });

  it('unknown, where the policy itself decides what may leave the machine', () => {
    for (const name of ['scratch_mount', 'get_properties', 'dump_stacks', 'runtime_logging']) {
      const own = judge(`package policy\n${BOUND}\n${name} := {"allowed": true}\n`);
      assert.deepEqual([own.openness, own.why], ['unknown', `not left to the framework: ${name}`]);
      const left = judge(`package policy\n${BOUND}\n${name} := data.framework.${name}\n`);
      assert.equal(left.openness, 'closed');
    }
  });

  it('none that is longer than any', () => {
    assert.deepEqual(
      outcome(() => readContainerPolicy(nodeCrypto, new Uint8Array(300_000))),
      { code: 'EVIDENCE_TOO_LARGE' },
    );
  });

  it('genuine policies that allow everything', { skip: folder === undefined }, () => {
    for (const name of [
      'azure-skr/uvm_security_policy.base64',
      'azure-skr/security-context-security-policy-base64',
    ]) {
      const text = fromBase64(new TextDecoder().decode(readVector(name)).trim());
      const found = readContainerPolicy(nodeCrypto, text);
      assert.equal(found.openness, 'allows-all');
      // The reader comes to the same without knowing the digest.
      const changed = utf8(`${new TextDecoder().decode(text)}\n# changed\n`);
      assert.equal(readContainerPolicy(nodeCrypto, changed).openness, 'allows-all');
    }
  });
});

it('host data that allow everything, for the log and for appraisal', () => {
  for (const hex of [
    '73973b78d70cc68353426de188db5dfc57e5b766e399935fb73a61127ea26d20',
    'cadd74f71ebb8fbf9782baab649612520f3c416bc5ce9ac768808ddc8d9b031c',
    'ab6ccfea6e8c9c6233b1a4631cfd6440ecf910694b34d7e92e0236738758831e',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '4f4448c67f3c8dfc8de8a5e37125d807dadcc41f06cf23f615dbd52eec777d10',
    '00'.repeat(32),
  ]) {
    assert.equal(allowsAll(fromHex(hex)), true);
  }
  assert.equal(allowsAll(fromHex('11'.repeat(32))), false);
});
