/**
 * How long it takes to verify the answer of a gate, and how large it is: a key release of the COVID-19 run, granted and not
 * yet received, in its own log. A verifier's cold start is left out: a key management service runs for days.
 */
import type { Cbor } from '../../src/core/cbor.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { decodeBundle, proven, verifyBundle } from '../../src/verify/index.ts';
import { Story, type Told } from '../../test/chain/story.ts';
import { covid, publishedEpsilons } from '../../test/depa/scenario.ts';
import { SmallLog } from '../../test/verify/small-log.ts';
import type { Measure, Suite } from '../main.ts';

const WARM_UP = 300;
const ROUNDS = 2000;

export const suite: Suite = {
  describe: 'verifies proof bundles of a key release, on one thread',
  async run({ progress }) {
    const { log, story } = granted();
    progress(`${log.size} entries, ${log.world.state.size} records`);
    const measures: Measure[] = [];
    for (const full of [false, true]) measures.push(...(await measure(log, story, full)));
    return measures;
  },
};

/** The run up to the last grant. */
function granted(): { log: SmallLog; story: Story } {
  const { log } = SmallLog.begin(crypto);
  const { world } = log;
  const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
  const story = Story.of(world, { sources: covid(), training });
  const entries = new Map<string, number>();
  const told: Told = { ref: (step, rel = 'after') => world.ref(rel, entries.get(step)!) };
  for (const step of story.steps()) {
    if (step.kind === 'key.receive') break;
    entries.set(step.name, log.commit(step.statement(told)));
  }
  return { log, story };
}

async function measure(log: SmallLog, story: Story, full: boolean): Promise<Measure[]> {
  const [{ dataKeyId }] = story.contract.datasets;
  const request = {
    ...{ release: story.urn('release', 100), kms: story.member('kms').did, dataKeyId },
    ...{ nonce: story.digest('nonce icmr 1'), wrapKid: crypto.sha256(story.wrapKey('room 1')) },
    ...(full && { full }),
  } as Cbor;
  const { bundle } = await log.gate('key.release', request);
  const question = { step: 'key.release', request };
  const evidence = { crypto, trust: log.trust(), bundle, question, now: log.world.time };
  const times: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const started = performance.now();
    const { outcome } = proven(verifyBundle({ ...evidence, insecureTrustOperator: true }));
    if (round >= WARM_UP) times.push(performance.now() - started);
    if (outcome !== 'allow') throw new Error(`the release is ${outcome}`);
  }
  times.sort((a, b) => a - b);
  const { checkpoint, facts } = decodeBundle(bundle);
  const lines = checkpoint.length - checkpoint.indexOf('\n\n') - 2;
  const name = full ? 'full' : 'basic';
  return [
    { name: `${name}: facts`, value: facts.length, unit: '' },
    {
      name: `${name}: size without signature lines`,
      value: bundle.length - lines,
      unit: 'bytes',
      bound: { most: full ? 16_384 : 4096 },
    },
    { name: `${name}: verification, median`, value: times[ROUNDS / 2]!, unit: 'ms', bound: { most: 3 } },
    { name: `${name}: verification, 99 of 100`, value: times[Math.floor(ROUNDS * 0.99)]!, unit: 'ms' },
  ];
}
