/**
 * The network that a pipeline describes in DEPA-Training's own terms (`model_config`: PyTorch layers, and the order in which
 * they are applied). What is understood is what is trained here: dense layers in a row, a rectifier and perhaps dropout after
 * each but the last, and at the end a sigmoid, or none where the loss has it.
 */
import type { Place } from '../../depa/place.ts';
import type { Architecture } from './network.ts';

type Step =
  | { is: 'linear'; inputs: number; outputs: number }
  | { is: 'dropout'; p: number }
  | { is: 'relu' | 'sigmoid' };

const OPERATIONS: Readonly<Record<string, Step>> = {
  'torch.relu': { is: 'relu' },
  'torch.sigmoid': { is: 'sigmoid' },
};

/** `logits`: whether the loss takes log-odds, so that there is no sigmoid. Notes what is not understood. */
export function readModelConfig(config: Place, logits: boolean): Architecture | undefined {
  const steps = stepsOf(config);
  if (!steps) return undefined;
  const linear = steps.filter((step) => step.is === 'linear');
  const dropouts = steps.flatMap((step) => (step.is === 'dropout' ? [step.p] : []));
  const hidden = linear.slice(0, -1).map(({ outputs }) => outputs);
  const fits = linear.every(({ inputs }, i) => i === 0 || inputs === hidden[i - 1]);
  const dropout = dropouts[0] ?? 0;
  const expected = [
    ...hidden.flatMap(() => ['linear', 'relu', ...(dropouts.length > 0 ? ['dropout'] : [])]),
    ...['linear', ...(logits ? [] : ['sigmoid'])],
  ];
  const inOrder = steps.map(({ is }) => is).join() === expected.join();
  const same = dropouts.every((p) => p === dropout);
  if (linear.length === 0 || !fits || !inOrder || !same || linear.at(-1)!.outputs !== 1) {
    return config.problem('PIPELINE_UNSUPPORTED', 'not dense layers in a row with one output');
  }
  return { inputs: linear[0]!.inputs, hidden, dropout };
}

function stepsOf(config: Place): Step[] | undefined {
  const layers = new Map(
    config
      .at('layers')
      .names()
      .map((name) => [name, layerAt(config.at('layers', name))]),
  );
  const steps: Step[] = [];
  let value: unknown = config.at('input').items()[0]?.value;
  for (const stage of config.at('forward').items()) {
    const inputs = stage.at('input').items();
    // Each stage takes what the one before it gave, and nothing else.
    if (inputs.length !== 1 || inputs[0]!.value !== value) {
      return stage.problem('PIPELINE_UNSUPPORTED', 'not one stage after the other');
    }
    value = stage.at('output').value;
    for (const op of stage.at('ops').items()) {
      const name = String(op.value);
      const step = OPERATIONS[name] ?? layers.get(name);
      if (!step) return op.problem('PIPELINE_UNSUPPORTED', `no operation ${name}`);
      steps.push(step);
    }
  }
  return steps;
}

function layerAt(layer: Place): Step | undefined {
  const params = layer.at('params');
  switch (layer.at('class').value) {
    case 'nn.Linear': {
      const [inputs, outputs] = [params.at('in_features').amount(0), params.at('out_features').amount(0)];
      return inputs && outputs ? { is: 'linear', inputs, outputs } : undefined;
    }
    case 'nn.Dropout': {
      const p = params.at('p').real();
      return p === undefined ? undefined : { is: 'dropout', p };
    }
    case 'nn.ReLU':
      return { is: 'relu' };
    case 'nn.Sigmoid':
      return { is: 'sigmoid' };
    default:
      return undefined;
  }
}
