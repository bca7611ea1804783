/**
 * The frame around the commands: parsing, the options that all of them have, and the one place where an error
 * becomes a message and an exit code. Nothing here ends the process.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { isLedgerError } from '../core/errors.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import { COMMANDS } from './commands.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-code.ts';
import { hintFor } from './hint.ts';
import { printable } from './printable.ts';
import { fileSystemError, systemCode, systemReason } from './system-error.ts';
import { FORMATS, type Terminal } from './terminal.ts';

const EXIT_CODES = `
Exit codes:
  0 ok  1 unexpected  2 usage  3 not found  4 unavailable, try again
  10 bad signature  11 not included  12 fork  13 quorum not met  14 refused by rules or policy  15 stale  16 malformed
  17 derived rows differ from what the entries of a log lead to`;

export function createProgram(terminal: Terminal): Command {
  const context: Context = { terminal, crypto: nodeCrypto };
  const program = new Command('aichain')
    .description('The AI Chain: a transparency log whose answers everybody can check.')
    .version(packageVersion(), '-V, --version')
    // Options belong to the command that they come after: some commands have one of the same name as their subcommand.
    .enablePositionalOptions()
    .addHelpText('after', EXIT_CODES);
  for (const make of COMMANDS) program.addCommand(make(context));
  settle(program, terminal);
  return program;
}

/** Gives every command of the tree what all have: where it writes, `-o`, and errors as exceptions. */
function settle(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void terminal.stdout.write(text),
    writeErr: (text) => void terminal.stderr.write(text),
    outputError: () => {}, // reported below, like every other error
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  const own = command.options.some(({ long }) => long === '--output');
  const acts = command.commands.length === 0 || command.registeredArguments.length > 0;
  if (acts && !own) {
    command.addOption(
      new Option('-o, --output <format>', 'how the answer is written').choices(FORMATS).default('text'),
    );
  }
  for (const sub of command.commands) settle(sub, terminal);
}

/** Runs one command line. Never throws. @param args without node and script */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    await createProgram(terminal).parseAsync(args, { from: 'user' });
    return EXIT.OK;
  } catch (error) {
    return report(error, terminal);
  }
}

function report(thrown: unknown, { stderr, signal }: Terminal): ExitCode {
  const error = fileSystemError(thrown) ?? thrown;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.OK; // --help, --version
    // Without a command, commander has printed the help and has nothing else to say.
    if (error.code !== 'commander.help') {
      stderr.write(`aichain: ARGUMENT_INVALID: ${error.message.replace(/^error: /, '')}\n`);
    }
    return EXIT.USAGE;
  }
  if (!isLedgerError(error)) {
    if (signal.aborted) return EXIT.UNEXPECTED; // interrupted: the user knows
    stderr.write(`aichain: INTERNAL: ${error instanceof Error ? error.stack : String(error)}\n`);
    stderr.write(`hint: ${hintFor('INTERNAL')}\n`);
    return EXIT.UNEXPECTED;
  }
  const why = systemReason(error.cause);
  const message =
    why === undefined || error.message.endsWith(why) ? error.message : `${error.message}: ${why}`;
  stderr.write(`aichain: ${error.code}: ${printable(message)}\n`);
  const hint = hintFor(error.code, systemCode(error.cause));
  if (hint !== undefined) stderr.write(`hint: ${hint}\n`);
  if (error.retryAfter !== undefined) stderr.write(`hint: try again in ${error.retryAfter} s\n`);
  return exitCodeOf(error.code);
}

function packageVersion(): string {
  // Two levels up from src/cli and from dist/cli alike.
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}
