/**
 * Training in a clean room: tables of several providers in, a model and what it has cost out. A pipeline's configuration, the
 * join, examples, DP-SGD with its accountant, the model's file. Nothing here talks to the ledger, to disk or to a clock: the
 * clean room calls it, and logs what it reports. A run computes for seconds at a time: it wants a thread of its own.
 */
export { readCsv, type Table, writeCsv } from './csv.ts';
export { type Prepared, prepare } from './examples.ts';
export { join } from './join.ts';
export { readModel, writeModel } from './model-file.ts';
export type { Network } from './network.ts';
export { readTrainingPipeline, type TrainingPipeline } from './pipeline.ts';
export { cryptoRandom } from './random-source.ts';
export { sampleData } from './sample-data.ts';
export { sampleModel } from './sample-model.ts';
export { COVID_STANDARDS, standardise } from './standardise.ts';
export { type TrainingOptions, TrainingRun } from './training-run.ts';
