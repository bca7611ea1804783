/**
 * What a command has of the outside world, as one value, so that a test can be the terminal. Data goes to standard
 * output and nothing else does; progress, hints and errors go to standard error.
 */
import { styleText } from 'node:util';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

interface Sink {
  readonly isTTY?: boolean;
  write(chunk: string | Bytes): unknown;
}

export interface Terminal {
  readonly stdin: AsyncIterable<Bytes> & { readonly isTTY?: boolean };
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the user wants the command to end, or nobody reads what it writes. */
  readonly signal: AbortSignal;
}

export const FORMATS = ['text', 'json'] as const;
export type Format = (typeof FORMATS)[number];

/** Bytes as JSON has them: base64url for what is named by it, base64 elsewhere; the caller chooses. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** The answer of a command, in the format that was asked for. */
export class Output {
  readonly #terminal: Terminal;
  readonly #format: Format;

  constructor(terminal: Terminal, format: Format) {
    this.#terminal = terminal;
    this.#format = format;
  }

  get json(): boolean {
    return this.#format === 'json';
  }

  /** One answer: a line of JSON, or lines for people. */
  answer(json: Json, text: string): void {
    this.#terminal.stdout.write(this.json ? `${JSON.stringify(json)}\n` : `${text}\n`);
  }

  /** Lines for people beside the answer: to standard output as text, to standard error beside JSON. */
  narrate(text: string): void {
    (this.json ? this.#terminal.stderr : this.#terminal.stdout).write(`${text}\n`);
  }

  /** @throws ARGUMENT_INVALID bytes would go to a terminal, where they are noise and can do harm */
  bytes(bytes: Bytes, option: string): void {
    if (this.#terminal.stdout.isTTY) {
      throw fail('ARGUMENT_INVALID', `binary data is not written to a terminal: use ${option}, or redirect`);
    }
    this.#terminal.stdout.write(bytes);
  }

  /** What is being done. */
  progress(text: string): void {
    this.#terminal.stderr.write(`${text}\n`);
  }

  /** `text` in a colour, if standard output is a terminal that wants colours (https://no-color.org). */
  paint(colour: 'green' | 'red' | 'dim' | 'bold', text: string): string {
    const { stdout, env } = this.#terminal;
    if (!stdout.isTTY || this.json || env.NO_COLOR || env.TERM === 'dumb') return text;
    return styleText(colour, text, { validateStream: false });
  }
}
