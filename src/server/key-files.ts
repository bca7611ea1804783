/**
 * The log's keys on disk: one file each, readable by this user only. The checkpoint key is kept in the text form
 * of signed notes (its name is the log's origin), COSE keys as private COSE_Keys.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto, PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey, encodePrivateKey, thumbprint } from '../cose/index.ts';
import type { LogKeys } from '../log/index.ts';
import { formatSignerKey, noteSigner, parseSignerKey, SIGNATURE_TYPE } from '../note/index.ts';
import { createFile, makeFolder } from '../platform/write-file.ts';

const CHECKPOINT = 'checkpoint.skey';
const RECEIPT = 'receipt.cosekey';
const SRO = 'development-sro.cosekey';
export const KEY_FILES: readonly string[] = [CHECKPOINT, RECEIPT, SRO];

export interface KeyFiles {
  readonly origin: string;
  readonly log: LogKeys;
}

/** Writes a file that only this user may read; never over an existing one. @throws CONFIG_INVALID */
export function writeSecret(path: string, content: Bytes | string): void {
  try {
    createFile(path, content, 0o600);
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot write the key file ${path}`, { cause });
  }
}

/** The origin of a log that was given no name: it cannot collide with that of another key. */
export function defaultOrigin(crypto: Crypto, checkpointKey: Bytes): string {
  return `aichain.localhost/${toHex(crypto.sha256(checkpointKey)).slice(0, 16)}`;
}

export function hasKeyFiles(directory: string): boolean {
  return existsSync(join(directory, CHECKPOINT)) && existsSync(join(directory, RECEIPT));
}

/**
 * Makes the log's two keys, or the one that is missing: a first start may have been killed between them.
 * @param origin default: {@link defaultOrigin} of the new checkpoint key
 */
export function makeKeyFiles(crypto: Crypto, directory: string, origin?: string): void {
  makeFolder(directory);
  if (!existsSync(join(directory, CHECKPOINT))) {
    const checkpoint = crypto.generatePrivateKey('Ed25519');
    const name = origin ?? defaultOrigin(crypto, checkpoint.publicKey.bytes);
    const skey = formatSignerKey(crypto, { name, type: SIGNATURE_TYPE.ED25519, privateKey: checkpoint });
    writeSecret(join(directory, CHECKPOINT), `${skey}\n`);
  }
  if (!existsSync(join(directory, RECEIPT))) {
    writeSecret(join(directory, RECEIPT), encodePrivateKey(crypto.generatePrivateKey('ES256')));
  }
}

/** @throws CONFIG_INVALID when a file is missing, malformed or for another use */
export function readKeyFiles(crypto: Crypto, directory: string): KeyFiles {
  const { name, privateKey } = readWith(join(directory, CHECKPOINT), (bytes) =>
    parseSignerKey(crypto, new TextDecoder().decode(bytes).trim()),
  );
  const key = readPrivateKey(crypto, join(directory, RECEIPT));
  const receipt = { key, kid: thumbprint(crypto, key.publicKey), service: serviceOf(name) };
  return { origin: name, log: { checkpoint: noteSigner(crypto, name, privateKey), receipt } };
}

/** The CWT issuer of receipts: the origin as a URL. */
export function serviceOf(origin: string): string {
  return `https://${origin}`;
}

/** A private COSE_Key file. @throws CONFIG_INVALID */
export function readPrivateKey(crypto: Crypto, path: string): PrivateKey {
  return readWith(path, (bytes) => decodePrivateKey(crypto, bytes));
}

export function hasDevelopmentSro(directory: string): boolean {
  return existsSync(join(directory, SRO));
}

/** The development SRO's key, made when it is not there. */
export function developmentSro(crypto: Crypto, directory: string): PrivateKey {
  const path = join(directory, SRO);
  if (!existsSync(path)) writeSecret(path, encodePrivateKey(crypto.generatePrivateKey('ES256')));
  return readPrivateKey(crypto, path);
}

/** What `parse` makes of a file. @throws CONFIG_INVALID whatever is wrong with it */
export function readWith<T>(path: string, parse: (bytes: Bytes) => T): T {
  try {
    return parse(new Uint8Array(readFileSync(path)));
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot read the key file ${path}`, { cause });
  }
}
