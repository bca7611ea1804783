/**
 * The processes of a run: commands of this program, each a process of its own. What one writes to standard error is kept in a file;
 * the first line of JSON on its standard output says where it can be reached. All of them end with the run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { makeFolder } from '../../platform/write-file.ts';

/** Milliseconds that a service may take to start, and to end when it is told to. */
const START = 60_000;
const STOP = 10_000;
/** Of standard output and of standard error: what is kept of it. */
const MAX_OUTPUT = 16 << 20;
const LAST_LINES = 12;

/** What a service says when it is ready. */
export type Announcement = Readonly<Record<string, unknown>>;

export interface Service {
  readonly name: string;
  /** The members that have to be text. @throws INTERNAL the service has not said it */
  said(member: string): string;
  /** Ends it, and waits until it has ended. */
  stop(): Promise<void>;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** On the machine of whoever hosts it, who can stop it at any time. */
export interface Command {
  readonly done: Promise<Finished>;
  /** It stands still until {@link resume}. */
  pause(): void;
  resume(): void;
  kill(): void;
}

export interface ProcessesOptions {
  /** Before the arguments: node and the program. */
  readonly program: readonly [command: string, ...args: string[]];
  /** Where standard error goes, a file for each. */
  readonly logs: string;
  readonly signal: AbortSignal;
}

export class Processes implements AsyncDisposable {
  readonly #options: ProcessesOptions;
  readonly #running: { readonly name: string; readonly child: ChildProcess }[] = [];
  readonly #env: NodeJS.ProcessEnv;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    makeFolder(options.logs, 0o777);
    // The settings of whoever starts the run are not those of its processes.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AICHAIN_'));
    this.#env = Object.fromEntries(inherited);
  }

  /**
   * Starts a service, and returns when it is ready.
   * @param ready what is read of its output: JSON on standard output by default; on standard error the text that says so
   * @throws UNAVAILABLE it ended, or did not say in time that it is ready
   */
  async serve(name: string, args: readonly string[], ready: 'json' | RegExp = 'json'): Promise<Service> {
    const { child, file } = this.#spawn(name, args);
    const announcement = await this.#announced(name, child, file, ready);
    return {
      name,
      said: (member) => {
        const value = announcement[member];
        if (typeof value !== 'string') throw fail('INTERNAL', `${name} has not said its ${member}`);
        return value;
      },
      stop: () => this.#stop(child),
    };
  }

  /** Starts a command that comes to an end by itself. @param onLine told each line of its standard error */
  run(name: string, args: readonly string[], onLine?: (line: string) => void): Command {
    const { child, file } = this.#spawn(name, args, 'pipe');
    const kept = { stdout: '', stderr: '' };
    let rest = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      if (kept.stdout.length < MAX_OUTPUT) kept.stdout += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      if (kept.stderr.length < MAX_OUTPUT) kept.stderr += text;
      appendFileSync(file, text);
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) onLine?.(line);
    });
    const done = once(child, 'close').then(([code]) => ({ code: code as number | null, ...kept }));
    return {
      done,
      pause: () => void child.kill('SIGSTOP'),
      resume: () => void child.kill('SIGCONT'),
      kill: () => void child.kill('SIGKILL'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Those that were started last rest on those before.
    for (const { child } of this.#running.splice(0).reverse()) await this.#stop(child);
  }

  /** @param errors where standard error goes: to the file, or to who reads it */
  #spawn(
    name: string,
    args: readonly string[],
    errors: 'file' | 'pipe' = 'file',
  ): { child: ChildProcess; file: string } {
    const { program, logs, signal } = this.#options;
    signal.throwIfAborted();
    const file = join(logs, `${name}.log`);
    const stderr = openSync(file, 'a', 0o600);
    const [command, ...first] = program;
    try {
      const child = spawn(command, [...first, ...args], {
        stdio: ['ignore', 'pipe', errors === 'pipe' ? 'pipe' : stderr],
        env: this.#env,
      });
      const end = () => void child.kill('SIGTERM');
      signal.addEventListener('abort', end, { once: true });
      const killed = () => void child.kill('SIGKILL');
      process.once('exit', killed);
      child.once('close', () => {
        signal.removeEventListener('abort', end);
        process.off('exit', killed);
      });
      this.#running.push({ name, child });
      return { child, file };
    } finally {
      closeSync(stderr);
    }
  }

  #announced(name: string, child: ChildProcess, file: string, ready: 'json' | RegExp): Promise<Announcement> {
    return new Promise((resolve, reject) => {
      let text = '';
      const settle = (act: () => void) => {
        clearTimeout(late);
        clearInterval(looking);
        child.off('close', ended);
        act();
      };
      const failed = (why: string) => {
        const last = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n');
        settle(() => reject(fail('UNAVAILABLE', `${name} ${why}:\n${last}`)));
      };
      const ended = (code: number | null) => failed(`ended with ${code ?? 'a signal'}`);
      const late = setTimeout(() => failed('is not ready in time'), START);
      const look = () => {
        if (ready === 'json') return;
        const found = ready.exec(readFileSync(file, 'utf8'));
        if (found) settle(() => resolve(found.groups ?? {}));
      };
      const looking = setInterval(look, 50);
      child.once('close', ended);
      child.once('error', (error) => failed(error.message));
      child.stdout!.setEncoding('utf8').on('data', (more: string) => {
        if (ready !== 'json' || text.length > MAX_OUTPUT) return;
        text += more;
        const end = text.indexOf('\n');
        if (end < 0) return;
        try {
          const said = JSON.parse(text.slice(0, end)) as Announcement;
          settle(() => resolve(said));
        } catch {
          failed('has not said where it is');
        }
      });
    });
  }

  async #stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP);
    await gone;
    clearTimeout(late);
  }
}
