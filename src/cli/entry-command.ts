import { Command, type ParseOptionsResult } from 'commander';

/** An entry id in base64url that looks like an option: one of 64 does. */
const DASHED = /^-[A-Za-z0-9_-]{42}$/;

/** A command with one argument, that names an entry. */
export class EntryCommand extends Command {
  override parseOptions(args: string[]): ParseOptionsResult {
    const at = args.findIndex((arg, i) => DASHED.test(arg) && !this.#takesValue(args[i - 1]));
    if (at < 0) return super.parseOptions(args);
    const { operands, unknown } = super.parseOptions([...args.slice(0, at), ...args.slice(at + 1)]);
    return { operands: [...operands, args[at]!], unknown };
  }

  #takesValue(arg: string | undefined): boolean {
    if (arg === undefined) return false;
    return this.options.some(({ short, long, required }) => required && (arg === short || arg === long));
  }
}
