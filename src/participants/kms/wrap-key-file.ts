/**
 * The key that everything at rest is sealed to: X25519, made by the first start, in a file of its own that only this user may
 * read. Whoever has it and the folder has the data keys; it may lie on another disk, or in a secret store that is mounted.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { x25519 } from '@noble/curves/ed25519.js';
import { type Bytes, equal } from '../../core/bytes.ts';
import { type Cbor, decode, encode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { coseKeyMap, decodeCoseKey, encodeCoseKey } from '../../cose/key.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';
import { importUnwrappingKey, type UnwrappingKey } from '../key-wrap.ts';

/** RFC 9053 §7.2: the private part of an OKP key. */
const D = -4;

/** @throws CONFIG_INVALID it cannot be read or made, or is no such key */
export async function wrapKeyFile(crypto: Pick<Crypto, 'randomBytes'>, path: string): Promise<UnwrappingKey> {
  try {
    return await read(readFileSync(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw fail('CONFIG_INVALID', `${path} is not a wrap key`, { cause });
    }
  }
  const secret = crypto.randomBytes(32);
  const bytes = x25519.getPublicKey(secret);
  const file = encode(new Map<number, Cbor>([...coseKeyMap({ algorithm: 'X25519', bytes }), [D, secret]]));
  try {
    makeFolder(dirname(path));
    createFile(path, file, 0o600);
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot write the wrap key to ${path}`, { cause });
  }
  return read(file);
}

async function read(file: Bytes): Promise<UnwrappingKey> {
  const map = decode(Uint8Array.from(file));
  const secret = map instanceof Map ? map.get(D) : undefined;
  if (!(map instanceof Map) || !(secret instanceof Uint8Array)) throw fail('KEY_MALFORMED', 'no private key');
  const open = new Map(map);
  open.delete(D);
  const key = decodeCoseKey(open);
  if (key.algorithm !== 'X25519') throw fail('KEY_MALFORMED', 'not an X25519 key');
  if (secret.length !== 32 || !equal(x25519.getPublicKey(secret), key.bytes)) {
    // Sealed to one key and opened with another: nothing would ever come out again.
    throw fail('KEY_MALFORMED', 'the public part is not that of the secret');
  }
  return importUnwrappingKey(encodeCoseKey(key), secret);
}
