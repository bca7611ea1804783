/** `aichain init`: prepares the data folder of a log for production. */
import { Command, Option } from 'commander';
import { rulesId } from '../chain/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { encodeCoseKey } from '../cose/index.ts';
import { formatVerifierKey } from '../note/index.ts';
import { loadConfig } from '../platform/config.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';

interface Options extends CommonOptions {
  readonly dataDir?: string;
  readonly origin?: string;
  readonly genesis?: string;
}

export function init(context: Context): Command {
  return new Command('init')
    .summary('prepare a log for production')
    .description(
      'Makes the log’s own keys, if they are not there, and prints what the SRO needs for the genesis: run it once without --genesis, let the SRO sign (`aichain sign --kind log.genesis`), and run it again with --genesis.',
    )
    .option('--data-dir <folder>', 'folder of the log’s data')
    .option('--origin <origin>', 'name of the log, for ever; such as log.example.org/training')
    .addOption(new Option('--genesis <file>', 'the genesis statement that the SRO has signed'))
    .action(async ({ genesis, dataDir, origin, ...options }: Options) => {
      const { crypto, terminal } = context;
      const config = loadConfig({ flags: { dataDir, origin }, env: terminal.env });
      const { logKeys, storeGenesis } = await import('../server/index.ts');
      const keys = logKeys(crypto, config.dataDir, config.origin);
      if (genesis !== undefined) {
        const { bytes } = await readInput(terminal, genesis);
        onlyOnce(config.dataDir, () => storeGenesis(crypto, config.dataDir, keys, bytes));
      }
      const { checkpoint, receipt } = keys.log;
      const checkpointKey = encodeCoseKey({ algorithm: 'Ed25519', bytes: checkpoint.verifierKey.key });
      // As the body of a log.genesis has them; the SRO adds its DID, its keys and its recovery key.
      const body = {
        origin: keys.origin,
        simulated: false,
        checkpointKey: { $bytes: toBase64url(checkpointKey) },
        receiptKey: { $bytes: toBase64url(encodeCoseKey(receipt.key.publicKey)) },
        rules: { $bytes: toBase64url(rulesId(crypto)) },
      };
      const verifierKey = formatVerifierKey(checkpoint.verifierKey);
      outputOf(context, options).answer(
        {
          origin: keys.origin,
          verifierKey,
          dataDir: config.dataDir,
          genesis: genesis ?? null,
          genesisBody: body,
        },
        [
          `origin        ${keys.origin}`,
          `verifier key  ${verifierKey}`,
          `data folder   ${config.dataDir}`,
          genesis === undefined
            ? `genesis       not yet: its body has these members besides sro, keys and recoveryKid\n${JSON.stringify(body, null, 2)}`
            : 'genesis       stored: `aichain serve` starts the log with it',
        ].join('\n'),
      );
    });
}

/** @throws CONFIG_INVALID the folder has a genesis: another one would be another log */
function onlyOnce(dataDir: string, store: () => void): void {
  try {
    store();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw fail('CONFIG_INVALID', `${dataDir} has a genesis already, which is never replaced`, { cause });
  }
}
