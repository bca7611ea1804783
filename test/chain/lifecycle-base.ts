/**
 * Where random histories of the lifecycle begin: a contract between three providers, signed by everybody, and nothing else.
 * The files that it is made from are made up here, in DEPA's form, on the terms of the project's own overlay.
 */
import { readFileSync } from 'node:fs';
import { utf8 } from '../../src/core/bytes.ts';
import type { Crypto } from '../../src/core/crypto.ts';
import type { Sources } from '../../src/depa/index.ts';
import { PROVIDERS, Story, Telling } from './story.ts';
import { World } from './world.ts';

/** What a run may spend. */
export const RUN = { epsilon: 400_000, delta: 1_000_000 };
/** By provider: enough ε, or δ, for a second run only if the first gave back what it did not spend; enough for five. */
const BUDGETS = [
  { epsilon: '0.75', delta: '0.000005' },
  { epsilon: '2', delta: '0.00000175' },
  { epsilon: '2', delta: '0.000005' },
];

export function madeUp(): Sources {
  const overlay = JSON.parse(readFileSync(new URL('../depa/covid-overlay.json', import.meta.url), 'utf8'));
  const ids = Object.keys(overlay.datasets);
  overlay.contract.maxRuns = 8;
  overlay.contract.payments.length = 1;
  ids.forEach((id, i) => {
    overlay.datasets[id].budget = BUDGETS[i];
  });
  delete overlay.cleanroom.epsilon;
  const contract = {
    id: 'f0000000-0000-4000-8000-000000000001',
    tdps: [],
    datasets: ids.map((id, i) => ({
      ...{ id, name: `${PROVIDERS[i]} records`, url: `https://data.example/${PROVIDERS[i]}.img` },
      key: { properties: { kid: `${PROVIDERS[i]}-key` } },
    })),
    purpose: 'TRAINING',
    constraints: [
      { privacy: ids.map((dataset) => ({ dataset, epsilon_threshold: '0.5', delta: '0.000001' })) },
    ],
  };
  const join = {
    datasets: ids.map((id) => ({ id, file: `${id}.csv` })),
    joined_dataset: { joining_key: 'key' },
  };
  const train = {
    ...{ is_private: true, privacy_params: { epsilon: 0.4, delta: 0.000001 }, model_type: 'onnx' },
    dataset_config: { target_variable: 'result' },
  };
  const stages = [
    { name: 'SparkJoin', config: join },
    { name: 'Train_DL', config: train },
  ];
  const image = (name: string) => ({ containerImage: `$CONTAINER_REGISTRY/${name}:latest` });
  const containers = [image('depa-training'), image('depa-training-encfs')];
  const file = (name: string, json: unknown) => ({ name, bytes: utf8(JSON.stringify(json)) });
  return {
    contract: file('contract.json', contract),
    overlay: file('overlay.json', overlay),
    pipeline: file('pipeline.json', { pipeline: stages }),
    policy: file('policy.json', { containers }),
  };
}

export interface Base {
  readonly world: World;
  readonly story: Story;
  readonly telling: Telling;
}

/** The contract is signed. */
export function base(crypto: Crypto): Base {
  const world = World.begin(crypto);
  const training = { epsilons: [150_000, 300_000], delta: 500_000 };
  const story = Story.of(world, { sources: madeUp(), training });
  const steps = story.steps();
  const signed = steps.findIndex(({ kind }) => kind === 'cleanroom.deploy');
  return { world, story, telling: new Telling(world).tell(...steps.slice(0, signed)) };
}

/** An independent history that goes on from there. */
export function goOn({ world, story, telling }: Base): Base {
  const copy = world.clone();
  return { world: copy, story: story.in(copy), telling: telling.in(copy) };
}
