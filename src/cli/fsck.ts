/** `aichain fsck`: audits a whole log, stored or served, and says what is wrong with it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Command, InvalidArgumentError } from 'commander';
import { rulesId } from '../chain/index.ts';
import { toHex, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { CHECKS, type Check } from '../fsck/findings.ts';
import type { FsckReport, KeptNote } from '../fsck/index.ts';
import { loadConfig } from '../platform/config.ts';
import type { Trust } from '../verify/index.ts';
import { addClientTlsOptions, type ClientTlsOptions, tlsOf } from './connection.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { printable } from './printable.ts';
import type { Output } from './terminal.ts';
import { readTrust, TRUST_FILE } from './trust-options.ts';

interface Options extends CommonOptions, ClientTlsOptions {
  readonly dataDir?: string;
  readonly config?: string;
  readonly url?: string;
  readonly trust?: string;
  readonly checkpoint: readonly string[];
  readonly hashesOnly?: boolean;
  readonly threads: number;
}

/**
 * V8 lets a heap grow to four times what is alive before it collects; what an audit throws away is mostly rows and parsed
 * statements, in every thread. Collecting sooner costs little and keeps a large log within memory.
 */
const HEAP_GROWING_PERCENT = 20;
/** Milliseconds between two lines of progress. */
const PROGRESS = 2000;
/** What witnesses have cosigned last, in the data folder. */
const COSIGNED = 'cosigned.checkpoint';

export function fsck(context: Context): Command {
  const command = new Command('fsck')
    .summary('audit a whole log')
    .description(
      `Derives everything that a log stores or serves again from its entries, on all cores, and compares: ${Object.values(
        CHECKS,
      )
        .map(([, what]) => what)
        .join(
          '; ',
        )}. Reports every fault, not only the first, and changes nothing. A stored log must not be running. What provenance is answered from is not compared: reindex makes it anew.`,
    )
    .option('--data-dir <folder>', 'folder of a log that is not running')
    .option('--config <file>', 'JSON file of settings, for the folder')
    .option('--url <url>', 'instead: what stands before /checkpoint and /tile/ of a log that is served')
    .option('--trust <file>', 'trust file of the log (default: that of the folder; trust.json for --url)')
    .option(
      '--checkpoint <file>',
      'a checkpoint that somebody has seen: the log has to hold it; may be given several times',
      (file: string, before: readonly string[]) => [...before, file],
      [],
    )
    .option('--hashes-only', 'leaves, tiles and roots; no signatures, no state, no index')
    .option('--threads <count>', 'threads that audit', countOf, availableParallelism());
  return addClientTlsOptions(command).action(async (options: Options) => {
    const output = outputOf(context, options);
    const began = performance.now();
    // Before the threads are made: they take it over.
    setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
    const report = await (options.url === undefined
      ? auditStored(context, options, output)
      : auditServed(context, options, options.url, output));
    tell(output, report, options, (performance.now() - began) / 1000);
  });
}

async function auditStored(context: Context, options: Options, output: Output): Promise<FsckReport> {
  const { terminal, crypto } = context;
  const flags = options.dataDir === undefined ? {} : { dataDir: options.dataDir };
  const config = loadConfig({
    flags,
    env: terminal.env,
    ...(options.config !== undefined && { file: options.config }),
  });
  const { dataDir, highWaterFile } = config;
  // Opening a folder that is not there would make one.
  const folder = join(dataDir, 'db');
  if (!existsSync(folder)) throw fail('ARGUMENT_INVALID', `there is no log in ${dataDir}`);
  const own = join(dataDir, TRUST_FILE);
  const trustFile = options.trust ?? (existsSync(own) ? own : undefined);
  const trust = trustFile === undefined ? undefined : await readTrust(context, trustFile);
  const notes = [
    ...(await kept(options, [join(dataDir, COSIGNED)].filter(existsSync), trust)),
    ...(await marked(crypto, highWaterFile, trust)),
  ];
  const { auditThreads, fsckFolder } = await import('../fsck/index.ts');
  return fsckFolder(folder, {
    signal: terminal.signal,
    ...{
      crypto,
      auditors: auditThreads(crypto, options.threads),
      rules: rulesId(crypto),
      ...common(options, output),
    },
    ...(trust && { origin: trust.origin, genesis: trust.genesis }),
    ...(trust && { kept: { key: trust.checkpointKey, notes } }),
  });
}

