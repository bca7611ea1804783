import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { x25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { fromHex, toHex } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  coseKeyMap,
  decodeCoseKey,
  decodeKeySet,
  decodePrivateKey,
  encodeCoseKey,
  encodeKeySet,
  encodeListedKey,
  encodePrivateKey,
  isEncryptionKey,
  thumbprint,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled, refusal } from './mangle.ts';

const CODES = ['CBOR_MALFORMED', 'KEY_MALFORMED', 'KEY_WEAK'];
const secret = (algorithm: string) => new Uint8Array(algorithm === 'ES384' ? 48 : 32).fill(5);
const algorithms = ['ES256', 'ES384', 'Ed25519'] as const;
const members = (bytes: Uint8Array) => decode(bytes) as ReadonlyMap<number, Cbor>;

// RFC 9679 §6.
const EXAMPLE = new Map<number, Cbor>([
  [1, 2],
  [-1, 1],
  [-2, fromHex('65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d')],
  [-3, fromHex('1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c')],
  [2, fromHex('1decade2facade30')],
]);
// RFC 7748 §6.1, the first public key.
const X25519 = fromHex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`keys, ${crypto.name}`, () => {
    test('the thumbprint of RFC 9679 §6', () => {
      const key = decodeCoseKey(EXAMPLE);
      assert.equal(
        toHex(thumbprint(crypto, key)),
        '496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec',
      );
      assert.equal(
        toHex(encodeCoseKey(key)),
        'a40102200121582065eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d' +
          '2258201e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c',
      );
    });

    for (const algorithm of algorithms) {
      test(`${algorithm}: public and private round trip`, () => {
        const key = crypto.importPrivateKey(algorithm, secret(algorithm));
        const decoded = decodeCoseKey(encodeCoseKey(key.publicKey));
        assert.deepEqual(decoded, { algorithm, bytes: key.publicKey.bytes });
        assert(!isEncryptionKey(decoded));
        crypto.importPublicKey(decoded.algorithm, decoded.bytes);
        const file = encodePrivateKey(key);
        assert.deepEqual(decodePrivateKey(crypto, file).secret, key.secret);
        assert.equal(
          refusal(() => decodeCoseKey(file)),
          'KEY_MALFORMED',
        );
      });
    }

    test('a private key with another key’s public part is refused', () => {
      const file = new Map(members(encodePrivateKey(crypto.importPrivateKey('Ed25519', secret('')))));
      file.set(-4, new Uint8Array(32).fill(6));
      assert.equal(
        refusal(() => decodePrivateKey(crypto, encode(file))),
        'KEY_MALFORMED',
      );
      file.delete(-4);
      assert.equal(
        refusal(() => decodePrivateKey(crypto, encode(file))),
        'KEY_MALFORMED',
      );
    });

    test('a key set names its keys by thumbprint, and unknown members are passed over', () => {
      const keys = algorithms.map((name) => crypto.importPrivateKey(name, secret(name)).publicKey);
      const set = encodeKeySet(crypto, keys);
      assert.deepEqual(
        decodeKeySet(set),
        keys.map(({ algorithm, bytes }) => ({ algorithm, bytes })),
      );
      const [first] = decode(set) as readonly ReadonlyMap<number, Cbor>[];
      assert.deepEqual(first!.get(2), thumbprint(crypto, keys[0]!));
      assert.equal(first!.get(3), -7);
      assert.deepEqual(encode(first!), encodeListedKey(crypto, keys[0]!));
      const mixed = encode([new Map([[1, 4]]), 'junk', coseKeyMap(keys[1]!)]);
      assert.equal(decodeKeySet(mixed).length, 1);
      const one = coseKeyMap(keys[1]!);
      assert.equal(decodeKeySet(encode(new Array<Cbor>(32).fill(one))).length, 32);
      for (const no of [new Map(), new Array<Cbor>(33).fill(one)]) {
        assert.equal(
          refusal(() => decodeKeySet(encode(no))),
          'KEY_MALFORMED',
        );
      }
    });
  });
}

test('X25519 is an encryption key', () => {
  const key = decodeCoseKey(encodeCoseKey({ algorithm: 'X25519', bytes: X25519 }));
  assert(isEncryptionKey(key));
  assert.equal(thumbprint(nodeCrypto, key).length, 32);
  assert.equal(toHex(encodeCoseKey(key)).slice(0, 16), 'a301012004215820');
});

