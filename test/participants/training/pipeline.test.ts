import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../../../src/core/bytes.ts';
import { isLedgerError } from '../../../src/core/errors.ts';
import { readTrainingPipeline } from '../../../src/participants/training/index.ts';
import { mangled, outcome } from '../../core/mangle.ts';
import { denseConfig, json, pipelineWith, realFile, SUPPLEMENT } from './covid.ts';

const REAL = realFile('covid/config/pipeline_config.json');
const told =
  (...parts: RegExp[]) =>
  (error: unknown) =>
    isLedgerError(error, 'PIPELINE_UNSUPPORTED') && parts.every((part) => part.test(error.message));

test('the scenario’s own pipeline, with what it lacks', () => {
  const pipeline = readTrainingPipeline(REAL, json(SUPPLEMENT));
  assert.deepEqual(
    pipeline.tables.map(({ id, name }) => [id.slice(0, 8), name]),
    [
      ['19517ba8', 'icmr_test_results'],
      ['216d5cc6', 'cowin_vaccine_data'],
      ['2830a144', 'index_patient_records'],
    ],
  );
  assert.equal(pipeline.join.key, 'pk_mobno_hashed');
  assert.equal(pipeline.join.columns!.length, 10);
  assert(pipeline.join.dropped.includes('index_pname'));
  const { target, missing, train, seed } = pipeline.dataset;
  assert.deepEqual({ target, missing, seed }, { target: 'icmr_a_icmr_test_result', missing: 0, seed: '42' });
  assert(Math.abs(train - 0.7) < 1e-12);
  assert.equal(pipeline.scaler, 'standard');
  assert.deepEqual(pipeline.architecture, { inputs: 9, hidden: [], dropout: 0 });
  assert.deepEqual(pipeline.optimizer, { learningRate: 0.8, momentum: 0.5, weightDecay: 0 });
  assert.deepEqual(pipeline.privacy, { epsilon: 1_000_000, delta: 10_000_000_000, maxGradNorm: 1 });
  assert.deepEqual([pipeline.batchSize, pipeline.epochs], [64, 6]);
});

test('as it is, it is told what it lacks, all at once', () => {
  assert.throws(() => readTrainingPipeline(REAL), told(/ranges of the columns/, /ONNX files are not read/));
});

test('the scenario’s network of two hidden layers', () => {
  const variant = JSON.parse(
    Buffer.from(realFile('covid/config/sample_variants/model_config_safetensors.json')).toString(),
  );
  const { architecture } = readTrainingPipeline(REAL, json({ ...SUPPLEMENT, model_config: variant }));
  assert.deepEqual(architecture, { inputs: 10, hidden: [128, 64], dropout: 0.3 });
  const ours = { ...SUPPLEMENT, model_config: denseConfig([10, 128, 64, 1], 0.3) };
  assert.deepEqual(readTrainingPipeline(REAL, json(ours)).architecture, architecture);
});

test('what is asked for and not done here is named', () => {
  // biome-ignore lint/suspicious/noExplicitAny: any part of a configuration.
  const cases: [RegExp, (stages: any) => void][] = [
    [/Train_XGB|stage that is not done/, (s) => s.push({ name: 'Train_XGB', config: {} })],
    [/cross-entropy/, (s) => (s[1].config.loss_config.class = 'torch.nn.MSELoss')],
    [/optimizer is SGD/, (s) => (s[1].config.optimizer.name = 'Adam')],
    [/schedulers/, (s) => (s[1].config.scheduler = { name: 'StepLR' })],
    [/only tables/, (s) => (s[1].config.dataset_config.type = 'directory')],
    [/filled with a constant/, (s) => (s[1].config.dataset_config.missing_strategy = 'forward_fill')],
    [/scaler/, (s) => (s[1].config.dataset_config.preprocessing.scaler = 'robust')],
    [/shares of the rows/, (s) => (s[1].config.dataset_config.splits.train = 0)],
    [/is_private/, (s) => delete s[1].config.is_private],
    [/epsilon/, (s) => (s[1].config.privacy_params.epsilon = -1)],
    [/joining_query/, (s) => delete s[0].config.joined_dataset.joining_query],
    [/datasets/, (s) => delete s[0].config.datasets],
  ];
  for (const [message, change] of cases) {
    assert.throws(
      () => readTrainingPipeline(pipelineWith(change), json(SUPPLEMENT)),
      told(message),
      `${message}`,
    );
  }
  const networks = [
    { ...denseConfig([9, 4, 1]), input: ['y'] },
    denseConfig([9, 2]),
    denseConfig([]),
    { ...denseConfig([9, 4, 1]), layers: {} },
    { ...denseConfig([9, 1]), forward: [{ ops: ['fc1'], input: ['x'], output: 'x1' }] },
    {},
  ];
  for (const model_config of networks) {
    assert.throws(() => readTrainingPipeline(REAL, json({ ...SUPPLEMENT, model_config })), told(/./));
  }
  for (const scenario of ['brats', 'cifar10', 'credit-risk', 'mnist']) {
    assert.throws(() => readTrainingPipeline(realFile(`${scenario}/config/pipeline_config.json`)), told(/./));
  }
});

test('a damaged pipeline is refused, or is another pipeline, and never a crash', () => {
  const small = utf8(
    '{"pipeline":[{"name":"SparkJoin","config":{"datasets":[]}},{"name":"Train_DL","config":{}}]}',
  );
  for (const bytes of mangled(small)) {
    const found = outcome(() => readTrainingPipeline(bytes));
    assert(
      'code' in found &&
        ['PIPELINE_UNSUPPORTED', 'REQUEST_MALFORMED', 'BYTES_MALFORMED'].includes(found.code),
    );
  }
});
