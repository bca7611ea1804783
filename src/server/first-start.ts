/**
 * What an empty data folder becomes. In production the SRO signs a genesis offline and `aichain init` puts it there;
 * for development the first start makes an SRO of its own and a genesis that says `simulated`, which every verifier
 * sees.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  canonicalStatement,
  DEFAULT_POLICY,
  parseStatement,
  signGenesis,
  signStatement,
} from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { encodeCoseKey, thumbprint } from '../cose/index.ts';
import { WAY_OUT } from '../log/index.ts';
import { createFile, makeFolder } from '../platform/write-file.ts';
import {
  developmentSro,
  hasDevelopmentSro,
  hasKeyFiles,
  type KeyFiles,
  makeKeyFiles,
  readKeyFiles,
} from './key-files.ts';
import { KEPT } from './witnesses.ts';

export const GENESIS = 'genesis.cose';
/** DID of the SRO that the first start of a log for development makes. */
export const DEVELOPMENT_SRO = 'did:web:sro.aichain.localhost';

export const keyFolder = (dataDir: string) => join(dataDir, 'keys');
export const storageFolder = (dataDir: string) => join(dataDir, 'db');
export const backupSocket = (dataDir: string) => join(dataDir, 'backup.sock');
export const trustPath = (dataDir: string) => join(dataDir, 'trust.json');

/**
 * A folder without keys becomes a log for development. Its SRO comes first: keys that lie there without one, such as keys
 * that were put back from a backup, are never taken for those of a log that may begin.
 */
export function makeDevelopmentSro(crypto: Crypto, dataDir: string): void {
  const folder = keyFolder(dataDir);
  const begun = [storageFolder(dataDir), join(dataDir, GENESIS)].some((path) => existsSync(path));
  if (begun || hasKeyFiles(folder)) return;
  makeFolder(folder);
  developmentSro(crypto, folder);
}

/**
 * The log's keys: read, or made when neither keys nor a log are there.
 * @throws CONFIG_INVALID when a log is there whose keys are gone, or `origin` is another than the keys'
 */
export function logKeys(crypto: Crypto, dataDir: string, origin: string | undefined): KeyFiles {
  const folder = keyFolder(dataDir);
  if (!hasKeyFiles(folder)) {
    if (existsSync(storageFolder(dataDir))) {
      throw fail('CONFIG_INVALID', `${dataDir} holds a log, but not its keys: put them back into ${folder}`);
    }
    makeKeyFiles(crypto, folder, origin);
  }
  const keys = readKeyFiles(crypto, folder);
  if (origin !== undefined && origin !== keys.origin) {
    throw fail('CONFIG_INVALID', `the log in ${dataDir} is ${keys.origin}, not ${origin}`);
  }
  return keys;
}

/**
 * An empty storage begins a log, except where one has been shown to somebody before: these keys have signed its history,
 * and would sign another one.
 * @throws LOG_CORRUPT
 */
export function assertNeverStarted(dataDir: string): void {
  const trace = [trustPath(dataDir), join(dataDir, KEPT)].find((path) => existsSync(path));
  if (trace === undefined) return;
  throw fail(
    'LOG_CORRUPT',
    `the storage is empty, and ${trace} shows that this log has been running. ${WAY_OUT}`,
  );
}

/**
 * The genesis that was put there, or undefined.
 * @throws CONFIG_INVALID when it is not for these keys and this origin; what parseStatement throws
 */
function storedGenesis(crypto: Crypto, dataDir: string, keys: KeyFiles): Bytes | undefined {
  const path = join(dataDir, GENESIS);
  if (!existsSync(path)) return undefined;
  // Again: the keys may have been made anew since it was put there.
  return checkedGenesis(crypto, keys, new Uint8Array(readFileSync(path)));
}

/**
 * Takes a genesis that was signed offline, for the first start to write.
 * @throws CONFIG_INVALID when it is not for these keys and this origin; what parseStatement throws
 */
export function storeGenesis(crypto: Crypto, dataDir: string, keys: KeyFiles, arrived: Bytes): void {
  createFile(join(dataDir, GENESIS), checkedGenesis(crypto, keys, arrived), 0o644);
}

function checkedGenesis(crypto: Crypto, keys: KeyFiles, arrived: Bytes): Bytes {
  const genesis = canonicalStatement(arrived);
  const { chain, body } = parseStatement(crypto, genesis);
  if (chain?.kind !== 'log.genesis') throw fail('CONFIG_INVALID', 'the statement is not a log.genesis');
  const named = body as { origin: string; checkpointKey: Bytes; receiptKey: Bytes };
  if (named.origin !== keys.origin) {
    throw fail('CONFIG_INVALID', `the genesis is for ${named.origin}, the keys for ${keys.origin}`);
  }
  if (
    !equal(named.checkpointKey, checkpointCoseKey(keys)) ||
    !equal(named.receiptKey, encodeCoseKey(keys.log.receipt.key.publicKey))
  ) {
    throw fail(
      'CONFIG_INVALID',
      'the genesis names other checkpoint and receipt keys than those of this folder',
    );
  }
  return genesis;
}

/** COSE_Key form of the checkpoint key, as the genesis lists it. */
export function checkpointCoseKey({ log }: KeyFiles): Bytes {
  return encodeCoseKey({ algorithm: 'Ed25519', bytes: log.checkpoint.verifierKey.key });
}

/** Whether the first start of this log made its SRO. */
export function isDevelopment(dataDir: string): boolean {
  return hasDevelopmentSro(keyFolder(dataDir)) && !existsSync(join(dataDir, GENESIS));
}

/**
 * What a new log begins with.
 * @param time Unix milliseconds
 * @throws CONFIG_INVALID as {@link storedGenesis}; there is none, and the keys are not those of a log for development
 */
export function firstEntry(crypto: Crypto, dataDir: string, keys: KeyFiles, time: number): Bytes {
  const stored = storedGenesis(crypto, dataDir, keys);
  if (stored) return stored;
  if (isDevelopment(dataDir)) return developmentGenesis(crypto, dataDir, keys, time);
  throw fail(
    'CONFIG_INVALID',
    `${dataDir} holds the keys of a log, and neither the log nor its genesis. A new log: \`aichain init --genesis\`. One that has been running: restore it, or its keys would sign another history`,
  );
}

/**
 * A genesis for development, signed by an SRO whose key is made for it.
 * @param time Unix milliseconds
 */
export function developmentGenesis(crypto: Crypto, dataDir: string, keys: KeyFiles, time: number): Bytes {
  const sro = developmentSro(crypto, keyFolder(dataDir));
  // The recovery key of a log for development is thrown away: nobody will recover it.
  const recovery = crypto.generatePrivateKey('ES256');
  return signGenesis(crypto, {
    origin: keys.origin,
    simulated: true,
    sro: DEVELOPMENT_SRO,
    keys: [sro],
    recoveryKid: thumbprint(crypto, recovery.publicKey),
    checkpointKey: { algorithm: 'Ed25519', bytes: keys.log.checkpoint.verifierKey.key },
    receiptKey: keys.log.receipt.key.publicKey,
    issuedAt: Math.floor(time / 1000),
  });
}

/** The first policy, signed by the same SRO. @param time Unix milliseconds */
export function developmentPolicy(crypto: Crypto, dataDir: string, keys: KeyFiles, time: number): Bytes {
  return signStatement(crypto, developmentSro(crypto, keyFolder(dataDir)), {
    log: keys.origin,
    kind: 'policy.publish',
    issuer: DEVELOPMENT_SRO,
    issuedAt: Math.floor(time / 1000),
    body: { ...DEFAULT_POLICY, version: 1 },
  });
}
