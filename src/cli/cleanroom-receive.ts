/** `aichain cleanroom receive`: the consumer opens what a clean room has left for it, and says so in the log. */
import { join } from 'node:path';
import { Command } from 'commander';
import { isDid } from '../chain/index.ts';
import { toHex } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey, encodeCoseKey } from '../cose/index.ts';
import { makeFolder } from '../platform/write-file.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput, writeOutput } from './files.ts';

interface Options extends ConnectionOptions {
  readonly delivery: string;
  readonly key: string;
  readonly issuer: string;
  readonly wrapKey: string;
  readonly out: string;
  readonly answers?: string;
}

export function cleanroomReceive(context: Context): Command {
  const command = new Command('receive')
    .summary('open a model that a clean room has released')
    .description(
      'Makes sure that the ledger proves the release of the model to this consumer and key, opens it, compares each file with what the run declared, writes them to --out, and registers that the model was received.',
    )
    .requiredOption('--delivery <folder>', 'what the clean room has left')
    .requiredOption('--issuer <did>', 'DID of the consumer')
    .requiredOption('--key <file>', 'private key that the consumer signs with')
    .requiredOption(
      '--wrap-key <file>',
      'private key of the listed key of use `enc`: P-256 or P-384, as `aichain keygen` makes them',
    )
    .requiredOption('--out <folder>', 'for the model and what belongs to it')
    .option(
      '--answers <folder>',
      'also what gates answered to the room and now, for `aichain verify bundle`',
    );
  return addConnectionOptions(command).action(async (options: Options) => {
    const { terminal, crypto } = context;
    const { issuer: did, delivery: folder, out, answers: kept } = options;
    if (!isDid(did)) throw fail('ARGUMENT_INVALID', '--issuer is not a DID');
    const key = async (name: string) => decodePrivateKey(crypto, (await readInput(terminal, name)).bytes);
    const [signs, opens] = [await key(options.key), await key(options.wrapKey)];
    const [{ receiveModel }, { importUnwrappingKey }, { keepAnswer }] = await Promise.all([
      import('../participants/cleanroom/index.ts'),
      import('../participants/key-wrap.ts'),
      import('../participants/gate-answers.ts'),
    ]);
    const unwrapping = await importUnwrappingKey(encodeCoseKey(opens.publicKey), opens.secret);
    using connection = await connect(context, options);
    const { client } = connection;
    const consumer = { did, key: signs, unwrapping };
    for (const made of [out, kept]) if (made !== undefined) makeFolder(made, 0o777);
    const { model, files, entry } = await receiveModel({
      ...{ crypto, client, folder, consumer, signal: terminal.signal },
      // The log is told of what is there.
      keep: async (opened) => {
        for (const { name, bytes } of opened.files) await writeOutput(join(out, name), bytes);
        if (kept === undefined) return;
        for (const [i, bundle] of opened.answers.entries()) keepAnswer(kept, i + 1, bundle);
      },
    });
    const listed = files.map(({ name, bytes }) => ({ name, sha256: toHex(crypto.sha256(bytes)) }));
    outputOf(context, options).answer(
      { model, entry, files: listed },
      [
        `model     ${model}`,
        `received  entry ${entry}`,
        ...listed.map(({ name, sha256 }) => `file      ${sha256}  ${name}`),
      ].join('\n'),
    );
  });
}
