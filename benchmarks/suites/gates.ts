/**
 * How many gates a second a server answers with a proof bundle, how long it takes to verify one, and how large it is: a key
 * release of the COVID-19 run, granted and not yet received, in its own log. A verifier's cold start is left out: a key
 * management service runs for days.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ref } from '../../src/chain/statement.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { aichain } from '../../src/proto/aichain.js';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../src/server/index.ts';
import { decodeBundle, parseTrust, proven, type Trust, verifyBundle } from '../../src/verify/index.ts';
import { Story, type Told } from '../../test/chain/story.ts';
import { World } from '../../test/chain/world.ts';
import { covid, publishedEpsilons } from '../../test/depa/scenario.ts';
import { type GrantedRelease, grantedRelease, sizeWithoutLines } from '../../test/verify/granted-release.ts';
import { type Capacity, grpcCapacity, LOADERS } from '../capacity.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { decided, failedCalls } from '../counters.ts';
import { grpcLoad } from '../grpc-load.ts';
import { LoadStream } from '../load.ts';
import type { Answer } from '../load-run.ts';
import type { Measure, Suite } from '../main.ts';
import { type BenchServer, portOf, startBenchServer } from '../server.ts';

const { CheckKeyReleaseRequest, CheckKeyReleaseResponse } = aichain.v1;
const PATH = '/aichain.v1.GateService/CheckKeyRelease';
/** A second. */
const SERVED = 4000;
/**
 * The targets are of a machine that verifies 27,100 P-256 signatures a second; a bare echo answers 29,195 calls a second there, and
 * what a gate takes is a call first of all. So it is a seventh of an echo; and 15 % of the verify ceiling, which is not judged.
 */
const SERVED_SHARE = SERVED / 29_195;

const WARM_UP = 300;
const ROUNDS = 2000;

export const suite: Suite = {
  describe: 'asks for proof bundles of a key release, and verifies them on one thread',
  ceilings: ['grpc-js echo'],
  needs: ['../shared/data/depa/'],
  entries: 'own',
  async run({ progress }) {
    const granted = grantedRelease(crypto);
    const { log } = granted;
    progress(`${log.size} entries, ${log.world.state.size} records`);
    const measures: Measure[] = [];
    for (const full of [false, true]) measures.push(...(await measure(granted, full)));
    const judged = { of: 'grpc-js echo', share: SERVED_SHARE, bound: { least: SERVED } } as const;
    for (const { name, rate, cpu } of await served(progress)) {
      measures.push({ name: `${name}: answered by a server`, value: rate, unit: '/s', cpu, ...judged });
    }
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

/** The same release, in a log of a server of its own: asked for basic bundles, and for full ones, as a key management service does. */
async function served(progress: (text: string) => void): Promise<(Capacity & { readonly name: string })[]> {
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
    const question = {
      ...{ release: story.urn('release', 100), kms: story.member('kms').did },
      dataKeyId: story.contract.datasets[0].dataKeyId,
      ...{ nonce: story.digest('nonce icmr 1'), wrapKid: crypto.sha256(story.wrapKey('room 1')) },
    };
    const trust = parseTrust(crypto, readFileSync(join(dataDir, 'trust.json'), 'utf8'));
    const found = [];
    for (const name of ['basic', 'full']) {
      const { allowed, ...capacity } = await answered(server, trust, { ...question, full: name === 'full' });
      const told = `${allowed.toLocaleString('en')} were allowed, none denied; a bundle before and one after verify`;
      progress(`${name}: ${told}; load by ${LOADERS.grpc}`);
      found.push({ name, ...capacity });
    }
    return found;
  } finally {
    stream.close();
    await server.stop();
    removeFolder(dataDir);
  }
}

type Question = { readonly [member: string]: string | Uint8Array | boolean };

/** A denial has a bundle too: that it is allowed is verified before and after. */
async function answered(server: BenchServer, trust: Trust, question: Question) {
  const message = CheckKeyReleaseRequest.encode(question).finish();
  const port = portOf(server.grpc);
  const verify = async () => {
    const load = { port, path: PATH, messages: [message], connections: 1, streams: 1 };
    const [{ body }] = (await grpcLoad(load)).sample as [Answer];
    const bundle = CheckKeyReleaseResponse.decode(body).answer!.bundle as Uint8Array;
    const asked = { step: 'key.release', request: question };
    const evidence = { crypto, trust, bundle, question: asked, now: Date.now() };
    const { outcome } = proven(verifyBundle({ ...evidence, insecureTrustOperator: true }));
    if (outcome !== 'allow') throw new Error(`the release is ${outcome}`);
  };
  await verify();
  const before = await decided(server.http);
  const asked = { port, cpu: server.cpu, failed: () => failedCalls(server.http) };
  const capacity = await grpcCapacity(asked, PATH, message);
  const after = await decided(server.http);
  if (after.denied !== before.denied) throw new Error(`${after.denied - before.denied} were denied`);
  await verify();
  return { ...capacity, allowed: after.allowed - before.allowed };
}
