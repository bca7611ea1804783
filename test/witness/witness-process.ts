/** `aichain witness` as a process of its own, for the tests that kill it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface WitnessProcess {
  /** What it prints when it listens. Rejects with its standard error when it ends before that. */
  readonly ready: Promise<{ verifierKey: string; url: string; origins: string[] }>;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<unknown>;
}

/** @param under a command that runs the witness, such as strace with its options */
export function witnessProcess(
  dataDir: string,
  flags: readonly string[],
  under: readonly string[] = [],
): WitnessProcess {
  const own = ['--data-dir', dataDir, '--name', 'example.com/w', '--port', '0', '-o', 'json', ...flags];
  const [command, ...args] = [...under, process.execPath, MAIN, 'witness', ...own];
  const child: ChildProcess = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  let [stdout, stderr] = ['', ''];
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', end);
      resolve({ code, stderr });
    });
  });
  const ready = new Promise<{ verifierKey: string; url: string; origins: string[] }>((resolve, reject) => {
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      if (stdout.endsWith('\n')) resolve(JSON.parse(stdout));
    });
    ended.then(() => reject(new Error(`the witness ended: ${stderr}`)), reject);
  });
  ready.catch(() => undefined);
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
