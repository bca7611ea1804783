/** dataset.*. */
import type { DatasetBody } from '../../../src/chain/dataset-description.ts';
import { BUDGET, DATASET } from '../../../src/chain/records/dataset.ts';
import type { Bytes } from '../../../src/core/bytes.ts';
import { type ContractWorld, contractWorld, urnOf } from '../contract-world.ts';
import { caseList } from './base.ts';

const { cases, refuses } = caseList();
const ID = urnOf('dataset', 1);

/** In the world of contracts, with dataset 1 registered by `icmr`. */
function scene(of: string, reason: string, what: string, statement: (s: ContractWorld) => Bytes): void {
  refuses(of, reason, what, (b) => {
    const s = contractWorld(b.world.crypto);
    s.register(1);
    b.world = s.world;
    return statement(s);
  });
}

/** What is wrong with a description, whether it is of a new dataset or of a next version. */
function described(reason: string, what: string, change: (s: ContractWorld) => object): void {
  scene('dataset.register', reason, what, (s) => {
    const changed = change(s);
    return s.world.sign(s.icmr, 'dataset.register', { ...s.datasetBody(2), ...changed });
  });
  scene('dataset.update', reason, what, (s) => {
    const changed = change(s);
    return s.toggle(s.icmr, 'dataset.update', { ...s.datasetBody(1), version: 2, ...changed });
  });
}
described('FORMAT_NOT_SUPPORTED', 'pickled', () => ({ format: 'pth' }));
described('FORMAT_NOT_SUPPORTED', 'not in the policy', ({ world }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ formats: ['parquet'] })));
  return {};
});
described('PARENT_NOT_FOUND', 'no such version', () => ({ parents: [{ dataset: ID, version: 3 }] }));
described('PARENT_WITHDRAWN', 'by its provider', (s) => {
  s.register(3);
  s.world.accept(s.toggle(s.icmr, 'dataset.withdraw', { id: urnOf('dataset', 3), version: 1, reason: 'x' }));
  return { parents: [{ dataset: urnOf('dataset', 3), version: 1 }] };
});
described('DELEGATION_MISSING', 'a parent of another provider', (s) => {
  s.register(3, s.cowin);
  return { parents: [{ dataset: urnOf('dataset', 3), version: 1 }] };
});
described('LEGAL_BASIS_REQUIRED', 'personal data', () => ({ legalBasis: undefined }));
described('KMS_NOT_DELEGATED', 'a KMS that nobody delegated to', (s) => ({
  kms: { did: s.cowin.did, dataKeyId: 'key-9', endpoint: 'kms.example' },
}));
described('KMS_NOT_DELEGATED', 'for other datasets only', (s) => {
  s.delegate(s.icmr, s.kms, 'kms', { scope: [urnOf('dataset', 9)] });
  return {};
});
described('KMS_NOT_DELEGATED', 'no longer', (s) => {
  s.delegate(s.icmr, s.kms, 'kms', { notAfter: s.world.now - 1 });
  return {};
});
described('PURPOSE_UNKNOWN', 'not in the policy', ({ world }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ purposes: ['TRAINING'] })));
  return {};
});
for (const percents of [[99], [50, 51], [100, 100]]) {
  described('SPLIT_NOT_100', percents.join(' + '), (s) => ({
    terms: {
      ...{ model: 'per-run', amount: 1, currency: 'INR' },
      split: percents.map((percent) => ({ payee: s.icmr.did, percent })),
    },
  }));
}
described('DATA_ALREADY_REGISTERED', 'the ciphertext of another dataset', (s) => {
  s.register(3, s.cowin);
  return { ciphertext: s.hash('ciphertext 3') };
});
described('DATA_ALREADY_REGISTERED', 'the data key of another dataset', (s) => {
  s.register(3, s.cowin);
  return { kms: s.datasetBody(3).kms };
});
described('STATE_WRONG', 'more budgets to charge than a run can be charged to', (s) => {
  const parents = Array.from({ length: 2 }, (_, i) => ({ dataset: urnOf('dataset', 10 + i), version: 1 }));
  parents.forEach(({ dataset }, i) => {
    const charges = Array.from({ length: 10 }, (_, n) => ({ provider: s.icmr.did, scope: `${i} ${n}` }));
    s.world.put(DATASET.put({ ...s.dataset(1)!, charges }, dataset, 1));
  });
  return { parents };
});

