/** The program of docs/guides/integrate-a-kms.md, as it stands there, in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { encodePrivateKey } from '../../src/cose/key.ts';

const GUIDE = new URL('../../docs/guides/integrate-a-kms.md', import.meta.url);
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const SDK = new URL('../../dist/index.js', import.meta.url).href;
const START = 30_000;

/** The program, and how many lines it has. */
export function kmsProgram(): { readonly text: string; readonly lines: number } {
  const [, text] = /^```js\n(.*?)^```$/ms.exec(readFileSync(GUIDE, 'utf8')) ?? [];
  if (text === undefined) throw new Error('the guide has no program');
  return { text, lines: text.trimEnd().split('\n').length };
}

export interface KmsOptions {
  /** `host:port` of the ledger. */
  readonly ledger: string;
  /** Text of the trust file. */
  readonly trust: string;
  readonly did: string;
  readonly key: PrivateKey;
  /** DID of the owner of each data key. */
  readonly owners: Readonly<Record<string, string>>;
}

export interface Kms {
  /** What it answers to a clean room: the wrapped key, or the reason why not. */
  ask(release: {
    id: string;
    dataKeyId: string;
    wrapKey: string;
  }): Promise<{ wrapped?: string; reason?: string }>;
  stop(): Promise<void>;
}

export async function startKms(options: KmsOptions): Promise<Kms> {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-kms-'));
  const path = (name: string) => join(folder, name);
  writeFileSync(path('kms.mjs'), kmsProgram().text.replace("'aichain-ledger'", JSON.stringify(SDK)));
  // A vault that wraps nothing: what it was asked for is what counts here.
  writeFileSync(
    path('vault.mjs'),
    `const OWNERS = ${JSON.stringify(options.owners)};
export const ownerOf = (id) => OWNERS[id];
export const wrap = (id, key) => new TextEncoder().encode(id + ' for ' + Buffer.from(key).toString('hex'));\n`,
  );
  writeFileSync(path('trust.json'), options.trust);
  writeFileSync(path('kms.key'), encodePrivateKey(options.key), { mode: 0o600 });
  const child = spawn(process.execPath, [path('kms.mjs')], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...{ LEDGER: options.ledger, TRUST: path('trust.json'), MARKS: path('marks.json') },
      ...{ KMS_KEY: path('kms.key'), KMS_DID: options.did, PORT: '0' },
    },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the KMS did not start: ${errors}`)), START);
    void ended.then(() => reject(new Error(`the KMS ended: ${errors}`)));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const [, found] = /kms on (http:\S+)\n/.exec(text) ?? [];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    });
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    stop,
    ask: async (release) => {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(release) });
      return (await response.json()) as { wrapped?: string; reason?: string };
    },
  };
}
