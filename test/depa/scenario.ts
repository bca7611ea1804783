/** The real scenarios of DEPA-Training, as sources of an import. They are read from ../shared and never copied. */
import { existsSync, readFileSync } from 'node:fs';
import { type Bytes, fromUtf8, toHex, utf8 } from '../../src/core/bytes.ts';
import { scaled } from '../../src/depa/exact.ts';
import { importContract, type Sources } from '../../src/depa/index.ts';
import { type Numeral, readJson } from '../../src/depa/json.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { realData } from '../vectors.ts';

/** Folder with all of them; undefined where ../shared is not there. */
export const REAL = realData('depa');

export const SCENARIOS = ['brats', 'cifar10', 'covid', 'credit-risk', 'llm-finetune', 'mnist'] as const;

export const bytesOf = (path: string | URL): Bytes => new Uint8Array(readFileSync(path));
export const COVID_OVERLAY = new URL('covid-overlay.json', import.meta.url);

const FILES = {
  contract: 'contract/contract.json',
  pipeline: 'config/pipeline_config.json',
  dataset: 'config/dataset_config.json',
  scenario: 'scenario.json',
  policy: 'policy/policy-in-template.json',
} as const;

/** Every file that the scenario has, under the path that it has there. */
export function sourcesOf(scenario: string): Sources {
  const found = Object.entries(FILES)
    .map(([role, name]) => [role, name, `${REAL}/${scenario}/${name}`] as const)
    .filter(([, , path]) => existsSync(path))
    .map(([role, name, path]) => [role, { name, bytes: bytesOf(path) }]);
  return Object.fromEntries(found);
}

/** 2026-01-01T00:00:00Z. */
const AT = 1_767_225_600;

export function imported(sources: Sources, change: { origin?: string; at?: number } = {}) {
  const salt = new Uint8Array(32);
  return importContract(nodeCrypto, sources, { origin: 'log.example/test', at: AT, salt, ...change });
}

/** The COVID-19 scenario with the project's own overlay. */
export function covid(): Sources {
  return { ...sourcesOf('covid'), overlay: { name: 'covid-overlay.json', bytes: bytesOf(COVID_OVERLAY) } };
}

/** The published run of the scenario: ε after each epoch, in micro-units. */
export function publishedEpsilons(scenario: string): readonly number[] {
  const file = readJson(fromUtf8(bytesOf(`${REAL}/training_runs_from_readmes.json`))) as Tree;
  const runs = file.get('runs') as unknown as readonly Tree[];
  const run = runs.find((each) => each.get('scenario') === (scenario as unknown))!;
  const epochs = run.get('epochs') as unknown as readonly Tree[];
  return epochs.map((epoch) => scaled((epoch.get('epsilon') as unknown as Numeral).text, 6)!);
}
type Tree = ReadonlyMap<string, Tree>;

// biome-ignore lint/suspicious/noExplicitAny: tests change every part of it.
export type Overlay = any;

/** The COVID-19 scenario with the project's overlay, changed. */
export function covidWith(change: (overlay: Overlay) => void): Sources {
  const overlay = JSON.parse(fromUtf8(bytesOf(COVID_OVERLAY)));
  change(overlay);
  return { ...sourcesOf('covid'), overlay: { name: 'overlay.json', bytes: utf8(JSON.stringify(overlay)) } };
}

/** Another real scenario, with what the COVID-19 overlay says where it fits, and made-up digests. */
export function bratsOnCovidsTerms(): Sources {
  const sources = sourcesOf('brats');
  const overlay = JSON.parse(fromUtf8(bytesOf(COVID_OVERLAY)));
  const { datasets } = JSON.parse(fromUtf8(sources.contract.bytes)) as {
    datasets: { id: string; owner: string }[];
  };
  const hex = (what: string) => toHex(nodeCrypto.sha256(utf8(what)));
  const provider = 'did:web:icmr.example';
  const of = ({ id, owner }: { id: string; owner: string }) => [
    id,
    {
      provider,
      card: hex(`${owner} card`),
      ciphertext: hex(owner),
      size: 1,
      plaintext: hex(`${owner} plain`),
      scope: owner,
    },
  ];
  overlay.datasets = Object.fromEntries(datasets.map(of));
  overlay.eachDataset = {
    ...overlay.eachDataset,
    format: 'png',
    url: 'https://data.example/brats.img',
    joinKeys: [],
    targets: [],
  };
  overlay.contract.payments = [];
  overlay.contract.revocation = [];
  return { ...sources, overlay: { name: 'overlay.json', bytes: utf8(JSON.stringify(overlay)) } };
}

/** Where the published run of the scenario has left its model. */
export function publishedOutput(scenario: string): string {
  const { runs } = JSON.parse(fromUtf8(bytesOf(`${REAL}/training_runs_from_readmes.json`)));
  return runs.find((run: { scenario: string }) => run.scenario === scenario).output;
}
