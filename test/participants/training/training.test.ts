import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLedgerError } from '../../../src/core/errors.ts';
import { Accountant } from '../../../src/participants/training/accountant.ts';
import type { Examples } from '../../../src/participants/training/examples.ts';
import {
  join,
  type Prepared,
  prepare,
  readModel,
  readTrainingPipeline,
  sampleData,
  sampleModel,
  type TrainingOptions,
  type TrainingPipeline,
  TrainingRun,
  writeModel,
} from '../../../src/participants/training/index.ts';
import {
  exactMetrics,
  histogramMetrics,
  scoreHistogram,
} from '../../../src/participants/training/metrics.ts';
import { Network, probability } from '../../../src/participants/training/network.ts';
import { seededRandom } from '../../../src/participants/training/random-source.ts';
import { scaled } from '../../../src/participants/training/scaling.ts';
import { nodeCrypto } from '../../../src/platform/crypto-node.ts';
import { json, realFile, realTables, SUPPLEMENT, sampleTables } from './covid.ts';

const pipeline = readTrainingPipeline(realFile('covid/config/pipeline_config.json'), json(SUPPLEMENT));
const seeded = (seed: string) => seededRandom(nodeCrypto, seed);

function preparedFrom(
  { join: config, dataset }: TrainingPipeline,
  tables: ReturnType<typeof realTables>,
): Prepared {
  return prepare(nodeCrypto, dataset, join(config, tables));
}

function optionsOf(of: TrainingPipeline, change: Partial<TrainingOptions> = {}): TrainingOptions {
  const { architecture, scaler, optimizer, batchSize, epochs, privacy } = of;
  const plan = privacy && {
    reserve: { epsilon: privacy.epsilon, delta: privacy.delta },
    maxGradNorm: privacy.maxGradNorm,
  };
  return { architecture, scaler, optimizer, batchSize, epochs, privacy: plan, ...change };
}

function trained(prepared: Prepared, options: TrainingOptions, seed = 'training') {
  const run = new TrainingRun(nodeCrypto, seeded(seed), prepared, options);
  const reports = [...run.epochs()];
  return { run, reports, ...run.finish() };
}

/** Accuracy on the rows held out, exactly: what a test may look at. */
function accuracy({ network, scales }: ReturnType<typeof trained>, { rows, labels }: Examples): number {
  const scores = Float64Array.from(rows, (row) => probability(network.logit(scaled(row, scales))));
  return exactMetrics(scores, labels).accuracy;
}

/** Of whoever says the more common answer every time. */
function trivial({ labels }: Examples): number {
  const positive = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  return Math.max(positive, 1 - positive);
}

const real = preparedFrom(pipeline, realTables());

test('on the real files of the scenario, at its own ε of 1, the model beats the trivial one by far', () => {
  assert.deepEqual([real.features.length, real.train.rows.length + real.heldOut.rows.length], [9, 2119]);
  const result = trained(real, optionsOf(pipeline));
  const [held, base] = [accuracy(result, real.heldOut), trivial(real.heldOut)];
  assert(held > base + 0.1, `${held} against ${base}`);
  assert(result.spent.epsilon <= 1_000_000 && result.spent.epsilon > 990_000);
  // What is said of the rows held out is near the truth, and not the truth.
  assert(Math.abs(result.metrics.accuracy - held) < 0.1 && result.metrics.accuracy !== held);
  assert(result.metrics.auc > 0.75);
});

test('on made-up data the model beats the trivial one too, with a hidden layer', () => {
  const made = preparedFrom(pipeline, sampleTables(2000, '1'));
  assert(made.train.rows.length + made.heldOut.rows.length > 1700);
  const architecture = { inputs: 9, hidden: [8], dropout: 0.1 };
  const result = trained(made, optionsOf(pipeline, { architecture, epochs: 8 }));
  const [held, base] = [accuracy(result, made.heldOut), trivial(made.heldOut)];
  assert(held > base + 0.1, `${held} against ${base}`);
});

