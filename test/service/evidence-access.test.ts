import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { EvidenceAccess } from '../../src/service/index.ts';

const TOKEN = 't'.repeat(43);
const line = (right: string, token: string) => `${right} token sha256:${toHex(crypto.sha256(utf8(token)))}`;
const parse = (...lines: string[]) => EvidenceAccess.parse(crypto, lines.join('\n'));

test('without a file, and with an empty one, nobody has any right', () => {
  for (const access of [EvidenceAccess.nobody(crypto), parse(), parse('# nobody', '')]) {
    for (const right of ['read', 'write'] as const) {
      assert.equal(access.allows(right, {}), false);
      assert.equal(access.allows(right, { token: TOKEN, subject: 'subject:CN=a' }), false);
    }
  }
});

test('a right is for one token or one certificate, and no other right follows from it', () => {
  const access = parse(line('read', TOKEN), 'write subject O=Example\\, Inc,CN=ccrp-1', '');
  assert.equal(access.allows('read', { token: TOKEN }), true);
  assert.equal(access.allows('write', { token: TOKEN }), false);
  assert.equal(access.allows('read', { token: TOKEN.slice(1) }), false);
  assert.equal(access.allows('write', { subject: 'subject:O=Example\\, Inc,CN=ccrp-1' }), true);
  assert.equal(access.allows('write', { subject: 'subject:CN=ccrp-1' }), false);
  assert.equal(access.allows('read', { subject: 'subject:O=Example\\, Inc,CN=ccrp-1' }), false);
  // The digest is no token, and a certificate cannot be named like one.
  assert.equal(access.allows('read', { token: line('', TOKEN).slice(7) }), false);
  assert.equal(access.allows('read', { subject: line('', TOKEN).trim() }), false);
});

test('a token that could be guessed is none', () => {
  const short = 'short';
  assert.equal(parse(line('read', short)).allows('read', { token: short }), false);
});

test('a line that is not understood stops the start', () => {
  const bad = [
    ...['reads token x', 'read', 'read token', `read token ${TOKEN}`, 'read token sha256:00'],
    ...['read subject', 'write subjekt CN=a', 'admin subject CN=a', `${line('read', TOKEN)} # mine`],
  ];
  for (const text of bad) assert.throws(() => parse('# first', text), { code: 'CONFIG_INVALID' }, text);
});
