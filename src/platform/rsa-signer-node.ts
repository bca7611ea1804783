/** RSA keys of 4096 bits in node:crypto, for the attestation simulator: nothing else here signs with RSA. */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { type Bytes, fromBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

const BITS = 4096;
const SALT = 48;
const generate = promisify(generateKeyPair);

export interface NodeRsaSigner {
  /** Big-endian. */
  readonly modulus: Bytes;
  /** RSASSA-PSS, SHA-384, salt 48. */
  signPss(message: Bytes): Bytes;
  /** PKCS #8, to be kept. */
  pem(): string;
}

/** A new key: takes a second or so, in a thread of its own. */
export async function generateRsaSigner(): Promise<NodeRsaSigner> {
  // Encoded where it is made: to export a key later, of the generator's own, can hang (see crypto-node.ts).
  const { privateKey } = await generate('rsa', {
    modulusLength: BITS,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return rsaSignerFromPem(privateKey);
}

/** @throws KEY_MALFORMED not an RSA key of 4096 bits in PEM */
export function rsaSignerFromPem(pem: string): NodeRsaSigner {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw fail('KEY_MALFORMED', 'not a private key in PEM', { cause });
  }
  if (key.asymmetricKeyType !== 'rsa' || key.asymmetricKeyDetails?.modulusLength !== BITS) {
    throw fail('KEY_MALFORMED', `not an RSA key of ${BITS} bits`);
  }
  return signer(key);
}

function signer(key: KeyObject): NodeRsaSigner {
  const { n } = createPublicKey(key).export({ format: 'jwk' });
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT };
  return {
    modulus: fromBase64url(n!),
    signPss: (message) => new Uint8Array(sign('sha384', message, options)),
    pem: () => key.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