test('each epoch says what was spent, and the accountant agrees', () => {
  const { run, reports, spent } = trained(real, optionsOf(pipeline));
  assert.deepEqual(
    reports.map(({ epoch, stopped }) => [epoch, stopped]),
    [1, 2, 3, 4, 5, 6].map((epoch) => [epoch, false]),
  );
  const accountant = new Accountant();
  accountant.spend({ samplingRate: 1, noiseMultiplier: 10 });
  for (const report of reports) {
    accountant.spend(
      { samplingRate: 1 / run.stepsPerEpoch, noiseMultiplier: run.noiseMultiplier },
      run.stepsPerEpoch,
    );
    const delta = 1 / (real.train.rows.length + 1);
    const epsilon = Math.ceil(accountant.epsilon(delta) * 1e6);
    assert(Math.abs(report.spent.epsilon - epsilon) <= 1);
    assert.equal(report.spent.delta, Math.ceil(delta * 1e12));
    assert.equal(report.batchRoot.length, 32);
  }
  assert.deepEqual(spent, reports.at(-1)!.spent);
  assert.equal(new Set(reports.map(({ batchRoot }) => batchRoot.join())).size, 6);
});

test('it ends before a step that would exceed the reserve', () => {
  const plan = { reserve: { epsilon: 500_000, delta: 10_000_000_000 }, maxGradNorm: 1, noiseMultiplier: 2 };
  const { reports, spent, steps } = trained(real, optionsOf(pipeline, { epochs: 50, privacy: plan }));
  assert.equal(reports.at(-1)!.stopped, true);
  assert(spent.epsilon <= 500_000 && spent.epsilon > 480_000 && reports.length < 50);
  assert.equal(reports.at(-1)!.steps, steps);
  const once = (epsilon: number) => () =>
    trained(real, optionsOf(pipeline, { privacy: { reserve: { epsilon, delta: 1e10 }, maxGradNorm: 1 } }));
  for (const epsilon of [0, 1, 1000]) {
    assert.throws(once(epsilon), (error) => isLedgerError(error, 'TRAINING_OVER_RESERVE'));
  }
  const noDelta = { reserve: { epsilon: 1_000_000, delta: 0 }, maxGradNorm: 1 };
  assert.throws(
    () => trained(real, optionsOf(pipeline, { privacy: noDelta })),
    (error) => isLedgerError(error, 'TRAINING_OVER_RESERVE'),
  );
});

