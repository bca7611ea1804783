import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { encodeCoseKey } from '../../src/cose/index.ts';
import { cosigner, formatVerifierKey, noteSigner } from '../../src/note/index.ts';
import { formatTrust, parseTrust } from '../../src/verify/index.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { SmallLog } from './small-log.ts';

const crypto = nobleCrypto;
const { log } = SmallLog.begin(crypto);
const seed = (byte: number) => crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(byte));
const witness = cosigner(crypto, 'witness.example/1', seed(1));
const policyText = `witness w1 ${formatVerifierKey(witness.verifierKey)}\nquorum w1\n`;
const whole = formatTrust(crypto, { ...log.trust(), policyText, freshnessSeconds: 60 });
const members = () => JSON.parse(whole) as Record<string, unknown>;
const changed = (change: Record<string, unknown>) => JSON.stringify({ ...members(), ...change });
const malformed = (error: unknown) => isLedgerError(error, 'TRUST_MALFORMED');

describe('a trust file', () => {
  it('is read back as it was written', () => {
    const trust = parseTrust(crypto, whole);
    assert.equal(trust.origin, log.origin);
    assert.equal(trust.policy?.witnesses.length, 1);
    assert.equal(trust.freshnessSeconds, 60);
    assert.equal(formatTrust(crypto, trust), whole);
  });

  it('has optional members', () => {
    const { v, origin, genesis, checkpointKey, receiptKey } = members();
    const trust = parseTrust(crypto, JSON.stringify({ v, origin, genesis, checkpointKey, receiptKey }));
    assert.deepEqual(Object.keys(trust).sort(), ['checkpointKey', 'genesis', 'origin', 'receiptKey']);
  });

  const other = noteSigner(crypto, 'other.example/log', seed(2)).verifierKey;
  const own = log.trust().checkpointKey;
  const asWitness = formatVerifierKey(cosigner(crypto, 'w', log.world.key('checkpoint')).verifierKey);
  const ed25519 = Buffer.from(encodeCoseKey(seed(4).publicKey)).toString('base64url');
  for (const [why, text] of [
    ['not JSON', '{'],
    ['not an object', '[]'],
    ['null', 'null'],
    ['another version', changed({ v: 2 })],
    ['an unknown member', changed({ extra: 1 })],
    ['__proto__', whole.replace('"v"', '"__proto__": {}, "v"')],
    ['a member twice', whole.replace('"v": 1', '"v": 1, "origin": "evil.example"')],
    [
      'a member twice, once with an escape',
      whole.replace('"v": 1', '"v": 1, "\\u006frigin": "evil.example"'),
    ],
    ['no origin', changed({ origin: undefined })],
    ['an empty origin', changed({ origin: '' })],
    ['a short genesis', changed({ genesis: 'AAAA' })],
    ['a padded genesis', changed({ genesis: `${members().genesis}=` })],
    ['the checkpoint key of another log', changed({ checkpointKey: formatVerifierKey(other) })],
    ['a cosigner’s key for checkpoints', changed({ checkpointKey: formatVerifierKey(witness.verifierKey) })],
    ['no checkpoint key', changed({ checkpointKey: 'x' })],
    ['an Ed25519 receipt key', changed({ receiptKey: ed25519 })],
    ['a receipt key with trailing bytes', changed({ receiptKey: `${members().receiptKey}AA` })],
    ['an empty service', changed({ service: '' })],
    ['a malformed policy', changed({ policy: 'quorum nobody\n' })],
    ['an empty policy', changed({ policy: '' })],
    ['a policy for another log', changed({ policy: `log ${formatVerifierKey(other)}\nquorum none\n` })],
    ['the log as its own witness', changed({ policy: `witness w ${asWitness}\nquorum w\n` })],
    ['no replayers in a list', changed({ replayers: [] })],
    ['a replayer that is not in the policy', changed({ replayers: ['w2'] })],
    ['a replayer by the name of its key', changed({ replayers: ['witness.example/1'] })],
    ['a replayer twice', changed({ replayers: ['w1', 'w1'] })],
    ['replayers without a policy', changed({ policy: undefined, replayers: ['w1'] })],
    ['replayers as text', changed({ replayers: 'w1' })],
    ['no rules in a list', changed({ rules: [] })],
    ['rules that are no ids', changed({ rules: ['AAAA'] })],
    ['freshness 0', changed({ freshnessSeconds: 0 })],
    ['freshness as text', changed({ freshnessSeconds: '60' })],
    ['fractional freshness', changed({ freshnessSeconds: 1.5 })],
  ] as const) {
    it(`is refused: ${why}`, () => assert.throws(() => parseTrust(crypto, text), malformed));
  }

  it('says which cosigners are replayers', () => {
    const trust = parseTrust(crypto, changed({ replayers: ['w1'] }));
    assert.deepEqual(trust.replayers, ['w1']);
    assert.deepEqual(parseTrust(crypto, formatTrust(crypto, trust)).replayers, ['w1']);
  });

  it('takes a policy that names the log', () => {
    const policy = `log ${formatVerifierKey(own)}\nquorum none\n`;
    assert.equal(parseTrust(crypto, changed({ policy })).policy?.logs.length, 1);
  });

  it('when damaged is refused, or is a file with another text', () => {
    const bytes = utf8(whole);
    let index = 0;
    for (const bad of mangled(bytes)) {
      // Every seventh: reading one takes curve arithmetic.
      if (index++ % 7 !== 0) continue;
      const result = outcome(() => parseTrust(crypto, new TextDecoder().decode(bad)));
      if ('code' in result) assert.equal(result.code, 'TRUST_MALFORMED');
      else assert.doesNotThrow(() => formatTrust(crypto, result.value));
    }
  });
});
