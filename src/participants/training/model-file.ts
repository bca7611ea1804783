/**
 * A trained network as a safetensors file, and back. Weights have PyTorch's names and shapes (`fc1.weight`, [outputs, inputs]),
 * and take the columns as they are in the data: how they were scaled for training is worked into the first layer.
 */
import type { Bytes } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { readSafetensors, type Tensor, writeSafetensors } from '../safetensors.ts';
import { Network } from './network.ts';
import type { Scale } from './scaling.ts';

const FORMAT = 'aichain-dense-1';

export interface Model {
  readonly network: Network;
  /** Names of the columns that a row consists of, in their order. */
  readonly features: readonly string[];
  /** The column that the model says the probability of. */
  readonly target: string;
}

export function writeModel(model: Model, scales: readonly Scale[]): Bytes {
  const { network, features, target } = model;
  const unscaled = withoutScales(network, scales);
  const tensors = network.layers.flatMap(({ inputs, outputs, weights, biases }, l): Tensor[] => [
    float32(`fc${l + 1}.weight`, [outputs, inputs], unscaled.subarray(weights, biases)),
    float32(`fc${l + 1}.bias`, [outputs], unscaled.subarray(biases, biases + outputs)),
  ]);
  const metadata = new Map([
    ['format', FORMAT],
    ['features', JSON.stringify(features)],
    ['target', target],
  ]);
  return writeSafetensors({ tensors, metadata });
}

/** Parameters for columns as they are: Σ w (x − offset) factor + b is Σ (w factor) x + (b − Σ w factor offset). */
function withoutScales(network: Network, scales: readonly Scale[]): Float64Array {
  const parameters = network.parameters.slice();
  for (const [weight, bias, { offset, factor }] of firstLayer(network, scales)) {
    parameters[weight]! *= factor;
    parameters[bias]! -= parameters[weight]! * offset;
  }
  return parameters;
}

/** The other way round: parameters for scaled columns, of a network that takes them as they are. */
export function withScales(network: Network, scales: readonly Scale[]): Float64Array {
  const parameters = network.parameters.slice();
  for (const [weight, bias, { offset, factor }] of firstLayer(network, scales)) {
    parameters[bias]! += parameters[weight]! * offset;
    parameters[weight]! /= factor;
  }
  return parameters;
}

/** Each weight's place, that of its output's bias, and the scale of its column. */
function* firstLayer({ layers }: Network, scales: readonly Scale[]) {
  const { inputs, outputs, weights, biases } = layers[0]!;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) yield [weights + o * inputs + i, biases + o, scales[i]!] as const;
  }
}

/** @throws MODEL_MALFORMED not a file that {@link writeModel} writes */
export function readModel(bytes: Bytes): Model {
  const { tensors, metadata } = readSafetensors(bytes);
  const features = namesIn(metadata.get('features'));
  const target = metadata.get('target');
  const hidden = tensors.slice(0, -2).flatMap(({ shape }, i) => (i % 2 === 0 ? [shape[0]!] : []));
  if (metadata.get('format') !== FORMAT || target === undefined || !features) {
    throw fail('MODEL_MALFORMED', 'not a dense network with the names of its columns');
  }
  const network = networkOf(features.length, hidden);
  for (const [l, { inputs, outputs, weights, biases }] of network.layers.entries()) {
    const [weight, bias] = [tensors[2 * l], tensors[2 * l + 1]];
    network.parameters.set(floats(weight, `fc${l + 1}.weight`, [outputs, inputs]), weights);
    network.parameters.set(floats(bias, `fc${l + 1}.bias`, [outputs]), biases);
  }
  if (tensors.length !== 2 * network.layers.length) throw fail('MODEL_MALFORMED', 'tensors of no layer');
  return { network, features, target };
}

function networkOf(inputs: number, hidden: readonly number[]): Network {
  try {
    return new Network({ inputs, hidden, dropout: 0 });
  } catch (cause) {
    throw fail('MODEL_MALFORMED', 'not a network of a size that is used here', { cause });
  }
}

function namesIn(text: string | undefined): string[] | undefined {
  try {
    const names: unknown = JSON.parse(text ?? '');
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

function float32(name: string, shape: readonly number[], values: Float64Array): Tensor {
  const data = new Uint8Array(values.length * 4);
  const view = new DataView(data.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
  return { name, dtype: 'F32', shape, data };
}

function floats(tensor: Tensor | undefined, name: string, shape: readonly number[]): Float64Array {
  const right = tensor?.name === name && tensor.dtype === 'F32' && `${tensor.shape}` === `${shape}`;
  if (!right) throw fail('MODEL_MALFORMED', `${name} is not there, or not of its shape`);
  const { data } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const values = Float64Array.from({ length: data.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  if (!values.every(Number.isFinite)) throw fail('MODEL_MALFORMED', `${name} has values that are no numbers`);
  return values;
}