function register(reason: string, what: string, change: (s: ContractWorld) => object): void {
  scene('dataset.register', reason, what, (s) => {
    const changed = change(s);
    return s.world.sign(s.icmr, 'dataset.register', { ...s.datasetBody(2), ...changed });
  });
}
register('ID_TAKEN', 'registered before', () => ({ id: ID }));
register('ID_MALFORMED', 'an object of another log', () => ({
  id: 'urn:depa:dataset:log.example/other:00000000-0000-4000-8000-000000000001',
}));
register('VERSION_NOT_NEXT', 'begins with version 2', () => ({ version: 2 }));
register('DELEGATION_MISSING', 'for another provider', (s) => ({ provider: s.cowin.did }));
register('BUDGET_REQUIRED', 'personal data', () => ({ budget: undefined }));
register('BUDGET_OVER_POLICY', 'more ε than its sensitivity allows', () => ({
  budget: { epsilon: 4_000_001, delta: 0 },
}));
register('BUDGET_OVER_POLICY', 'more δ than its sensitivity allows', () => ({
  budget: { epsilon: 0, delta: 10_000_000_001 },
}));
register('BUDGET_OVER_POLICY', 'more than its scope was given', () => ({
  scope: 'population 1',
  budget: { epsilon: 1_500_001, delta: 0 },
}));
register('SCOPE_REQUIRED', 'personal data', () => ({ scope: undefined }));

function update(reason: string, what: string, change: (s: ContractWorld) => object): void {
  scene('dataset.update', reason, what, (s) => {
    const changed = change(s);
    return s.toggle(s.icmr, 'dataset.update', { ...s.datasetBody(1), version: 2, ...changed });
  });
}
scene('dataset.update', 'VERSION_NOT_NEXT', 'skips one', (s) =>
  s.world.sign(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 3 }), {
    refs: [s.world.ref('after', s.dataset(1)!.changed)],
  }),
);
scene('dataset.update', 'VERSION_NOT_NEXT', 'no such dataset', (s) =>
  s.world.sign(s.icmr, 'dataset.update', s.datasetBody(7, s.icmr, { version: 2 }), {
    refs: [s.world.ref('after', s.dataset(1)!.changed)],
  }),
);
scene('dataset.update', 'VERSION_NOT_NEXT', 'a version that there is', (s) => {
  const first = s.dataset(1)!.changed;
  s.world.accept(s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2 })));
  const body = s.datasetBody(1, s.icmr, { version: 2, name: 'another' });
  return s.world.sign(s.icmr, 'dataset.update', body, { refs: [s.world.ref('after', first)] });
});
scene('dataset.update', 'ROLE_NOT_HELD', 'the dataset of another provider', (s) =>
  s.toggle(s.cowin, 'dataset.update', s.datasetBody(1, s.cowin, { version: 2 })),
);
scene('dataset.update', 'DELEGATION_MISSING', 'handed to another provider', (s) =>
  s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2, provider: s.cowin.did })),
);
scene('dataset.update', 'REF_STALE', 'the registration of another dataset', (s) => {
  const other = s.register(2);
  const body = s.datasetBody(1, s.icmr, { version: 2 });
  return s.world.sign(s.icmr, 'dataset.update', body, { refs: [s.world.ref('after', other.index)] });
});
scene('dataset.update', 'ID_MALFORMED', 'an object of another log', (s) => {
  const id = 'urn:depa:dataset:log.example/other:00000000-0000-4000-8000-000000000001';
  s.world.put(DATASET.put(s.dataset(1)!, id, 1));
  return s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2, id }));
});
for (const [what, stop] of [
  ['suspended', {}],
  ['to be suspended: the next version would escape it', { effectiveFrom: 4_000_000_000 }],
] as const) {
  scene('dataset.update', 'STATE_WRONG', what, (s) => {
    const refs = [s.world.ref('after', s.dataset(1)!.changed)];
    const body = { id: ID, version: 1, reason: 'under review', ...stop };
    s.world.accept(s.toggle(s.world.sro, 'dataset.suspend', body));
    return s.world.sign(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2 }), { refs });
  });
}
const loosened: readonly (readonly [string, Partial<DatasetBody> | { [key: string]: undefined }])[] = [
  ['more ε', { budget: { epsilon: 1_500_001, delta: 10_000_000_000 } }],
  ['more δ', { budget: { epsilon: 1_500_000, delta: 10_000_000_001 } }],
  ['no budget', { budget: undefined }],
  ['another scope', { scope: 'population 2' }],
  ['no scope', { scope: undefined }],
  ['no longer personal', { personal: false }],
  ['less sensitive', { sensitivity: 0 }],
];
scene('dataset.register', 'DATASET_LOOSENED', 'less sensitive than its parent', (s) =>
  s.world.sign(
    s.icmr,
    'dataset.register',
    s.datasetBody(2, s.icmr, { sensitivity: 0, parents: [{ dataset: ID, version: 1 }] }),
  ),
);
for (const [what, change] of loosened) update('DATASET_LOOSENED', what, () => change);
scene('dataset.update', 'DATASET_LOOSENED', 'drops a parent and its budget', (s) => {
  s.register(2, s.icmr, { parents: [{ dataset: ID, version: 1 }] });
  return s.toggle(s.icmr, 'dataset.update', s.datasetBody(2, s.icmr, { version: 2 }));
});
update('BUDGET_OVER_POLICY', 'more than is left of its scope', (s) => {
  const budget = BUDGET.read(s.world.read, s.icmr.did, 'population 1')!;
  const allocated = { epsilon: 1_000_000, delta: 1 };
  s.world.put(BUDGET.put({ ...budget, allocated }, s.icmr.did, 'population 1'));
  return {};
});
for (const [reason, change] of [
  ['BUDGET_REQUIRED', { budget: undefined }],
  ['SCOPE_REQUIRED', { scope: undefined }],
] as const) {
  scene('dataset.update', reason, 'becomes personal', (s) => {
    const { budget: _, scope: __, ...plain } = s.datasetBody(2);
    s.world.accept(s.world.sign(s.icmr, 'dataset.register', { ...plain, personal: false }));
    return s.toggle(s.icmr, 'dataset.update', { ...s.datasetBody(2), version: 2, ...change });
  });
}