async function auditServed(
  context: Context,
  options: Options,
  url: string,
  output: Output,
): Promise<FsckReport> {
  if (options.dataDir !== undefined) throw fail('ARGUMENT_INVALID', 'a folder or a URL, not both');
  const { terminal, crypto } = context;
  const tls = await tlsOf(options);
  const trust = await readTrust(context, options.trust ?? TRUST_FILE);
  const notes = await kept(options, [], trust);
  const { auditThreads } = await import('../fsck/index.ts');
  const { fsckUrl } = await import('../fsck/fsck-url.ts');
  return fsckUrl(url, {
    ...{
      crypto,
      auditors: auditThreads(crypto, options.threads),
      rules: rulesId(crypto),
      ...common(options, output),
    },
    ...{ trust, tls, signal: terminal.signal, kept: { key: trust.checkpointKey, notes } },
  });
}

async function kept(
  { checkpoint }: Options,
  own: readonly string[],
  trust: Trust | undefined,
): Promise<KeptNote[]> {
  if (checkpoint.length > 0 && !trust) {
    throw fail('ARGUMENT_INVALID', '--checkpoint needs a trust file: whose signature should be on it?');
  }
  const read = async (name: string) => {
    try {
      return { name, note: new Uint8Array(await readFile(name)) };
    } catch (cause) {
      throw fail('ARGUMENT_INVALID', `cannot read ${name}`, { cause });
    }
  };
  return Promise.all([...own, ...checkpoint].map(read));
}

/** What the log's high-water mark says was published. */
async function marked(
  crypto: Crypto,
  path: string | undefined,
  trust: Trust | undefined,
): Promise<KeptNote[]> {
  if (path === undefined || !trust) return [];
  const { MarkFile } = await import('../backup/index.ts');
  const note = await new MarkFile(crypto, path, trust.checkpointKey).read();
  // None, or one that was begun on purpose: the next start has its say on that.
  return note == null ? [] : [{ name: path, note: utf8(note) }];
}

function common({ hashesOnly = false }: Options, output: Output) {
  let next = performance.now() + PROGRESS;
  const began = performance.now();
  const progress = (step: string, done: number, size: number) => {
    if (performance.now() < next) return;
    next = performance.now() + PROGRESS;
    const percent = Math.floor((100 * done) / Math.max(1, size));
    const rate = Math.round((1000 * done) / (performance.now() - began)).toLocaleString('en');
    const number = done.toLocaleString('en');
    output.progress(
      step === 'leaves' ? `${percent} %: ${number} entries, ${rate}/s` : 'index, records, other rows',
    );
  };
  return { hashesOnly, progress };
}

function tell(output: Output, report: FsckReport, { hashesOnly = false }: Options, seconds: number): void {
  const { origin, size, root, findings } = report;
  const { total, counts, list, code } = findings;
  const rate = Math.round(size / seconds);
  output.answer(
    {
      ...{ origin, size, root: toHex(root), hashesOnly, intact: total === 0, code: code ?? null },
      ...{ seconds: Math.round(seconds * 1000) / 1000, entriesPerSecond: rate, findings: total, counts },
      list: list.map(({ check, at, expected, found }) => ({ check, at, expected, found })),
    },
    [
      `${origin}: ${size.toLocaleString('en')} entries, ${rate.toLocaleString('en')}/s`,
      ...list.map(
        ({ check, at, expected, found }) =>
          `${check}: ${printable(at)}\n  expected ${printable(short(expected))}\n  found    ${printable(short(found))}`,
      ),
      ...Object.entries(counts).map(
        ([check, count]) => `${count.toLocaleString('en')} × ${check}: ${CHECKS[check as Check][1]}`,
      ),
      total === 0 ? output.paint('green', '✓ nothing is wrong') : output.paint('red', `✗ ${total} findings`),
    ].join('\n'),
  );
  if (code) throw fail(code, `the audit of ${origin} has ${total} findings`);
}

/** Records may be long; JSON has all of it. */
function short(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 160)}… (${text.length} characters)`;
}

function countOf(text: string): number {
  const count = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 256) throw new InvalidArgumentError('not a number of threads');
  return count;
}
