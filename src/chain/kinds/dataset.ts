/** dataset.register and dataset.update: what data there are, version by version. PUBLISHED → SUPERSEDED. */
import { add } from '../budget.ts';
import {
  type DatasetBody,
  DESCRIPTION_FAULTS,
  DESCRIPTION_SHARED,
  datasetBody,
  describe,
  isSame,
  ownership,
} from '../dataset-description.ts';
import { after, declareKind } from '../kind.ts';
import { NO_PRIVACY, type Privacy } from '../privacy.ts';
import type { StateReader, Write } from '../record.ts';
import { BUDGET, type BudgetRecord, DATASET, type DatasetRecord } from '../records/dataset.ts';
import { isRefusal, refuse } from '../refusal.ts';

export const register = declareKind({
  name: 'dataset.register',
  rule:
    'A provider, or its collaborator for it, publishes the first version of a dataset. Personal data of one provider ' +
    'and one scope share one privacy budget, which the first of them opens; a dataset also charges the budgets of ' +
    'its personal ancestors, and those of other providers need their delegation (collab).',
  signer: 'active',
  roles: ['TDP'],
  delegate: 'collab',
  body: datasetBody,
  subject: ({ id }) => id,
  refusals: {
    VERSION_NOT_NEXT: 'The version is not one more than that of the last one.',
    ...DESCRIPTION_FAULTS,
  },
  shared: ['ID_TAKEN', ...DESCRIPTION_SHARED],

  apply(ctx, body) {
    if (DATASET.read(ctx.read, body.id, 1)) return refuse('ID_TAKEN');
    if (body.version !== 1) return refuse('VERSION_NOT_NEXT', 'the first version is 1');
    const record = describe(ctx, body);
    if (isRefusal(record)) return record;
    return [DATASET.put(record, body.id, 1), ...ownership(body), ...budget(ctx.read, record)];
  },
});

export const update = declareKind({
  name: 'dataset.update',
  rule:
    'A provider publishes the next version of a dataset; the one before is SUPERSEDED, and contracts that name it go on. ' +
    'Protection never gets less from one version to the next. A budget that is lowered lowers that of its scope.',
  signer: 'active',
  roles: ['TDP'],
  refs: { after: after('dataset.register', 'dataset.update', 'dataset.reinstate') },
  body: datasetBody,
  subject: ({ id }) => id,
  refusals: {
    VERSION_NOT_NEXT: 'The version is not one more than that of the last one.',
    ...DESCRIPTION_FAULTS,
  },
  shared: ['ROLE_NOT_HELD', 'REF_STALE', ...DESCRIPTION_SHARED],

  apply(ctx, body) {
    const { id, version } = body;
    const last = DATASET.read(ctx.read, id, version - 1);
    if (!last || DATASET.read(ctx.read, id, version)) return refuse('VERSION_NOT_NEXT');
    if (last.provider !== ctx.principal.did)
      return refuse('ROLE_NOT_HELD', 'the dataset of another provider');
    // Nor while a stop is still to come: a new version would escape it.
    if (last.state !== 'PUBLISHED') return refuse('STATE_WRONG', last.state);
    if (ctx.refs('after')[0]?.index !== last.changed) return refuse('REF_STALE');
    if (isLooser(body, last)) return refuse('DATASET_LOOSENED');
    const next = describe(ctx, body);
    if (isRefusal(next)) return next;
    const dropped = last.charges.find((charge) => !next.charges.some((other) => isSame(charge, other)));
    if (dropped) return refuse('DATASET_LOOSENED', `no longer charges ${dropped.scope}`);
    const superseded = { state: 'SUPERSEDED', changed: ctx.index, changedAt: ctx.time } as const;
    return [
      DATASET.put({ ...last, ...superseded }, id, version - 1),
      DATASET.put(next, id, version),
      ...ownership(body),
      ...budget(ctx.read, next, last),
    ];
  },
});

function isLooser(next: DatasetBody, last: DatasetRecord): boolean {
  return (
    (last.budget !== undefined && (!next.budget || isMore(next.budget, last.budget))) ||
    (last.scope !== undefined && (next.scope !== last.scope || !next.personal)) ||
    next.sensitivity < last.sensitivity
  );
}

function isMore(a: Privacy, b: Privacy): boolean {
  return a.epsilon > b.epsilon || a.delta > b.delta;
}

/** The first dataset of a scope opens its budget. A next version that states less leaves less to all of the scope. */
function budget(
  read: StateReader,
  { provider, scope, budget: stated }: DatasetRecord,
  last?: DatasetRecord,
): readonly Write[] {
  if (scope === undefined || !stated) return [];
  const known = BUDGET.read(read, provider, scope);
  if (!known) {
    const opened = { allocated: stated, spent: NO_PRIVACY, reserved: NO_PRIVACY };
    return [BUDGET.put(opened, provider, scope)];
  }
  const before = last?.budget;
  if (!before || !isMore(before, stated)) return [];
  return [BUDGET.put({ ...known, allocated: lowered(known, stated, before) }, provider, scope)];
}

/** Per component: what was lowered, but no less than is spent or reserved already. */
function lowered({ allocated, spent, reserved }: BudgetRecord, stated: Privacy, before: Privacy): Privacy {
  const taken = add(spent, reserved);
  const lower = (part: keyof Privacy) =>
    stated[part] < before[part]
      ? Math.min(allocated[part], Math.max(stated[part], taken[part]))
      : allocated[part];
  return { epsilon: lower('epsilon'), delta: lower('delta') };
}
