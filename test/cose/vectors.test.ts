/** COSE_Sign1 and COSE_Sign against cose-wg/Examples and the negatives of go-cose, with both crypto back ends. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Cbor } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  type CosePublicKey,
  decodeCoseKey,
  decodeSign,
  decodeSign1,
  type Sign,
  type Sign1,
  sigStructure,
  verifySign1,
  verifySigner,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { vectors } from '../vectors.ts';
import { refusal } from './mangle.ts';

interface Jwk {
  kty: string;
  crv: string;
  [member: string]: string;
}
interface Example {
  title: string;
  fail?: boolean;
  input: {
    sign0?: { key: Jwk; external?: string };
    sign?: { signers: { key: Jwk; external?: string }[] };
  };
  output: { cbor: string };
}

/**
 * What is refused although the example is good, and why. ES512 and Ed448 are outside the algorithms that the log
 * takes, whatever the key; `crit` is refused unless the caller says that it understands the label.
 */
const OUTSIDE: Record<string, string[]> = {
  'RFC8152/Appendix_C_1_2.json': ['accepted', 'ALG_NOT_ALLOWED'], // the second of two signers: ES512
  'RFC8152/Appendix_C_1_4.json': ['CRIT_UNKNOWN'], // crit: ["reserved"]
  'ecdsa-examples/ecdsa-03.json': ['ALG_NOT_ALLOWED'], // ES512 by a P-521 key
  'ecdsa-examples/ecdsa-04.json': ['ALG_NOT_ALLOWED'], // ES512 by a P-256 key
  'ecdsa-examples/ecdsa-sig-03.json': ['ALG_NOT_ALLOWED'],
  'ecdsa-examples/ecdsa-sig-04.json': ['ALG_NOT_ALLOWED'],
  'eddsa-examples/eddsa-02.json': ['KEY_MALFORMED'], // Ed448
  'eddsa-examples/eddsa-sig-02.json': ['KEY_MALFORMED'],
  'sign1-tests/sign-pass-01.json': ['HEADER_MISSING'], // alg unprotected only: see its own test below
};

/** What each bad example must be refused with; sign1-tests and sign-tests have the same ones. */
const FAILURES: Record<string, string> = {
  'sign-fail-01.json': 'COSE_TAG_WRONG', // tag 998
  'sign-fail-02.json': 'SIGNATURE_INVALID', // payload changed
  'sign-fail-03.json': 'ALG_NOT_ALLOWED', // alg −999
  'sign-fail-04.json': 'ALG_NOT_ALLOWED', // alg "unknown"
  'sign-fail-06.json': 'SIGNATURE_INVALID', // protected header added
  'sign-fail-07.json': 'SIGNATURE_INVALID', // protected header removed
};

const CURVES: Record<string, number> = { 'P-256': 1, 'P-384': 2, 'P-521': 3, Ed25519: 6, Ed448: 7 };

function coseKey(jwk: Jwk): CosePublicKey {
  const part = (name: string) =>
    Uint8Array.from(
      jwk[`${name}_hex`] === undefined
        ? Buffer.from(jwk[name] ?? '', 'base64url')
        : Buffer.from(jwk[`${name}_hex`]!, 'hex'),
    );
  const map = new Map<number, Cbor>([
    [1, jwk.kty === 'OKP' ? 1 : 2],
    [-1, CURVES[jwk.crv] ?? 0],
    [-2, part('x')],
  ]);
  if (jwk.kty !== 'OKP') map.set(-3, part('y'));
  return decodeCoseKey(map) as CosePublicKey;
}