test('an X25519 key is refused exactly if its secret is zero with every scalar', () => {
  const P = 2n ** 255n - 19n;
  const little = (value: bigint) =>
    Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  const ofSmallOrder = (u: Uint8Array) => {
    try {
      x25519.getSharedSecret(new Uint8Array(32).fill(1), u);
      return false;
    } catch {
      return true;
    }
  };
  const accepted = (u: Uint8Array) => {
    const map = new Map<number, Cbor>([
      [1, 1],
      [-1, 4],
      [-2, u],
    ]);
    return refusal(() => decodeCoseKey(map)) === 'accepted';
  };
  // Orders 1 and 2, 4, 4 on the twist, and twice 8.
  const order8 = [
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  ];
  const weak = [0n, 1n, P - 1n, ...order8];
  for (const value of weak) {
    assert.ok(ofSmallOrder(little(value)));
    assert.equal(accepted(little(value)), false);
    for (const near of [value - 2n, value + 2n, value ^ (1n << 200n)]) {
      if (near < 0n || near >= P) continue;
      assert.equal(accepted(little(near)), !ofSmallOrder(little(near)));
    }
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 2n, max: P - 2n }), (value) => {
      assert.equal(accepted(little(value)), !ofSmallOrder(little(value)));
    }),
  );
});

test('refusals', () => {
  const p256 = coseKeyMap(decodeCoseKey(EXAMPLE));
  const change = (map: ReadonlyMap<number, Cbor>, ...entries: [number, Cbor][]) =>
    new Map([...map, ...entries]);
  const okp = (crv: number, x: Uint8Array) =>
    new Map<number, Cbor>([
      [1, 1],
      [-1, crv],
      [-2, x],
    ]);
  const zero = new Uint8Array(32);
  const refused: [ReadonlyMap<number, Cbor>, string][] = [
    [change(p256, [1, 3]), 'KEY_MALFORMED'],
    [change(p256, [1, 'EC2']), 'KEY_MALFORMED'],
    [change(p256, [-1, 8]), 'KEY_MALFORMED'], // secp256k1
    [change(p256, [-1, 2]), 'KEY_MALFORMED'], // P-384 with P-256 coordinates
    [change(p256, [-3, true]), 'KEY_MALFORMED'], // compressed
    [change(p256, [-2, zero.subarray(1)]), 'KEY_MALFORMED'],
    [change(p256, [-2, zero]), 'KEY_WEAK'], // off the curve
    [change(p256, [3, -35]), 'KEY_MALFORMED'],
    [change(p256, [3, -25]), 'KEY_MALFORMED'],
    [change(p256, [-4, zero]), 'KEY_MALFORMED'],
    [okp(5, zero), 'KEY_MALFORMED'], // X448
    [okp(6, Uint8Array.of(1, ...zero.subarray(1))), 'KEY_WEAK'], // identity
    [okp(4, zero), 'KEY_WEAK'], // small order
    [okp(4, Uint8Array.of(1, ...zero.subarray(1))), 'KEY_WEAK'],
    [okp(4, fromHex(`ed${'ff'.repeat(30)}7f`)), 'KEY_WEAK'], // p, which is 0
    [
      okp(
        4,
        X25519.map((byte, i) => (i === 31 ? byte | 0x80 : byte)),
      ),
      'KEY_WEAK',
    ],
  ];
  for (const [map, code] of refused) {
    assert.equal(
      refusal(() => decodeCoseKey(map)),
      code,
      toHex(encode(map)),
    );
  }
  assert.equal(
    refusal(() => decodeCoseKey(encode([1]))),
    'KEY_MALFORMED',
  );
  decodeCoseKey(change(p256, [3, -9], [4, [2]]));
});

test('members in any order give one thumbprint', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...EXAMPLE], { minLength: EXAMPLE.size }), (entries) => {
      const head = 0xa0 + entries.length;
      const body = entries.flatMap(([label, value]) => [...encode(label), ...encode(value)]);
      assert.deepEqual(decodeCoseKey(Uint8Array.of(head, ...body)), decodeCoseKey(EXAMPLE));
    }),
  );
});

test('any bytes are refused or are a key, and never crash', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.constantFrom('', 'a3010120062158', 'a40102200121'),
      (tail, start) => {
        const code = refusal(() => decodeCoseKey(Uint8Array.of(...fromHex(start), ...tail)));
        assert(code === 'accepted' || CODES.includes(code), code);
      },
    ),
  );
});

test('mangled: refused, or a usable key with its own thumbprint', () => {
  for (const algorithm of algorithms) {
    const key = nodeCrypto.importPrivateKey(algorithm, secret(algorithm)).publicKey;
    const bytes = encodeCoseKey(key);
    const print = toHex(thumbprint(nodeCrypto, key));
    for (const bad of mangled(bytes)) {
      const code = refusal(() => {
        const other = decodeCoseKey(bad);
        // A changed x of Ed25519 can be another point, or the OKP curve another one: then it is another key.
        assert.notEqual(toHex(thumbprint(nodeCrypto, other)), print);
        if (!isEncryptionKey(other)) nodeCrypto.importPublicKey(other.algorithm, other.bytes);
      });
      assert(code === 'accepted' || CODES.includes(code), code);
    }
  }
});

test('mangled key files: refused, or the same key', () => {
  const key = nodeCrypto.importPrivateKey('ES256', secret('ES256'));
  const file = encodePrivateKey(key);
  for (const bad of mangled(file)) {
    const code = refusal(() => assert.deepEqual(decodePrivateKey(nodeCrypto, bad).secret, key.secret));
    assert(code === 'accepted' || CODES.includes(code), code);
  }
});
