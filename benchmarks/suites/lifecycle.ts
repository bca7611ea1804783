/**
 * Verified durable P-256 appends a second of all kinds of entry, in the proportions of training cycles: rules, state entries
 * and the state map included. The statements are signed and encoded while the clock stands, so that the rate is the server's and
 * not the load's: stage by stage, since most refer to entries whose place in the log has to be known first.
 */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { KINDS } from '../../src/chain/kinds/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../src/server/index.ts';
import { type Step, Story } from '../../test/chain/story.ts';
import { World } from '../../test/chain/world.ts';
import { covid, publishedEpsilons } from '../../test/depa/scenario.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { Copy, ROUND, SHARED } from '../lifecycle-copy.ts';
import { play, Tally } from '../lifecycle-load.ts';
import { LoadStream } from '../load.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { verifyReceipts } from '../receipts.ts';
import { rulesAlone } from '../rules-alone.ts';
import { type BenchServer, recordsOf, startBenchServer } from '../server.ts';
import { verifyCeiling } from '../verify-ceiling.ts';

/** Copies that are played at a time. */
const WAVE = 100 * ROUND;
/** About as many statements has a copy. */
const STATEMENTS = 60;
/** One wave, which leaves about 100,000 records. A million would be a quarter of an hour of the same. */
const MOST = WAVE * STATEMENTS;
/** DONE WHEN: of the ceiling. */
const SHARE = 0.5;

export const suite: Suite = {
  needs: ['../shared/data/depa/'],
  describe: `training cycles, ${WAVE} side by side, over one stream, batches of 64, P-256; default settings`,
  loaders: { stream: 'own' },
  entries: { least: WAVE * STATEMENTS, most: MOST, found: true },
  async run(options) {
    const dataDir = temporaryFolder('lifecycle');
    try {
      return await measure(dataDir, options);
    } finally {
      removeFolder(dataDir);
    }
  },
};

async function measure(dataDir: string, { entries, progress, around }: SuiteOptions) {
  const before = await verifyCeiling(availableParallelism());
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  const published = storyOf(server, dataDir);
  const { world } = published;
  const steps = [...published.governance(), ...published.participants(SHARED)];
  const once = await play(world, stream, [steps]);
  const tally = new Tally();
  let cpu = 0;
  const waves = Math.max(1, Math.round(Math.min(entries, MOST) / (WAVE * STATEMENTS)));
  for (let n = 0; n < waves; n++) {
    const copies = await copiesOf(published, n);
    const [sent, seconds] = [tally.statements, tally.seconds];
    const used = server.cpu();
    await play(world, stream, copies, tally);
    const wave = server.cpu() - used;
    cpu += wave;
    const count = tally.statements - sent;
    const rate = count / (tally.seconds - seconds);
    progress(
      `${tally.statements.toLocaleString('en')} statements, ${Math.round(rate).toLocaleString('en')}/s, ` +
        `${Math.round((wave / count) * 1e6)} µs of the server's processor time for one, ` +
        `${Math.round(tally.bytes / tally.statements)} bytes each, ${Math.round(server.memory().now)} MB`,
    );
  }
  verifyReceipts(dataDir, server.origin, tally.sample);
  const kinds = everyKind(once, tally);
  const mapKeys = await recordsOf(server, dataDir);
  stream.close();
  await server.stop();
  const after = await verifyCeiling(availableParallelism());
  const rules = await rulesAlone(dataDir, server.origin);
  const ceiling = around('crypto.verify', before.rate, after.rate);
  const verifying = (before.cpu + after.cpu) / 2;
  return measures(tally, { ceiling, verifying, cpu: cpu / tally.statements, kinds, mapKeys, rules });
}

function storyOf({ origin }: BenchServer, dataDir: string): Story {
  const world = World.empty(crypto, origin);
  world.time = Date.now();
  const sro = { did: DEVELOPMENT_SRO, keys: [developmentSro(crypto, keyFolder(dataDir))] as const };
  const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
  return Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
}

/** Making their keys takes seconds, and a server takes a client that answers no ping for dead. */
async function copiesOf(published: Story, wave: number): Promise<(readonly Step[])[]> {
  const copies: (readonly Step[])[] = [];
  while (copies.length < WAVE) {
    copies.push(new Copy(published, 1 + wave * WAVE + copies.length).life());
    await setImmediate();
  }
  return copies;
}

/** How many there are. @throws when one of them did not come up: the genesis is the first start's */
function everyKind(...tallies: readonly Tally[]): number {
  const sent = new Set(['log.genesis', ...tallies.flatMap(({ kinds }) => [...kinds])]);
  const missing = KINDS.filter(({ name }) => !sent.has(name));
  if (missing.length > 0) throw new Error(`not in the mix: ${missing.map(({ name }) => name).join(', ')}`);
  return sent.size;
}

interface Circumstances {
  /** Verifications a second, and processor seconds of one. */
  readonly ceiling: number;
  readonly verifying: number;
  /** Processor seconds of the server for a statement. */
  readonly cpu: number;
  readonly kinds: number;
  readonly mapKeys: number;
  /** Of all statements, on one thread. */
  readonly rules: { readonly count: number; readonly seconds: number };
}

function measures(
  tally: Tally,
  { ceiling, verifying, cpu, kinds, mapKeys, rules }: Circumstances,
): Measure[] {
  const rate = tally.statements / tally.seconds;
  return [
    { name: 'kinds', value: kinds, unit: '' },
    { name: 'statements', value: tally.statements, unit: '' },
    { name: 'bytes of one', value: tally.bytes / tally.statements, unit: '' },
    { name: 'records in the state map', value: mapKeys, unit: '' },
    { name: 'receipts verified', value: tally.sample.length, unit: '' },
    { name: 'appended', value: rate, unit: '/s' },
    { name: 'verify ceiling', value: ceiling, unit: '/s' },
    { name: 'appended ÷ verify ceiling', value: rate / ceiling, unit: '', bound: { least: SHARE } },
    { name: 'processor time of one', value: cpu * 1e6, unit: 'µs' },
    { name: 'processor time of one verification', value: verifying * 1e6, unit: 'µs' },
    { name: 'verification ÷ all, by processor time', value: verifying / cpu, unit: '' },
    { name: 'rules and state alone, one thread', value: rules.count / rules.seconds, unit: '/s' },
    { name: 'the same ÷ verify ceiling', value: rules.count / rules.seconds / ceiling, unit: '' },
  ];
}
