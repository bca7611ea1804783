/** What every command is made from, and the shape of its declaration. */
import type { Command } from 'commander';
import type { Crypto } from '../core/crypto.ts';
import { type Format, Output, type Terminal } from './terminal.ts';

export interface Context {
  readonly terminal: Terminal;
  readonly crypto: Crypto;
}

/** One command: its arguments, options and action. The frame (program.ts) adds what all commands share. */
export type CommandMaker = (context: Context) => Command;

/** Options that the frame gives to every command. */
export interface CommonOptions {
  readonly output: Format;
}

export function outputOf({ terminal }: Context, { output }: CommonOptions): Output {
  return new Output(terminal, output);
}
