/** What must hold when a clean room trains. */
import { datasetName } from '../chronicle.ts';
import { declareRule } from '../rule.ts';

export const runWithoutReservation = declareRule({
  code: 'RUN_WITHOUT_RESERVATION',
  severity: 'critical',
  meaning:
    'A run began on a dataset whose key, and with it a part of its budget, was never released to the clean room.',
  kinds: ['run.start'],
  breach({ issuer, body }, before) {
    const room = before.rooms.get(issuer);
    if (!room) return `${issuer} was never deployed`;
    const datasets = [...room.datasets.map(([id]) => id), ...body.mounts.map(({ dataset }) => dataset)];
    const missing = datasets.find((dataset) => {
      const grants = before.grants.get(issuer, dataset) ?? [];
      return !grants.some((id) => before.releases.get(id)?.received !== undefined);
    });
    return missing && `no key of ${missing} was released to ${issuer}, and received`;
  },
});

export const runAfterStop = declareRule({
  code: 'RUN_AFTER_STOP',
  severity: 'critical',
  meaning:
    'A run began after a revocation, withdrawal or suspension of its contract, a signatory, a dataset or the code.',
  kinds: ['run.start'],
  breach({ issuer, time }, before) {
    const room = before.rooms.get(issuer);
    if (!room) return undefined;
    const subjects = room.contracts.flatMap((id) => {
      const contract = before.contracts.get(id);
      const datasets = contract?.datasets.map(([of, version]) => datasetName(of, version)) ?? [];
      return [id, ...(contract?.signed ?? []), ...datasets];
    });
    return before.stopOf([...subjects, room.code], time);
  },
});

export const runOverPipeline = declareRule({
  code: 'RUN_OVER_PIPELINE',
  severity: 'critical',
  meaning: 'A run says that it has spent more ε or δ than its pipeline, or its contract, allows.',
  kinds: ['run.log', 'run.complete'],
  breach({ body }, before) {
    const run = before.runs.get(body.run);
    const room = run && before.rooms.get(run.room);
    if (!run || !room) return `${body.run} never began`;
    if (body.epsilon > room.privacy.epsilon) return `ε ${body.epsilon} of ${room.privacy.epsilon}`;
    if (body.delta > room.privacy.delta) return `δ ${body.delta} of ${room.privacy.delta}`;
    for (const id of room.contracts) {
      for (const [dataset, most] of Object.entries(before.contracts.get(id)?.privacy ?? {})) {
        if (!room.datasets.some(([of]) => of === dataset)) continue;
        if (body.epsilon > most.epsilon || body.delta > most.delta) {
          return `more than ${id} allows of ${dataset}`;
        }
      }
    }
    return undefined;
  },
});

export const spendDecreased = declareRule({
  code: 'SPEND_DECREASED',
  severity: 'critical',
  meaning: 'A run says that it has spent less ε or δ than it had said before.',
  kinds: ['run.log', 'run.complete'],
  breach({ body }, before) {
    const run = before.runs.get(body.run);
    if (!run || (body.epsilon >= run.epsilon && body.delta >= run.delta)) return undefined;
    return `ε ${body.epsilon} after ${run.epsilon}, δ ${body.delta} after ${run.delta}`;
  },
});

export const budgetOver = declareRule({
  code: 'BUDGET_OVER',
  severity: 'critical',
  meaning:
    'The runs on one population have, by their own word, spent more ε or δ than its provider has allowed.',
  kinds: ['run.log', 'run.complete'],
  breach({ body }, before) {
    const run = before.runs.get(body.run);
    if (!run) return undefined;
    for (const [provider, scope] of before.chargedBy(run.room)) {
      const budget = before.scopes.get(provider, scope);
      if (!budget) continue;
      const { allocated, spent } = budget;
      const epsilon = spent.epsilon + body.epsilon - run.epsilon;
      const delta = spent.delta + body.delta - run.delta;
      if (epsilon > allocated.epsilon) return `ε ${epsilon} of ${allocated.epsilon} of ${scope}, ${provider}`;
      if (delta > allocated.delta) return `δ ${delta} of ${allocated.delta} of ${scope}, ${provider}`;
    }
    return undefined;
  },
});

export const outputNotPrivate = declareRule({
  code: 'OUTPUT_OPEN',
  severity: 'critical',
  meaning: 'A run on personal data gives out a file that was not made under differential privacy.',
  kinds: ['run.complete'],
  breach({ body }, before) {
    const run = before.runs.get(body.run);
    if (!run || before.chargedBy(run.room).length === 0) return undefined;
    const open = body.outputs.filter((output) => !output.private).length;
    return open > 0 ? `${open} files of ${body.run}` : undefined;
  },
});
