/** The key file of a cosigner, a witness or a replayer: made at the first start, never beside records that are another's. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  type Cosigner,
  cosigner,
  formatSignerKey,
  parseSignerKey,
  SIGNATURE_TYPE,
  verifierKey,
} from '../note/index.ts';
import { makeFolder } from '../platform/write-file.ts';
import { readWith, writeSecret } from './key-files.ts';

export interface CosignerFiles {
  readonly dataDir: string;
  /** What it is called where it is refused, such as "witness". */
  readonly what: string;
  /** Name of the key file, and of the folder of what was cosigned. */
  readonly key: string;
  readonly records: string;
  /** Of the key; needed when it is made, compared when it is there. */
  readonly name: string | undefined;
  /** The option that gives it. */
  readonly option: string;
}

export function hasCosignerKey({ dataDir, key }: Pick<CosignerFiles, 'dataDir' | 'key'>): boolean {
  return existsSync(join(dataDir, key));
}

/** The key file's key, made at the first start. @throws CONFIG_INVALID */
export function cosignerKey(crypto: Crypto, files: CosignerFiles): Cosigner {
  const { dataDir, what, name, records, option } = files;
  const path = join(dataDir, files.key);
  if (!existsSync(path)) {
    if (name === undefined) throw fail('CONFIG_INVALID', `a new ${what} needs a name (${option})`);
    // A record without its key: a new one would cosign logs whose history it has never seen.
    if (existsSync(join(dataDir, records))) {
      throw fail(
        'CONFIG_INVALID',
        `${dataDir} holds a ${what}'s records, but not its key: put ${files.key} back`,
      );
    }
    const privateKey = crypto.generatePrivateKey('Ed25519');
    const type = SIGNATURE_TYPE.ED25519_COSIGNATURE;
    verifierKey(crypto, name, type, privateKey.publicKey.bytes); // checks the name
    makeFolder(dataDir);
    writeSecret(path, `${formatSignerKey(crypto, { name, type, privateKey })}\n`);
  }
  const key = readWith(path, (bytes) => parseSignerKey(crypto, new TextDecoder().decode(bytes).trim()));
  if (key.type !== SIGNATURE_TYPE.ED25519_COSIGNATURE) {
    throw fail('CONFIG_INVALID', `${path} is a key for notes, not for cosignatures`);
  }
  if (name !== undefined && name !== key.name) {
    throw fail('CONFIG_INVALID', `the ${what} in ${dataDir} is ${key.name}, not ${name}`);
  }
  return cosigner(crypto, key.name, key.privateKey);
}
