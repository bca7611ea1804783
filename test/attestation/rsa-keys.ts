/**
 * RSA keys that are the same in every run: to find the primes of one takes seconds, to know where they are takes none. A prime
 * is the one that comes `offset` after the number that its name is hashed to, so that nothing here is, or looks like, a secret.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { toBase64url } from '../../src/core/bytes.ts';
import { type NodeRsaSigner, rsaSignerFromPem } from '../../src/platform/rsa-signer-node.ts';

/** Bits of the modulus, and the offsets of p and q. */
const KEYS = {
  root: [4096, 18, 2518],
  intermediate: [4096, 1158, 3302],
  'simulated root': [4096, 750, 728],
  'simulated intermediate': [4096, 450, 2858],
  stranger: [4096, 38, 638],
  small: [2048, 162, 3246],
  'uvm root': [2048, 64, 332],
  'uvm intermediate': [2048, 1714, 1842],
  'uvm leaf': [2048, 2056, 56],
  2049: [2049, 332, 18],
  2055: [2055, 432, 50],
  3072: [3072, 650, 838],
} as const;
export type RsaKeyName = keyof typeof KEYS;

const E = 65537n;

export function rsaKey(name: RsaKeyName): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const [bits, first, second] = KEYS[name];
  const half = Math.ceil(bits / 2);
  const p = named(`${name} p`, half) + BigInt(first);
  const q = named(`${name} q`, bits - half) + BigInt(second);
  const d = inverse(E, (p - 1n) * (q - 1n));
  const values = { n: p * q, e: E, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const fields = Object.entries(values).map(([field, value]) => [field, base64url(value)]);
  const privateKey = createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(fields) }, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

export function rsaSigner(name: RsaKeyName): NodeRsaSigner {
  return rsaSignerFromPem(rsaKey(name).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
}

/** An odd number of `bits` bits, of which the first two are set: a product of two such numbers has all its bits. */
function named(name: string, bits: number): bigint {
  let hex = '';
  for (let i = 0; hex.length < bits / 4; i++) {
    hex += createHash('sha512').update(`${name} ${i}`).digest('hex');
  }
  const value = BigInt(`0x${hex.slice(0, Math.ceil(bits / 4))}`) & ((1n << BigInt(bits)) - 1n);
  return value | (3n << BigInt(bits - 2)) | 1n;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return ((x % modulus) + modulus) % modulus;
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return toBase64url(new Uint8Array(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')));
}
