/**
 * How an owner hands a data key to a KMS: a statement that it signs with a key of its own, over the DEPA configuration as it
 * stands in the file, and the data key, sealed to the KMS's wrap key. The statement is no log's: it is for one KMS, which keeps
 * it as it came, so that what is at rest is what the owner sealed, under the owner's signature.
 */
import { parseStatement, type Statement, signForeign } from '../../chain/index.ts';
import { bytes, did, type Infer, oneOf, struct, text } from '../../chain/schema.ts';
import type { Bytes } from '../../core/bytes.ts';
import { type Cbor, decode, encode } from '../../core/cbor.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { type UnwrappingKey, unwrapKey, type WrapPurpose, wrapKey } from '../key-wrap.ts';
import { type ImportConfig, readImportConfig } from './import-config.ts';

const TYPE = 'aichain/key-import/v1';
const CONTENT_TYPE = 'application/vnd.depa.key-import+cbor';
/** What `sealed-file.ts` seals with. */
const DATA_KEY = 32;
/** Bytes of a whole request. */
export const MAX_IMPORT = 65_536;

const payload = struct({
  /** No other thing that an owner signs begins like this. */
  type: oneOf(TYPE),
  /** Origin of the log that will say who may have the key. */
  log: text({ max: 255 }),
  kms: did,
  /** The configuration file, byte for byte. */
  config: bytes({ min: 2, max: 32_768 }),
  sealed: bytes({ min: 1, max: 512 }),
});
type Payload = Infer<typeof payload>;

export interface KeyImport extends ImportConfig {
  /** DID, as it is stated: whose signature it is, is for the ledger to say. */
  readonly owner: string;
  readonly kms: string;
  readonly log: string;
  readonly sealed: Bytes;
  readonly statement: Statement;
}

export interface ImportParts {
  /** Origin of the log. */
  readonly log: string;
  readonly owner: string;
  /** A signature key of the owner. */
  readonly key: PrivateKey;
  readonly kms: string;
  /** COSE_Key of the KMS, from the ledger or from the KMS itself: what it can open. */
  readonly kmsKey: Bytes;
  /** `importkey-config.json`. */
  readonly config: Bytes;
  /** 32 bytes. */
  readonly dataKey: Bytes;
  /** Unix seconds. */
  readonly issuedAt: number;
}

/** @throws as {@link readImportConfig}; ARGUMENT_INVALID the data key has not 32 bytes; KEY_MALFORMED, KEY_WEAK */
export async function makeKeyImport(crypto: Crypto, parts: ImportParts): Promise<Bytes> {
  const { log, owner, key, kms, kmsKey, config, dataKey, issuedAt } = parts;
  if (dataKey.length !== DATA_KEY) throw fail('ARGUMENT_INVALID', 'a data key has 32 bytes');
  const { dataKeyId } = readImportConfig(config);
  const sealed = await wrapKey(crypto, kmsKey, purpose({ log, owner, kms, dataKeyId }), dataKey);
  const body: Payload = { type: TYPE, log, kms, config: Uint8Array.from(config), sealed };
  return signForeign(crypto, key, {
    ...{ issuer: owner, subject: kms, issuedAt, contentType: CONTENT_TYPE },
    payload: encode(body as Cbor),
  });
}

/** @throws REQUEST_TOO_LARGE, REQUEST_MALFORMED; as the envelope of a statement, and {@link readImportConfig} */
export function readKeyImport(crypto: Crypto, request: Bytes): KeyImport {
  if (request.length > MAX_IMPORT) throw fail('REQUEST_TOO_LARGE', `more than ${MAX_IMPORT} bytes`);
  const statement = parseStatement(crypto, request);
  if (statement.chain) throw fail('REQUEST_MALFORMED', 'a statement for a log, not a key import');
  const { log, kms, config, sealed } = payload.read(decode(statement.payload), '');
  return { ...readImportConfig(config), owner: statement.issuer, kms, log, sealed, statement };
}

/** @throws WRAPPED_KEY_INVALID sealed to another key, or for something else */
export async function openKeyImport(crypto: Crypto, mine: UnwrappingKey, of: KeyImport): Promise<Bytes> {
  const dataKey = await unwrapKey(crypto, mine, purpose(of), of.sealed);
  if (dataKey.length !== DATA_KEY) throw fail('WRAPPED_KEY_INVALID', 'a data key has 32 bytes');
  return dataKey;
}

function purpose({
  log,
  owner,
  kms,
  dataKeyId,
}: Pick<KeyImport, 'log' | 'owner' | 'kms' | 'dataKeyId'>): WrapPurpose {
  return { log, use: 'import', release: owner, recipient: kms, keyId: dataKeyId };
}
