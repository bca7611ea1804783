/** `aichain scenario`: a whole training cycle on this machine, from a folder in DEPA-Training's shape. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { fail } from '../core/errors.ts';
import type { ScenarioOptions } from '../participants/scenario/run.ts';
import { attackAnswer, attackList } from './attack-text.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { printable } from './printable.ts';
import { scenarioText } from './scenario-text.ts';

interface Options extends CommonOptions {
  readonly out: string;
  readonly overlay?: string;
  readonly attack?: string;
}

export function scenario(context: Context): Command {
  return new Command('scenario')
    .summary('play a whole training cycle on this machine')
    .description('Plays a scenario of DEPA-Training from beginning to end, all of it on this machine.')
    .addCommand(runCommand(context))
    .addCommand(attacksCommand(context));
}

function attacksCommand(context: Context): Command {
  return new Command('attacks')
    .summary('list the attacks that can be played')
    .description(
      'Lists what --attack of `aichain scenario run` takes: who does what, and where it has to be stopped.',
    )
    .action(async (options: CommonOptions) => {
      const { ATTACKS } = await import('../participants/scenario/attacks/index.ts');
      const { json, text } = attackList(ATTACKS);
      outputOf(context, options).answer(json, text);
    });
}

function runCommand(context: Context): Command {
  return new Command('run')
    .summary('play a scenario from a folder')
    .description(
      'Starts a log with a witness and a replaying monitor, a contract service, a KMS, an appraiser and a clean room, each a process of its own that speaks mutual TLS; then every participant does its part, from registration to the verified model. The clean room’s platform is simulated: nothing of it is safe, and what the log says binds nobody.',
    )
    .argument(
      '<folder>',
      'contract, config, policy, overlay.json and data, as docs/guides/scenario.md has them',
    )
    .option(
      '--overlay <folder>',
      'what the scenario lacks, beside it: its files come before those of the same name',
    )
    .option('--out <folder>', 'an empty folder for everything that comes of it', 'scenario-out')
    .option('--attack <name>', 'play an attack, and see that it is stopped (see `aichain scenario attacks`)')
    .action(async (folder: string, options: Options) => {
      const { terminal, crypto } = context;
      const { out, overlay, attack: name } = options;
      const { attackNamed } = await import('../participants/scenario/attacks/index.ts');
      const attack = name === undefined ? undefined : attackNamed(name);
      if (existsSync(out) && readdirSync(out).length > 0)
        throw fail('ARGUMENT_INVALID', `${out} is not empty`);
      const output = outputOf(context, options);
      const began = Date.now();
      const seconds = () => `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s`;
      const playing: ScenarioOptions = {
        ...{ crypto, scenario: folder, out, signal: terminal.signal },
        ...(overlay !== undefined && { overlay }),
        program: [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))],
        observe: (who, what) => output.progress(`${seconds()}  ${printable(who)}  ${printable(what)}`),
      };
      if (attack) {
        const { runAttack } = await import('../participants/scenario/attacks/run.ts');
        const played = await runAttack(playing, attack);
        const { json, text } = attackAnswer(output, played);
        output.answer(json, text);
        if (played.stopped) return;
        throw fail('ATTACK_NOT_STOPPED', `${attack.name} was not stopped as it has to be`);
      }
      const { runScenario } = await import('../participants/scenario/run.ts');
      const outcome = await runScenario(playing);
      output.answer(
        {
          ...{ model: outcome.model, folder: outcome.folder, bundles: outcome.bundles, verified: true },
          entries: outcome.entries.map((entry) => ({ ...entry })),
          budgets: outcome.budgets.map((budget) => ({ ...budget })),
          heldOut: outcome.heldOut && { ...outcome.heldOut },
          payments: outcome.payments.map((payment) => ({ ...payment })),
        },
        scenarioText(outcome),
      );
    });
}
