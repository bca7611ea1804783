/**
 * A simulated platform in a file, so that a room and whoever publishes its anchors mean the same one. What is kept is the chip's
 * key and what its authorities have signed; their own keys are forgotten, and no other chip can be made under them.
 */
import { readFileSync } from 'node:fs';
import { type RsaSigner, Simulator } from '../../attestation/index.ts';
import { type Bytes, fromBase64url, toBase64url, toHex } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { generateRsaSigner } from '../../platform/rsa-signer-node.ts';
import { createFile } from '../../platform/write-file.ts';

/** Base64url; signatures by the SHA-256 of what they are of. */
interface Kept {
  readonly v: 1;
  readonly root: string;
  readonly intermediate: string;
  readonly signatures: Readonly<Record<string, string>>;
  readonly chip: string;
}

/** Takes seconds: two RSA keys of 4096 bits. @throws CONFIG_INVALID there is a file of that name */
export async function createSimulator(crypto: Crypto, path: string): Promise<Simulator> {
  const [root, intermediate] = await Promise.all([generateRsaSigner(), generateRsaSigner()]);
  const chip = crypto.generatePrivateKey('ES384');
  // A signature has a salt: made again, it would be that of another certificate.
  const signatures: Record<string, string> = {};
  const noting = ({ modulus, signPss }: RsaSigner): RsaSigner => ({
    modulus,
    signPss(message) {
      const signature = signPss(message);
      signatures[toHex(crypto.sha256(message))] = toBase64url(signature);
      return signature;
    },
  });
  const simulator = new Simulator(crypto, { root: noting(root), intermediate: noting(intermediate), chip });
  const kept: Kept = {
    ...{ v: 1, root: toBase64url(root.modulus), intermediate: toBase64url(intermediate.modulus) },
    ...{ signatures, chip: toBase64url(chip.secret) },
  };
  try {
    createFile(path, `${JSON.stringify(kept)}\n`, 0o600);
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot write the simulator to ${path}`, { cause });
  }
  return simulator;
}

/** @throws CONFIG_INVALID */
export function openSimulator(crypto: Crypto, path: string): Simulator {
  try {
    const { v, root, intermediate, signatures, chip } = JSON.parse(readFileSync(path, 'utf8')) as Kept;
    if (v !== 1) throw new Error('another version');
    const signer = (modulus: string): RsaSigner => ({
      modulus: fromBase64url(modulus),
      signPss: (message) => kept(signatures[toHex(crypto.sha256(message))]),
    });
    const key = crypto.importPrivateKey('ES384', fromBase64url(chip));
    return new Simulator(crypto, { root: signer(root), intermediate: signer(intermediate), chip: key });
  } catch (cause) {
    const why = isLedgerError(cause) ? `: ${cause.message}` : '';
    throw fail('CONFIG_INVALID', `${path} does not hold a simulator${why}`, { cause });
  }
}

function kept(signature: string | undefined): Bytes {
  if (signature === undefined) throw new Error('a certificate that was not signed');
  return fromBase64url(signature);
}
