/**
 * A log as its users meet it: the built program in a process of its own, on free ports of this machine, in a folder
 * that goes away with it.
 * @example
 * const log = await serveLog();
 * const checkpoint = await (await fetch(`${log.http}/checkpoint`)).text();
 * await log.stop();
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Milliseconds; generous, because the machine may be busy with other tests. */
const START = 30_000;
const STOP = 20_000;

export interface ServeOptions {
  /** More arguments of `aichain serve`. */
  readonly flags?: readonly string[];
  /** A folder that stays, so that a second process can go on with its log; by default one that {@link stop} removes. */
  readonly dataDir?: string;
  /** A command and its arguments in front of `node`, e.g. `['strace', '-f']`. */
  readonly under?: readonly string[];
  /** More environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What `aichain serve -o json` says. */
interface Announcement {
  readonly origin: string;
  /** Checkpoint key, C2SP text form. */
  readonly verifierKey: string;
  readonly simulated: boolean;
  /** `http://127.0.0.1:<port>`. */
  readonly http: string;
  /** `127.0.0.1:<port>`. */
  readonly grpc: string;
  /** Path of the trust file. */
  readonly trust: string;
}

export interface ServedLog extends Announcement {
  readonly dataDir: string;
  /** Of the process that was started: with `under`, of that command. */
  readonly pid: number;
  /** What it has written to standard error so far. */
  stderr(): string;
  /** False once the process has ended, for whatever reason. */
  running(): boolean;
  /** Memory of the process in bytes, now and at its most; undefined where there is no /proc. */
  memory(): { readonly resident: number; readonly peak: number } | undefined;
  /** Sends the signal; resolves with the exit code, or null when the signal ended it, once the process is gone. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends it as an operator would, checks that it ended well, and removes the folder if it was made here. */
  stop(): Promise<void>;
}

/** Processes that a failed test left behind end with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function serveLog(options: ServeOptions = {}): Promise<ServedLog> {
  assert.ok(existsSync(PROGRAM), 'dist is missing: run npm run build');
  const { flags = [], under = [], env = {} } = options;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'aichain-e2e-'));
  const own = ['serve', '-o', 'json', '--http-port', '0', '--grpc-port', '0', '--log-level', 'warn'];
  const [command, ...args] = [...under, process.execPath, PROGRAM, ...own, '--data-dir', dataDir, ...flags];
  // The settings of whoever runs the tests are not those of the log.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AICHAIN_'));
  const child = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...env },
  });
  running.add(child);
  const ended = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  let announcement: Announcement;
  try {
    announcement = await announced(child, ended);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${(error as Error).message}: ${errors}`, { cause: error });
  }
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return {
    ...announcement,
    dataDir,
    pid: child.pid!,
    stderr: () => errors,
    running: () => running.has(child),
    memory: () => memoryOf(child.pid!),
    end,
    stop: async () => {
      const late = setTimeout(() => child.kill('SIGKILL'), STOP);
      const code = await end('SIGTERM');
      clearTimeout(late);
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
      assert.equal(code, 0, `the server ended with ${code ?? 'a signal'}: ${errors}`);
    },
  };
}

/** The one line that the server prints when it listens. */
function announced(child: ChildProcess, ended: Promise<number | null>): Promise<Announcement> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the server did not start in time')), START);
    void ended.then((code) => {
      clearTimeout(late);
      reject(new Error(`the server ended with ${code}`));
    });
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (!text.endsWith('}\n')) return;
      clearTimeout(late);
      try {
        resolve(JSON.parse(text) as Announcement);
      } catch (error) {
        reject(error);
      }
    });
  });
}

function memoryOf(pid: number): { resident: number; peak: number } | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  const status = readFileSync(path, 'utf8');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { resident: kilobytes('VmRSS') * 1024, peak: kilobytes('VmHWM') * 1024 };
}
