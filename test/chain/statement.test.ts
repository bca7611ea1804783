import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalStatement, parseStatement, type Statement, toBeSigned } from '../../src/chain/statement.ts';
import { lookupsFor } from '../../src/chain/transition.ts';
import { concat, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { claims, forge, reversed } from './forge.ts';
import { base } from './refusals/base.ts';

for (const crypto of [nodeCrypto, nobleCrypto]) {
  const { world, icmr, tdc, cowin } = base(crypto);

  describe(`statements with ${crypto.name}`, () => {
    test('say what was signed', () => {
      const statement = world.verification(cowin, {}, { subject: cowin.did });
      const read = parseStatement(crypto, statement);
      assert.deepEqual(read.entryId, crypto.sha256(statement));
      assert.deepEqual(
        [read.issuer, read.subject, read.issuedAt, read.algorithm, read.algorithmId],
        [world.sro.did, cowin.did, world.now, 'Ed25519', -8],
      );
      assert.deepEqual(read.chain, {
        kind: 'participant.verify',
        log: world.origin,
        refs: [world.ref('after', 5)],
      });
      assert.deepEqual(encode(read.body as Cbor), read.payload);
      assert.ok(world.sro.keys[0].publicKey.verify(toBeSigned(read), read.signature));
      assert.deepEqual(lookupsFor(read), { entryIds: [read.entryId], indexes: [5] });
    });

    test('arrive with whatever is unprotected, and lengths that are not the shortest', () => {
      const statement = world.foreign(icmr);
      const loose = forge(statement, icmr.keys[0], (p) => p.unprotected.set(394, [utf8('a receipt')]));
      assert.equal(parseStatement(crypto, canonicalStatement(loose)).chain, undefined);
      const long = concat(Uint8Array.of(0xd8, 18, 0x98, 4), statement.subarray(2));
      assert.deepEqual(canonicalStatement(long), statement);
    });

    test('of others may have any order, labels, tags and floats in their header', () => {
      const accepted = (edit: Parameters<typeof forge>[2]): Statement => {
        const statement = forge(world.foreign(tdc), tdc.keys[0], edit);
        assert.equal(world.judge(statement).verdict.outcome, 'ok');
        return parseStatement(crypto, statement);
      };
      assert.equal(accepted((p) => p.header.set(16, 'application/other')).chain, undefined);
      accepted((p) => p.header.set('anything', { goes: [1, 2] }));
      accepted((p) => {
        p.protectedBytes = reversed(encode(p.header));
      });
      // {"x": 1.5} and {"x": 1(7)} beside the rest.
      for (const value of [Uint8Array.of(0xf9, 0x3e, 0), Uint8Array.of(0xc1, 7)]) {
        accepted((p) => {
          const header = encode(p.header);
          p.protectedBytes = concat(Uint8Array.of(header[0]! + 1), header.subarray(1), encode('xx'), value);
        });
      }
    });

    test('of others may have no iat, an old one, or a tagged or fractional one', () => {
      const issued = (iat: Uint8Array | undefined) => {
        const statement = forge(world.foreign(tdc), tdc.keys[0], (p) => {
          claims(p, { 6: 99_999 });
          const [before, after] = split(encode(p.header), encode(99_999));
          if (iat) p.protectedBytes = concat(before, iat, after);
          else claims(p, { 6: undefined });
        });
        assert.equal(world.judge(statement).verdict.outcome, 'ok');
        return parseStatement(crypto, statement).issuedAt;
      };
      assert.equal(issued(undefined), undefined);
      assert.equal(issued(encode(1)), 1);
      assert.equal(issued(Uint8Array.of(0xc1, 0x18, 100)), 100);
      assert.equal(issued(Uint8Array.of(0xf9, 0x3e, 0)), 1);
    });

    test('of others may be hash envelopes', () => {
      const preimage = utf8('a large thing');
      const statement = world.foreign(tdc, {
        payload: preimage,
        hashEnvelope: { location: 'https://a.example/x' },
      });
      assert.deepEqual(parseStatement(crypto, statement).payload, crypto.sha256(preimage));
      world.clone().accept(statement);
    });
  });
}

function split(bytes: Uint8Array, at: Uint8Array): [Uint8Array, Uint8Array] {
  const i = Buffer.from(bytes).indexOf(at);
  return [bytes.slice(0, i), bytes.slice(i + at.length)];
}
