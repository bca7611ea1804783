/**
 * How a log behaves as it grows: append rate at the end against the start, memory, start-up, bytes on disk. The
 * statements are signed before, so that the rate is the server's and not the load's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeReceipt, verifyInclusionReceipt } from '../../src/cose/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { readKeyFiles } from '../../src/server/key-files.ts';
import { enrol, LoadStream, sendAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { folderBytes, startBenchServer } from '../server.ts';

/** Statements signed ahead at a time: bounds the memory of the load. */
const SIGNED_AHEAD = 100_000;

export const suite: Suite = {
  describe: 'appends entries over one stream, batches of 64, P-256; default settings without rate limits',
  async run({ entries, progress }) {
    const dataDir = mkdtempSync(join(tmpdir(), 'aichain-growth-'));
    try {
      return await grow(dataDir, entries, progress);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};

async function grow(dataDir: string, entries: number, progress: (text: string) => void): Promise<Measure[]> {
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  const member = await enrol(stream, dataDir, server.origin);
  const { log } = readKeyFiles(crypto, join(dataDir, 'keys'));
  const rates: number[] = [];
  let peak = 0;
  for (let done = 0; done < entries; ) {
    const count = Math.min(SIGNED_AHEAD, entries - done);
    const statements = await signed(member, done, count);
    const bytes = statements.reduce((sum, one) => sum + one.length, 0) / count;
    const started = performance.now();
    const sample = await sendAll(stream, statements);
    const seconds = (performance.now() - started) / 1000;
    for (const { receipt, entryId } of sample) {
      verifyInclusionReceipt(crypto, log.receipt.key.publicKey, decodeReceipt(receipt), entryId, {
        origin: server.origin,
      });
    }
    rates.push(count / seconds);
    done += count;
    const memory = server.memory();
    peak = Math.max(peak, memory.peak);
    progress(
      `${done.toLocaleString('en')} entries, ${Math.round(count / seconds).toLocaleString('en')}/s, ${Math.round(memory.now)} MB, ${Math.round(bytes)} bytes each, ${sample.length} receipts verified`,
    );
  }
  stream.close();
  await server.stop('SIGKILL');
  const killed = await startBenchServer(dataDir);
  await killed.stop();
  const clean = await startBenchServer(dataDir);
  const afterStart = clean.memory().now;
  await clean.stop();
  const disk = folderBytes(join(dataDir, 'db'));
  // One part may fall into a compaction, or into something else that the machine does: three show what lasts.
  const [first, last] = [median(rates.slice(0, 3)), median(rates.slice(-3))];
  return [
    { name: 'entries', value: entries, unit: 'statements' },
    { name: 'append rate, first three parts', value: first, unit: '/s' },
    { name: 'append rate, last three parts', value: last, unit: '/s' },
    { name: 'last ÷ first', value: last / first, unit: '', bound: { least: 0.8 } },
    { name: 'memory, most', value: peak, unit: 'MB', bound: { most: 400 } },
    { name: 'memory after a start', value: afterStart, unit: 'MB' },
    { name: 'start after SIGKILL', value: killed.startMs / 1000, unit: 's', bound: { most: 3 } },
    { name: 'start after SIGTERM', value: clean.startMs / 1000, unit: 's', bound: { most: 3 } },
    { name: 'on disk', value: disk / entries, unit: 'bytes an entry' },
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
