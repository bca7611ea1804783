/**
 * Verified durable P-256 appends a second of all kinds of entry, in the proportions of training cycles: rules, state entries
 * and the state map included. The statements are signed and encoded while the clock stands, so that the rate is the server's and
 * not the load's: stage by stage, since most refer to entries whose place in the log has to be known first.
 */
import { setImmediate } from 'node:timers/promises';
import { KINDS } from '../../src/chain/kinds/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../src/server/index.ts';
import { type Step, Story } from '../../test/chain/story.ts';
import { World } from '../../test/chain/world.ts';
import { covid, publishedEpsilons } from '../../test/depa/scenario.ts';
import type { Mean } from '../beside.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { ceilingLine } from '../judged.ts';
import { Copy, ROUND, SHARED } from '../lifecycle-copy.ts';
import { play, Tally } from '../lifecycle-load.ts';
import { LoadStream } from '../load.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { verifyReceipts } from '../receipts.ts';
import { rulesAlone } from '../rules-alone.ts';
import { type BenchServer, recordsOf, startBenchServer } from '../server.ts';

/** Copies, of about 60 statements each, which leave about 100,000 records. */
const COPIES = 100 * ROUND;
/** DONE WHEN: of the ceiling. */
const SHARE = 0.5;

export const suite: Suite = {
  needs: ['../shared/data/depa/'],
  describe: `training cycles, ${COPIES} side by side, over one stream, batches of 64, P-256; default settings`,
  loaders: { stream: 'own' },
  entries: 'own',
  async run(options) {
    const dataDir = temporaryFolder('lifecycle');
    try {
      return await measure(dataDir, options);
    } finally {
      removeFolder(dataDir);
    }
  },
};

async function measure(dataDir: string, { progress, beside }: SuiteOptions) {
  const { result, ceilings } = await beside('appended', ['P-256 verify'], () => played(dataDir, progress));
  const rules = await rulesAlone(dataDir, result.origin);
  return measures(result, ceilings['P-256 verify'], rules.count / rules.seconds);
}

async function played(dataDir: string, progress: SuiteOptions['progress']) {
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  const published = storyOf(server, dataDir);
  const { world } = published;
  const steps = [...published.governance(), ...published.participants(SHARED)];
  const once = await play(world, stream, [steps]);
  const tally = new Tally();
  const copies = await copiesOf(published);
  const used = server.cpu();
  await play(world, stream, copies, tally);
  const cpu = ((server.cpu() - used) / tally.statements) * 1e6;
  progress(`${tally.statements.toLocaleString('en')} statements, ${Math.round(server.memory().now)} MB`);
  verifyReceipts(dataDir, server.origin, tally.sample);
  const kinds = everyKind(once, tally);
  const records = await recordsOf(server, dataDir);
  stream.close();
  await server.stop();
  return { origin: server.origin, tally, cpu, kinds, records };
}

function storyOf({ origin }: BenchServer, dataDir: string): Story {
  const world = World.empty(crypto, origin);
  world.time = Date.now();
  const sro = { did: DEVELOPMENT_SRO, keys: [developmentSro(crypto, keyFolder(dataDir))] as const };
  const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
  return Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
}

/** Making their keys takes seconds, and a server takes a client that answers no ping for dead. */
async function copiesOf(published: Story): Promise<(readonly Step[])[]> {
  const copies: (readonly Step[])[] = [];
  while (copies.length < COPIES) {
    copies.push(new Copy(published, 1 + copies.length).life());
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

interface Played {
  readonly tally: Tally;
  /** Processor time of the server for a statement, in microseconds. */
  readonly cpu: number;
  readonly kinds: number;
  readonly records: number;
}

/** @param rules statements that the rules alone take a second, on one thread */
function measures({ tally, cpu, kinds, records }: Played, ceiling: Mean, rules: number): Measure[] {
  const beside = { unit: '/s', of: 'P-256 verify', ceiling } as const;
  return [
    { name: 'kinds', value: kinds, unit: '' },
    { name: 'statements', value: tally.statements, unit: '' },
    { name: 'bytes of one', value: tally.bytes / tally.statements, unit: '' },
    { name: 'records in the state map', value: records, unit: '' },
    { name: 'receipts verified', value: tally.sample.length, unit: '' },
    ceilingLine('the ceiling around it', ceiling),
    { name: 'appended', value: tally.statements / tally.seconds, cpu, share: SHARE, ...beside },
    { name: 'rules and state alone, one thread', value: rules, ...beside },
  ];
}
