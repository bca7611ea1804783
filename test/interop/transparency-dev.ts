/** transparency-dev's witness and its client, built from their sources as the module proxy has them. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL('./witness', import.meta.url));
/** The last release of their Merkle library. */
const MERKLE = 'github.com/transparency-dev/merkle@v0.0.2';
/** Milliseconds: the first build translates all that it rests on. */
const BUILD = 400_000;

/** Their go.mod asks for 1.25. */
export const hasGo = (() => {
  const { stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  const [, minor] = /go1\.(\d+)/.exec(stdout ?? '') ?? [];
  return Number(minor ?? 0) >= 25;
})();

/** What their client was told by a witness. */
export interface TheirAnswer {
  readonly cosigned: boolean;
  readonly refusal: string;
  readonly size: number;
}

export interface TheirWitness {
  readonly url: string;
  /** Verifier keys: Ed25519 and ML-DSA-44. */
  readonly keys: readonly [string, string];
  stop(): Promise<unknown>;
}

export class TransparencyDev {
  readonly #folder: string;

  /** Needs Go, and its module proxy or what was fetched from it before. */
  static async build(): Promise<TransparencyDev> {
    const folder = mkdtempSync(join(tmpdir(), 'aichain-witness-'));
    try {
      cpSync(SOURCES, folder, { recursive: true });
      const options = {
        cwd: folder,
        timeout: BUILD,
        env: { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' },
      };
      const { stdout } = await run('go', ['mod', 'download', '-json', MERKLE], options);
      const { Dir } = JSON.parse(stdout) as { Dir: string };
      mkdirSync(join(folder, 'merkle'));
      // Go's cache is read-only, and so would be what is copied from it.
      await run('cp', ['-r', '--no-preserve=mode', `${Dir}/.`, join(folder, 'merkle')]);
      cpSync(join(folder, 'subtree.go.txt'), join(folder, 'merkle', 'proof', 'subtree.go'));
      await run('go', ['build', '-o', 'witness', '.'], {
        ...options,
        env: { ...options.env, GOFLAGS: '-mod=readonly -buildvcs=false' },
      });
      return new TransparencyDev(folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Their witness, on a free port of this machine. @param vkey of the log that it cosigns */
  async serve(vkey: string): Promise<TheirWitness> {
    const child = spawn(join(this.#folder, 'witness'), ['serve', vkey], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const said = await new Promise<Omit<TheirWitness, 'stop'>>((resolve, reject) => {
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (more: string) => {
        text += more;
        if (text.endsWith('\n')) resolve(JSON.parse(text));
      });
      void ended.then(() => reject(new Error(`their witness ended: ${errors}`)));
    });
    const stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    return { ...said, stop };
  }

  /** Their client asks a witness at `url` with the key `vkey`, one request after the other. */
  async feed(
    url: string,
    vkey: string,
    requests: readonly { old: number; proof: readonly Uint8Array[]; checkpoint: string }[],
  ): Promise<TheirAnswer[]> {
    const child = run(join(this.#folder, 'witness'), ['feed', url, vkey], { timeout: 60_000 });
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const lines = requests.map((request) => JSON.stringify({ ...request, proof: request.proof.map(base64) }));
    child.child.stdin!.end(lines.map((line) => `${line}\n`).join(''));
    const { stdout } = await child;
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as TheirAnswer);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
