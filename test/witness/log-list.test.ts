import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/core/bytes.ts';
import { cosigner, formatVerifierKey, noteSigner } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { parseLogList } from '../../src/witness/index.ts';
import { mangled, outcome } from '../core/mangle.ts';

const vkey = (name: string) =>
  formatVerifierKey(noteSigner(crypto, name, crypto.generatePrivateKey('Ed25519')).verifierKey);
const [a, again, b] = [vkey('example.com/a'), vkey('example.com/a'), vkey('sum.golang.org')];
const witness = formatVerifierKey(
  cosigner(crypto, 'example.com/w', crypto.generatePrivateKey('Ed25519')).verifierKey,
);
const MALFORMED = { code: 'POLICY_MALFORMED' };

describe('the list of logs', () => {
  it('names each log by its origin, with all of its keys', () => {
    const text = `# logs\n\nlog ${a} https://a.example/\n\tlog ${again}\norigin ${b} go.sum  database tree \n`;
    const logs = parseLogList(text);
    assert.deepEqual([...logs.keys()], ['example.com/a', 'go.sum  database tree']);
    assert.deepEqual(logs.get('example.com/a')!.map(formatVerifierKey), [a, again]);
    assert.deepEqual(logs.get('go.sum  database tree')!.map(formatVerifierKey), [b]);
  });

  it('takes a trust policy as it is', () => {
    const logs = parseLogList(`log ${a}\nwitness w ${witness}\ngroup g any w\nquorum g\n`);
    assert.deepEqual([...logs.keys()], ['example.com/a']);
  });

  it('refuses what it does not understand, by line', () => {
    for (const text of [
      `log ${a}`,
      'log\n',
      `log ${a} url more\n`,
      `log ${a}\nlog ${a}\n`,
      `log ${a}\norigin ${a} other\n`,
      `log ${witness}\n`,
      `origin ${b}\n`,
      'log example.com/a+00000000+AAAA\n',
      `logs ${a}\n`,
      `${a}\n`,
      'log \u0000\n',
    ]) {
      assert.throws(() => parseLogList(text), MALFORMED, text);
    }
    assert.throws(() => parseLogList(`# one\nlog ${a}\nwhat\n`), { message: /line 3/ });
  });

  it('mangled, is another list or none', () => {
    for (const bytes of mangled(utf8(`log ${a}\norigin ${b} x y\n`))) {
      const result = outcome(() => parseLogList(bytes));
      if ('code' in result) assert.equal(result.code, 'POLICY_MALFORMED');
    }
  });
});
