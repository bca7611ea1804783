/**
 * How long it takes to verify the answer of a gate, and how large it is: a key release of the COVID-19 run, granted and not
 * yet received, in its own log. A verifier's cold start is left out: a key management service runs for days.
 */
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { decodeBundle, proven, verifyBundle } from '../../src/verify/index.ts';
import { type GrantedRelease, grantedRelease, sizeWithoutLines } from '../../test/verify/granted-release.ts';
import type { Measure, Suite } from '../main.ts';

const WARM_UP = 300;
const ROUNDS = 2000;

export const suite: Suite = {
  describe: 'verifies proof bundles of a key release, on one thread',
  async run({ progress }) {
    const granted = grantedRelease(crypto);
    const { log } = granted;
    progress(`${log.size} entries, ${log.world.state.size} records`);
    const measures: Measure[] = [];
    for (const full of [false, true]) measures.push(...(await measure(granted, full)));
    return measures;
  },
};

async function measure({ log, request: asked }: GrantedRelease, full: boolean): Promise<Measure[]> {
  const request = asked(full);
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
  const decoded = decodeBundle(bundle);
  const name = full ? 'full' : 'basic';
  return [
    { name: `${name}: facts`, value: decoded.facts.length, unit: '' },
    {
      name: `${name}: size without signature lines`,
      value: sizeWithoutLines(bundle, decoded),
      unit: 'bytes',
      bound: { most: full ? 16_384 : 4096 },
    },
    { name: `${name}: verification, median`, value: times[ROUNDS / 2]!, unit: 'ms', bound: { most: 3 } },
    { name: `${name}: verification, 99 of 100`, value: times[Math.floor(ROUNDS * 0.99)]!, unit: 'ms' },
  ];
}
