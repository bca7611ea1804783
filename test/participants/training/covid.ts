/** The COVID-19 scenario's own files, from ../shared, as a clean room gets them: standardised tables by name. */

import { readFileSync } from 'node:fs';
import { type Bytes, fromUtf8, utf8 } from '../../../src/core/bytes.ts';
import {
  COVID_STANDARDS,
  readCsv,
  sampleData,
  standardise,
  type Table,
} from '../../../src/participants/training/index.ts';
import { nodeCrypto } from '../../../src/platform/crypto-node.ts';

const REAL = new URL('../../../../shared/data/depa/', import.meta.url);

export function realFile(path: string): Bytes {
  return Uint8Array.from(readFileSync(new URL(path, REAL)));
}

const FILES = {
  icmr_test_results: 'covid/data/icmr/poc_data_icmr_data.csv',
  cowin_vaccine_data: 'covid/data/cowin/poc_data_cowin_data.csv',
  index_patient_records: 'covid/data/index/poc_data_statewarroom_data.csv',
};

export function realTables(): ReadonlyMap<string, Table> {
  return tablesOf(Object.entries(FILES).map(([name, path]) => [name, realFile(path)]));
}

export function sampleTables(people: number, seed: string): ReadonlyMap<string, Table> {
  const texts = Object.entries(sampleData(nodeCrypto, people, seed));
  return tablesOf(texts.map(([name, text]) => [name, utf8(text)]));
}

function tablesOf(files: readonly (readonly [string, Bytes])[]): ReadonlyMap<string, Table> {
  return new Map(
    files.map(([name, bytes]) => [name, standardise(nodeCrypto, readCsv(bytes), COVID_STANDARDS[name]!)]),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: tests change every part of it.
type Config = any;

/** What the scenario's files lack, and what they ask for that learns nothing (a rate of 0.0001 over one epoch). */
export const SUPPLEMENT: Config = {
  batch_size: 64,
  total_epochs: 6,
  optimizer: { params: { lr: 0.8, momentum: 0.5 } },
  privacy_params: { max_grad_norm: 1 },
  dataset_config: {
    ranges: {
      icmr_a_test_ct_value: [0, 45],
      icmr_a_sample_genetic_sequenced: [0, 1],
      fk_genetic_strain: [0, 1],
      index_pasymp: [0, 1],
      index_dsinfection: [0, 1],
      index_potravel: [0, 1],
      index_page: [0, 120],
      cowin_age: [0, 120],
      cowin_vaccine_name: [1, 2],
    },
  },
  model_config: denseConfig([9, 1]),
};

/** A network in DEPA-Training's terms. */
export function denseConfig(widths: readonly number[], dropout = 0): Config {
  const last = widths.length - 2;
  const linear = widths
    .slice(1)
    .map((outputs, i) => [
      `fc${i + 1}`,
      { class: 'nn.Linear', params: { in_features: widths[i], out_features: outputs } },
    ]);
  const ops = (i: number) => {
    if (i === last) return [`fc${i + 1}`, 'torch.sigmoid'];
    return [`fc${i + 1}`, 'torch.relu', ...(dropout > 0 ? ['dropout'] : [])];
  };
  const value = (i: number) => (i === 0 ? 'x' : `x${i}`);
  return {
    layers: {
      ...Object.fromEntries(linear),
      ...(dropout > 0 && { dropout: { class: 'nn.Dropout', params: { p: dropout } } }),
    },
    input: ['x'],
    forward: linear.map((_, i) => ({ ops: ops(i), input: [value(i)], output: value(i + 1) })),
    output: [value(last + 1)],
  };
}

export const json = (value: unknown): Bytes => utf8(JSON.stringify(value));

/** The scenario's own pipeline, changed. */
export function pipelineWith(change: (pipeline: Config) => void): Bytes {
  const pipeline = JSON.parse(fromUtf8(realFile('covid/config/pipeline_config.json')));
  change(pipeline.pipeline);
  return json(pipeline);
}