test('a run is finished once', () => {
  const { run } = trained(real, optionsOf(pipeline, { epochs: 1 }));
  assert.throws(
    () => run.finish(),
    (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
  );
});

test('the same randomness gives the same model, other randomness another', () => {
  const few = optionsOf(pipeline, { epochs: 1 });
  const parameters = (seed: string) => trained(real, few, seed).network.parameters;
  assert.deepEqual(parameters('a'), parameters('a'));
  assert.notDeepEqual(parameters('a'), parameters('b'));
});

test('without privacy nothing is spent, and nothing is noisy', () => {
  const result = trained(real, optionsOf(pipeline, { privacy: undefined }));
  assert.deepEqual(result.spent, { epsilon: 0, delta: 0 });
  assert.equal(result.run.noiseMultiplier, 0);
  assert.equal(result.metrics.accuracy, accuracy(result, real.heldOut));
});

test('a network of another number of inputs, and no rows, are refused', () => {
  const other = optionsOf(pipeline, { architecture: { inputs: 10, hidden: [], dropout: 0 } });
  assert.throws(
    () => trained(real, other),
    (error) => isLedgerError(error, 'PIPELINE_UNSUPPORTED'),
  );
  const empty = { ...real, train: { rows: [], labels: new Uint8Array(0) } };
  assert.throws(
    () => trained(empty, optionsOf(pipeline)),
    (error) => isLedgerError(error, 'DATA_MALFORMED'),
  );
  for (const change of [{ epochs: 0 }, { epochs: 1e9 }, { batchSize: 0 }]) {
    assert.throws(
      () => trained(real, optionsOf(pipeline, change)),
      (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
    );
  }
});

test('the gradient is the derivative of the loss', () => {
  const random = seeded('gradient');
  const network = new Network({ inputs: 3, hidden: [5, 4], dropout: 0 });
  network.initialise(random);
  const row = Float64Array.of(0.7, -1.2, 0.4);
  const loss = (label: number) => {
    const p = probability(network.logit(row));
    return -Math.log(label === 1 ? p : 1 - p);
  };
  const gradient = new Float64Array(network.parameters.length);
  for (const label of [0, 1]) {
    network.gradient(row, label, gradient, random);
    for (const [i, value] of network.parameters.entries()) {
      network.parameters[i] = value + 1e-6;
      const above = loss(label);
      network.parameters[i] = value - 1e-6;
      const slope = (above - loss(label)) / 2e-6;
      network.parameters[i] = value;
      assert(Math.abs(slope - gradient[i]!) < 1e-7, `parameter ${i}`);
    }
  }
  assert.deepEqual([probability(1000), probability(-1000), probability(0)], [1, 0, 0.5]);
});

test('training goes on from a base model, however its columns are scaled, or not at all', () => {
  const prepared = preparedFrom(pipeline, sampleTables(300, 'base'));
  const options = optionsOf(pipeline, {
    privacy: undefined,
    epochs: 1,
    batchSize: prepared.train.rows.length,
  });
  const files = [realFile('covid/config/pipeline_config.json'), json(SUPPLEMENT)] as const;
  const file = sampleModel(nodeCrypto, ...files, '1');
  assert.deepEqual(sampleModel(nodeCrypto, ...files, '1'), file);
  assert.notDeepEqual(sampleModel(nodeCrypto, ...files, '2'), file);
  const { network: base } = readModel(file);
  for (const scaler of ['none', 'minmax', 'standard'] as const) {
    // Nothing is learned at this rate: what comes out is what went in.
    const optimizer = { ...options.optimizer, learningRate: 1e-12 };
    const { network, scales } = trained(prepared, { ...options, scaler, optimizer, base });
    for (const row of prepared.heldOut.rows) {
      assert.ok(Math.abs(network.logit(scaled(row, scales)) - base.logit(row)) < 1e-6, scaler);
    }
  }
  const other = new Network({ inputs: 9, hidden: [4], dropout: 0 });
  assert.throws(() => trained(prepared, { ...options, base: other }), { code: 'PIPELINE_UNSUPPORTED' });
});

test('figures of merit, exactly and from a noisy histogram', () => {
  const random = seeded('metrics');
  const labels = Uint8Array.from({ length: 4000 }, () => random.below(2));
  const scores = Float64Array.from(labels, (label) => Math.min((label + 2 * random.unit()) / 3, 0.999));
  const exact = exactMetrics(scores, labels);
  let [wins, pairs] = [0, 0];
  for (let i = 0; i < 300; i++) {
    for (let j = 0; j < 300; j++) {
      if (labels[i] === 1 && labels[j] === 0) {
        pairs += 1;
        wins += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0;
      }
    }
  }
  const some = exactMetrics(scores.slice(0, 300), labels.slice(0, 300));
  assert(Math.abs(some.auc - wins / pairs) < 1e-12);
  const accountant = new Accountant();
  const noisy = histogramMetrics(scoreHistogram(scores, labels, 4, random, accountant));
  for (const name of ['accuracy', 'precision', 'recall', 'f1', 'auc', 'loss'] as const) {
    assert(Math.abs(noisy[name] - exact[name]) < 0.05, name);
  }
  const cost = new Accountant();
  cost.spend({ samplingRate: 1, noiseMultiplier: 4 });
  assert.equal(accountant.epsilon(1e-5), cost.epsilon(1e-5));
  const nothing = exactMetrics(new Float64Array(0), new Uint8Array(0));
  assert.deepEqual([nothing.accuracy, nothing.auc, nothing.loss], [0, 0.5, 0]);
});

test('the file of a model takes columns as they are in the data', () => {
  const architecture = { inputs: 9, hidden: [4], dropout: 0 };
  const { network, scales } = trained(real, optionsOf(pipeline, { architecture, epochs: 1 }));
  const file = writeModel({ network, features: real.features, target: pipeline.dataset.target }, scales);
  const model = readModel(file);
  assert.deepEqual([model.features, model.target], [real.features, 'icmr_a_icmr_test_result']);
  assert.deepEqual(model.network.architecture, architecture);
  for (const row of real.heldOut.rows.slice(0, 50)) {
    const difference = network.logit(scaled(row, scales)) - model.network.logit(row);
    assert(Math.abs(difference) < 1e-4);
  }
});

test('made-up data is the same for the same seed, with every field there', () => {
  const [a, b, other] = [
    sampleData(nodeCrypto, 50, 'x'),
    sampleData(nodeCrypto, 50, 'x'),
    sampleData(nodeCrypto, 50, 'y'),
  ];
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, other);
  const paths = {
    icmr_test_results: 'icmr/poc_data_icmr',
    cowin_vaccine_data: 'cowin/poc_data_cowin',
    index_patient_records: 'index/poc_data_statewarroom',
  };
  for (const [name, path] of Object.entries(paths)) {
    const header = Buffer.from(realFile(`covid/data/${path}_data.csv`))
      .toString()
      .split('\r\n')[0];
    const text = a[name as keyof typeof a];
    assert.equal(text.split('\r\n')[0], header);
    assert(!/undefined|NaN|,,|,\r/.test(text));
  }
  assert.throws(
    () => sampleData(nodeCrypto, 0, ''),
    (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
  );
});
