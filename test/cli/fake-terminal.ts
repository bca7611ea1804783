/** A terminal in memory: runs a command line in this process, and gives what it wrote and its exit code. */

import { run } from '../../src/cli/program.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { concat, utf8 } from '../../src/core/bytes.ts';

export interface RunOptions {
  readonly stdin?: Bytes | string;
  readonly isTTY?: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Told after each write to standard output. */
  readonly onStdout?: (soFar: string) => void;
  /** The same for standard error. */
  readonly onStderr?: (soFar: string) => void;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stdoutBytes: Bytes;
  readonly stderr: string;
}

export async function aichain(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { stdin = '', isTTY = false, env = {}, signal = new AbortController().signal } = options;
  const { onStdout, onStderr } = options;
  const out: Bytes[] = [];
  const err: Bytes[] = [];
  const asBytes = (chunk: string | Bytes) => (typeof chunk === 'string' ? utf8(chunk) : chunk);
  const text = (parts: Bytes[]) => new TextDecoder().decode(concat(...parts));
  const code = await run(args, {
    stdin: (async function* () {
      yield asBytes(stdin);
    })(),
    stdout: {
      isTTY,
      write(chunk) {
        out.push(asBytes(chunk));
        onStdout?.(text(out));
      },
    },
    stderr: {
      isTTY,
      write(chunk) {
        err.push(asBytes(chunk));
        onStderr?.(text(err));
      },
    },
    env,
    signal,
  });
  return { code, stdout: text(out), stdoutBytes: concat(...out), stderr: text(err) };
}

/** The JSON answer of a command. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
export async function aichainJson(args: readonly string[], options?: RunOptions): Promise<any> {
  const { stdout, stderr } = await aichain([...args, '-o', 'json'], options);
  if (stdout === '') throw new Error(`no answer: ${stderr}`);
  return JSON.parse(stdout);
}
