/** `aichain env`: every setting of the server under its names, with default and meaning. */
import { Command } from 'commander';
import { describeConfig } from '../platform/config.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';

const CONFIG_FILE = {
  name: 'config',
  env: 'AICHAIN_CONFIG',
  flag: '--config',
  default: undefined,
  meaning: 'JSON file of settings, by the names in brackets.',
};

export function env(context: Context): Command {
  return new Command('env')
    .summary('list the settings of the server')
    .description(
      'Lists every setting of `aichain serve`. A flag comes before a variable, a variable before the file.',
    )
    .action((options: CommonOptions) => {
      const settings = [CONFIG_FILE, ...describeConfig()];
      outputOf(context, options).answer(
        settings.map((setting) => ({ ...setting, default: setting.default ?? null })),
        settings
          .map(({ env: variable, flag, name, default: value, meaning }) =>
            [`${variable}  ${flag}  (${name})`, `    ${meaning}`, `    default: ${value ?? 'none'}`].join(
              '\n',
            ),
          )
          .join('\n'),
      );
    });
}
