/** Making a genesis: the one statement that has to be right before there is a log. */

import type { Bytes } from '../core/bytes.ts';
import type { Crypto, PrivateKey } from '../core/crypto.ts';
import type { CosePublicKey } from '../cose/key.ts';
import { encodeCoseKey, thumbprint } from '../cose/key.ts';
import { signStatement } from './issue.ts';
import type { KindName } from './kinds/index.ts';
import type { ListedKey } from './listed-key.ts';
import { provePossession } from './possession.ts';
import type { StateReader } from './record.ts';
import { rulesId } from './rules.ts';
import { GENESIS, type GenesisRecord } from './state.ts';

export interface GenesisParts {
  origin: string;
  /** A log for development: what it says binds nobody. */
  simulated: boolean;
  /** DID of the SRO. */
  sro: string;
  /** The SRO's keys; the first signs the genesis. */
  keys: readonly [PrivateKey, ...PrivateKey[]];
  /** Thumbprint of a key that is kept offline, 32 bytes. */
  recoveryKid: Bytes;
  /** Ed25519. */
  checkpointKey: CosePublicKey;
  /** P-256. */
  receiptKey: CosePublicKey;
}

/** Body of log.genesis under the rules of this software. */
export function genesisBody(crypto: Crypto, parts: GenesisParts) {
  const { origin, simulated, sro, keys, recoveryKid, checkpointKey, receiptKey } = parts;
  return {
    origin,
    simulated,
    sro,
    keys: listSigningKeys(crypto, { log: origin, owner: sro, keys }),
    recoveryKid,
    checkpointKey: encodeCoseKey(checkpointKey),
    receiptKey: encodeCoseKey(receiptKey),
    rules: rulesId(crypto),
  };
}

/** The genesis statement; `issuedAt` in Unix seconds. */
export function signGenesis(crypto: Crypto, parts: GenesisParts & { issuedAt: number }): Bytes {
  const { origin, sro, issuedAt, keys } = parts;
  const kind: KindName = 'log.genesis';
  const body = genesisBody(crypto, parts);
  return signStatement(crypto, keys[0], { log: origin, kind, issuer: sro, issuedAt, body });
}

export interface SigningKeys {
  /** Origin of the log. */
  log: string;
  /** DID of who the keys are of. */
  owner: string;
  keys: readonly PrivateKey[];
  /** In the order of `keys` (default: key-1, key-2, …). */
  aliases?: readonly string[];
}

/** Signature keys as a body lists them, each with its proof of possession. */
export function listSigningKeys(
  crypto: Crypto,
  { log, owner, keys, aliases = [] }: SigningKeys,
): ListedKey[] {
  return keys.map((key, i) => ({
    keyAlias: aliases[i] ?? `key-${i + 1}`,
    use: 'sig',
    key: encodeCoseKey(key.publicKey),
    pop: provePossession(key, { log, owner, kid: thumbprint(crypto, key.publicKey) }),
  }));
}

/** What the log is; undefined before its genesis. */
export function readGenesis(read: StateReader): GenesisRecord | undefined {
  return GENESIS.read(read, 'genesis');
}
