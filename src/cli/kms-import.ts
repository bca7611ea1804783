/** `aichain kms import`: hands a data key to a KMS, for its owner. */
import { Command } from 'commander';
import { isDid, KEY } from '../chain/index.ts';
import type { LedgerClient } from '../client/index.ts';
import { type Bytes, toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { decodeCoseKey, decodePrivateKey, encodeCoseKey } from '../cose/index.ts';
import { addConnectionOptions, type ConnectionOptions, connect, tlsOf } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';

interface Options extends ConnectionOptions {
  readonly url: string;
  readonly kms: string;
  readonly config: string;
  readonly dataKey: string;
  readonly key: string;
  readonly issuer: string;
  readonly kmsKey?: string;
}

export function kmsImport(context: Context): Command {
  const command = new Command('import')
    .summary('hand a data key to a KMS')
    .description(
      'Seals a data key to the KMS’s wrap key, signs it together with a DEPA key-import configuration, and sends it. The wrap key has to be listed on the ledger as an encryption key of the KMS, or be given. May be repeated.',
    )
    .requiredOption('--url <url>', 'HTTP interface of the KMS')
    .requiredOption('--kms <did>', 'DID of the KMS')
    .requiredOption('--config <file>', 'DEPA key-import configuration (importkey-config.json), filled in')
    .requiredOption('--data-key <file>', 'the data key: 32 bytes')
    .requiredOption('--key <file>', 'private key of the owner')
    .requiredOption('--issuer <did>', 'DID of the owner')
    .option('--kms-key <file>', 'public wrap key of the KMS (COSE_Key), where the ledger lists none');
  return addConnectionOptions(command).action(async (options: Options) => {
    const { terminal, crypto } = context;
    const { issuer: owner, kms } = options;
    if (!isDid(owner) || !isDid(kms)) throw fail('ARGUMENT_INVALID', '--issuer and --kms are DIDs');
    const read = async (path: string) => (await readInput(terminal, path)).bytes;
    const [config, dataKey] = await Promise.all([read(options.config), read(options.dataKey)]);
    const key = decodePrivateKey(crypto, await read(options.key));
    const expected = options.kmsKey === undefined ? undefined : await read(options.kmsKey);
    const { KeyImportClient, makeKeyImport } = await import('../participants/kms/index.ts');
    // Not `using`: the compiler does not rewrite the dynamic imports of a file that has one.
    const connection = await connect(context, options);
    const { deadlineMs } = connection.options;
    const service = new KeyImportClient(options.url, await tlsOf(options), deadlineMs);
    try {
      const kmsKey = expected
        ? encodeCoseKey(decodeCoseKey(expected))
        : await listedKey(connection.client, kms, await service.wrapKey(terminal.signal), crypto.sha256);
      const log = connection.trust.origin;
      const issuedAt = Math.floor(Date.now() / 1000);
      const signed = await makeKeyImport(crypto, { log, owner, key, kms, kmsKey, config, dataKey, issuedAt });
      dataKey.fill(0);
      const dataKeyId = await service.import(signed, terminal.signal);
      outputOf(context, options).answer(
        { dataKeyId, owner, kms, wrapKid: toBase64url(crypto.sha256(kmsKey)) },
        `${kms} keeps ${dataKeyId} for ${owner}`,
      );
    } finally {
      service.close();
      connection[Symbol.dispose]();
    }
  });
}

/** What the service says is its key, if the ledger says so too. @throws KID_UNKNOWN, KEY_REVOKED */
async function listedKey(
  client: LedgerClient,
  kms: string,
  wrapKey: Bytes,
  sha256: (data: Bytes) => Bytes,
): Promise<Bytes> {
  const { values } = await client.facts([KEY.key(sha256(wrapKey))]);
  const record = values[0] && KEY.decode(values[0]);
  if (record?.owner !== kms || record.use !== 'enc') {
    throw fail('KID_UNKNOWN', `the ledger lists no such encryption key of ${kms}: give it with --kms-key`);
  }
  if (record.revoked) throw fail('KEY_REVOKED', `${kms} has revoked its wrap key`);
  return wrapKey;
}
