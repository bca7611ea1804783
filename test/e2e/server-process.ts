/** `aichain serve` as a process of its own, for the tests that end it in ways that no process can do to itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Milliseconds a start may take on a machine that is busy with other tests. */
const START = 60_000;

export interface Addresses {
  readonly origin: string;
  /** URL. */
  readonly http: string;
  /** `host:port`. */
  readonly grpc: string;
  /** Path of the trust file. */
  readonly trust: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface ServerProcess {
  /** What it prints when it serves. Rejects with its standard error when it ends before that. */
  readonly ready: Promise<Addresses>;
  readonly ended: Promise<Ended>;
  /** Sends a signal; does nothing once the process has ended. */
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, and waits until it is gone. Safe to call twice. */
  kill(): Promise<Ended>;
}

export interface ServeOptions {
  /** More flags for `serve`. */
  readonly flags?: readonly string[];
  /** A command that runs the server, such as strace with its options. */
  readonly under?: readonly string[];
}

/** A server on free ports of this machine, with its data in `dataDir`. */
export function serveProcess(dataDir: string, { flags = [], under = [] }: ServeOptions = {}): ServerProcess {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: npm run build');
  const own = ['--data-dir', dataDir, '--http-port', '0', '--grpc-port', '0', '-o', 'json'];
  // A quiet, small server that no limit and no full disk of the test machine holds up.
  const quiet = ['--workers', '1', '--log-level', 'error', '--disk-floor-bytes', '0'];
  const unlimited = ['--rate-limit-client-per-second', '0', '--rate-limit-issuer-per-second', '0'];
  const [command, ...args] = [
    ...under,
    process.execPath,
    MAIN,
    'serve',
    ...own,
    ...quiet,
    ...unlimited,
    ...flags,
  ];
  // The settings of whoever runs the tests are not the server's.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AICHAIN_'));
  const env = Object.fromEntries(inherited);
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);

  const { stdout, stderr } = collected(child);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('exit', end);
      resolve({ code, signal, stderr: stderr() });
    });
  });
  const ready = new Promise<Addresses>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no server after ${START} ms: ${stderr()}`)), START);
    child.stdout.on('data', () => {
      if (!stdout().endsWith('\n')) return;
      clearTimeout(timer);
      resolve(JSON.parse(stdout()) as Addresses);
    });
    ended.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(`the server ended (${code ?? signal}) before it served: ${stderr()}`));
    }, reject);
  });
  ready.catch(() => undefined); // a test that kills it during its start does not wait for it
  return {
    ready,
    ended,
    signal: (name) => void child.kill(name),
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

function collected({ stdout, stderr }: ChildProcess): { stdout: () => string; stderr: () => string } {
  const texts = ['', ''];
  [stdout, stderr].forEach((stream, i) => {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      texts[i] += chunk;
    });
  });
  return { stdout: () => texts[0]!, stderr: () => texts[1]! };
}