const folder = vectors('cose/cose-wg-examples');
const names = folder
  ? (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.json')).sort()
  : [];
const load = (name: string): Example => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
const bytesOf = (hex: string | undefined) => Uint8Array.from(Buffer.from(hex ?? '', 'hex'));

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`cose-wg examples, ${crypto.name}`, { skip: !folder }, () => {
    /** One verdict for each signer. */
    function verdicts(name: string, lowS: boolean): string[] {
      const { input, output } = load(name);
      const bytes = bytesOf(output.cbor);
      // pass-03 has no tag: it decodes only for a caller who says that it need not have one.
      const untagged = name.endsWith('sign-pass-03.json');
      const signers = input.sign0 ? [input.sign0] : input.sign!.signers;
      let decoded: Sign1 | Sign;
      try {
        decoded = (input.sign0 ? decodeSign1 : decodeSign)(bytes, { requireTag: !untagged });
      } catch (error) {
        return [(error as { code: string }).code];
      }
      if (untagged) {
        assert.equal(
          refusal(() => (input.sign0 ? decodeSign1 : decodeSign)(bytes)),
          'COSE_TAG_WRONG',
        );
      }
      return signers.map(({ key, external }, i) =>
        refusal(() => {
          // A P-521 key is no key here; any other shows what the message is refused for.
          const { algorithm, bytes: point } =
            key.crv === 'P-521'
              ? nobleCrypto.importPrivateKey('ES256', new Uint8Array(32).fill(1)).publicKey
              : coseKey(key);
          const publicKey = crypto.importPublicKey(algorithm, point);
          const options = { lowS, externalAad: bytesOf(external) };
          if ('signers' in decoded) verifySigner(publicKey, decoded, decoded.signers[i]!, options);
          else verifySign1(publicKey, decoded, options);
        }),
      );
    }

    for (const name of names) {
      test(name, () => {
        const { fail, input } = load(name);
        const count = input.sign?.signers.length ?? 1;
        const expected = fail
          ? [FAILURES[name.split('/')[1]!]]
          : (OUTSIDE[name] ?? new Array(count).fill('accepted'));
        assert.deepEqual(verdicts(name, false), expected);
      });
    }

    test('lowS refuses exactly the high-s signatures', () => {
      let high = 0;
      for (const name of names.filter((name) => !load(name).fail && !OUTSIDE[name])) {
        const { input, output } = load(name);
        const bytes = bytesOf(output.cbor);
        const requireTag = false;
        const signatures = input.sign0
          ? [decodeSign1(bytes, { requireTag }).signature]
          : decodeSign(bytes, { requireTag }).signers.map((signer) => signer.signature);
        // n of P-256 and P-384 begin with 32 bits of ones, so that s ≥ 2^(8w−1) is high and s < 2^(8w−1) − 2^(8w−32)
        // is low; no example lies between.
        const algorithm = (input.sign0 ?? input.sign!.signers[0]!).key.crv;
        const expected = signatures.map((signature) => {
          const isHigh = algorithm.startsWith('P-') && signature[signature.length / 2]! >= 0x80;
          if (isHigh) high++;
          return isHigh ? 'SIGNATURE_INVALID' : 'accepted';
        });
        assert.deepEqual(verdicts(name, true), expected, name);
      }
      assert(high > 0);
    });

    test('sign1 pass-01: an encoded empty header is signed as the empty string', () => {
      // Its alg is unprotected, which verifySign1 does not take: an attacker could change it. So by hand.
      const { input, output } = load('sign1-tests/sign-pass-01.json');
      const sign1 = decodeSign1(bytesOf(output.cbor));
      assert.deepEqual(sign1.protectedBytes, Uint8Array.of(0xa0));
      const { algorithm, bytes } = coseKey(input.sign0!.key);
      const key = crypto.importPublicKey(algorithm, bytes);
      const message = sigStructure(sign1.protectedBytes, sign1.payload!);
      assert.deepEqual(message, sigStructure(new Uint8Array(0), sign1.payload!));
      assert(key.verify(message, sign1.signature, { lowS: false }));
    });

    test('RFC 8152 C.1.4 verifies for a caller that understands the critical label', () => {
      const { input, output } = load('RFC8152/Appendix_C_1_4.json');
      const { algorithm, bytes } = coseKey(input.sign!.signers[0]!.key);
      const key = crypto.importPublicKey(algorithm, bytes);
      const sign = decodeSign(bytesOf(output.cbor));
      verifySigner(key, sign, sign.signers[0]!, { lowS: false, understood: ['reserved'] });
    });

    test('RFC 8152 C.1.3: a countersignature in the unprotected header is carried, and says nothing', () => {
      const sign = decodeSign(bytesOf(load('RFC8152/Appendix_C_1_3.json').output.cbor));
      assert(sign.unprotected.has(7));
    });

    test('P-521 and Ed448 keys are refused as keys', () => {
      for (const name of ['ecdsa-examples/ecdsa-03.json', 'eddsa-examples/eddsa-02.json']) {
        assert.equal(
          refusal(() => coseKey(load(name).input.sign!.signers[0]!.key)),
          'KEY_MALFORMED',
        );
      }
    });
  });
}

test('every example is looked at', { skip: !folder }, () => {
  assert.equal(names.length, 41);
  for (const name of Object.keys(OUTSIDE)) assert(names.includes(name), name);
});

describe('go-cose negatives', { skip: !vectors('cose/go-cose-negatives') }, () => {
  const negatives = vectors('cose/go-cose-negatives');
  const CODES: Record<string, string> = {
    '0000': 'COSE_MALFORMED', // protected header is a map, not bytes
    '0001': 'COSE_MALFORMED', // protected header is an array in bytes
    '0002': 'CBOR_MALFORMED', // duplicate label, protected
    '0003': 'CBOR_MALFORMED', // duplicate label, unprotected
  };
  for (const [number, code] of Object.entries(CODES)) {
    test(number, () => {
      const example = JSON.parse(readFileSync(`${negatives}/sign1-verify-negative-${number}.json`, 'utf8'));
      const bytes = bytesOf(example['sign1::verify'].taggedCOSESign1.cborHex);
      assert.equal(
        refusal(() => decodeSign1(bytes)),
        code,
      );
    });
  }
});
