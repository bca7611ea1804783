/**
 * How many gates a second a server answers with a proof bundle, how long it takes to verify one, and how large it is: a key
 * release of the COVID-19 run, granted and not yet received, in its own log. A verifier's cold start is left out: a key
 * management service runs for days.
 */
import type { Ref } from '../../src/chain/statement.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { aichain } from '../../src/proto/aichain.js';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../src/server/index.ts';
import { decodeBundle, proven, verifyBundle } from '../../src/verify/index.ts';
import { Story, type Told } from '../../test/chain/story.ts';
import { World } from '../../test/chain/world.ts';
import { covid, publishedEpsilons } from '../../test/depa/scenario.ts';
import { type GrantedRelease, grantedRelease, sizeWithoutLines } from '../../test/verify/granted-release.ts';
import { type Capacity, grpcCapacity } from '../capacity.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { LoadStream } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { portOf, startBenchServer } from '../server.ts';

const { CheckKeyReleaseRequest } = aichain.v1;
/** 4,000 a second where a bare echo does 32,000. */
const SERVED_SHARE = 0.125;

const WARM_UP = 300;
const ROUNDS = 2000;

export const suite: Suite = {
  describe: 'asks for proof bundles of a key release, and verifies them on one thread',
  ceilings: ['grpc-js echo', 'P-256 verify'],
  needs: ['../shared/data/depa/'],
  async run({ progress }) {
    const granted = grantedRelease(crypto);
    const { log } = granted;
    progress(`${log.size} entries, ${log.world.state.size} records`);
    const measures: Measure[] = [];
    for (const full of [false, true]) measures.push(...(await measure(granted, full)));
    const { rate, cpu } = await served();
    const line = { name: 'basic: answered by a server', value: rate, unit: '/s', cpu };
    return [...measures, { ...line, of: 'grpc-js echo', share: SERVED_SHARE }];
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

/** The same release, in a log of a server of its own. */
async function served(): Promise<Capacity> {
  const dataDir = temporaryFolder('gates');
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  try {
    const world = World.empty(crypto, server.origin);
    world.time = Date.now();
    const sro = { did: DEVELOPMENT_SRO, keys: [developmentSro(crypto, keyFolder(dataDir))] as const };
    const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
    const story = Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
    const entries = new Map<string, Omit<Ref, 'rel'>>();
    const told: Told = { ref: (step, rel = 'after') => ({ ...entries.get(step)!, rel }) };
    for (const step of story.steps()) {
      if (step.kind === 'key.receive') break;
      const [placed] = await stream.send([step.statement(told)]);
      entries.set(step.name, { index: placed!.index, entry: placed!.entryId });
    }
    const request = CheckKeyReleaseRequest.encode({
      ...{ release: story.urn('release', 100), kms: story.member('kms').did },
      dataKeyId: story.contract.datasets[0].dataKeyId,
      ...{ nonce: story.digest('nonce icmr 1'), wrapKid: crypto.sha256(story.wrapKey('room 1')) },
    }).finish();
    const asked = { port: portOf(server.grpc), cpu: server.cpu };
    return await grpcCapacity(asked, '/aichain.v1.GateService/CheckKeyRelease', request);
  } finally {
    stream.close();
    await server.stop();
    removeFolder(dataDir);
  }
}
