/** The real scenarios of DEPA-Training, as sources of an import. They are read from ../shared and never copied. */
import { existsSync, readFileSync } from 'node:fs';
import type { Bytes } from '../../src/core/bytes.ts';
import { importContract, type Sources } from '../../src/depa/index.ts';
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