for (const kind of ['dataset.suspend', 'dataset.reinstate', 'dataset.withdraw'] as const) {
  const body = { id: ID, version: 1, reason: 'under review' };
  const toggle = (reason: string, what: string, made: (s: ContractWorld) => Bytes) =>
    scene(kind, reason, what, (s) => {
      if (kind === 'dataset.reinstate') {
        s.world.accept(s.toggle(s.icmr, 'dataset.suspend', { ...body, reason: 'a' }));
      }
      return made(s);
    });
  toggle('DATASET_NOT_FOUND', 'no such version', (s) =>
    s.world.sign(
      s.icmr,
      kind,
      { ...body, version: 2 },
      { refs: [s.world.ref('after', s.dataset(1)!.entry)] },
    ),
  );
  toggle('ROLE_NOT_HELD', 'the dataset of another provider', (s) => s.toggle(s.cowin, kind, body));
  toggle('REF_STALE', 'another dataset was changed last', (s) => {
    const { index } = s.register(2);
    return s.world.sign(s.icmr, kind, body, { refs: [s.world.ref('after', index)] });
  });
  toggle('STATE_WRONG', 'withdrawn', (s) => {
    s.world.accept(s.toggle(s.icmr, 'dataset.withdraw', { ...body, reason: 'b' }));
    return s.toggle(s.icmr, kind, body);
  });
  if (kind === 'dataset.reinstate') continue;
  toggle('EFFECTIVE_FROM_PAST', 'a second ago', (s) =>
    s.toggle(s.icmr, kind, { ...body, effectiveFrom: s.world.now - 1 }),
  );
  toggle('STATE_WRONG', 'a stop comes before', (s) => {
    const soon = { ...body, effectiveFrom: s.world.now + 10 };
    s.world.accept(s.toggle(s.world.sro, 'dataset.suspend', soon));
    return s.toggle(s.icmr, kind, { ...body, effectiveFrom: s.world.now + 11 });
  });
}
scene('dataset.suspend', 'STATE_WRONG', 'suspended already', (s) => {
  const body = { id: ID, version: 1, reason: 'under review' };
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', body));
  return s.toggle(s.icmr, 'dataset.suspend', body);
});
scene('dataset.suspend', 'STATE_WRONG', 'takes the place of a withdrawal', (s) => {
  const body = { id: ID, version: 1, reason: 'under review' };
  const later = { ...body, effectiveFrom: s.world.now + 10 };
  s.world.accept(s.toggle(s.icmr, 'dataset.withdraw', later));
  return s.toggle(s.icmr, 'dataset.suspend', body);
});
scene('dataset.reinstate', 'STATE_WRONG', 'was not suspended', (s) =>
  s.toggle(s.icmr, 'dataset.reinstate', { id: ID, version: 1, reason: 'x' }),
);
for (const by of ['icmr', 'sro'] as const) {
  scene('dataset.reinstate', 'ROLE_NOT_HELD', `${by} lifts what it has not imposed`, (s) => {
    const [first, second] = by === 'icmr' ? [s.world.sro, s.icmr] : [s.icmr, s.world.sro];
    const body = { id: ID, version: 1, reason: 'under review' };
    s.world.accept(s.toggle(first, 'dataset.suspend', body));
    return s.toggle(second, 'dataset.reinstate', body);
  });
}

export default cases;
