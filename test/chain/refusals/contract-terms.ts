/** contract.propose, and contract.import as far as it is about the terms. */
import type { ContractBody } from '../../../src/chain/contract-terms.ts';
import { BUDGET, DATASET } from '../../../src/chain/records/dataset.ts';
import { CODE } from '../../../src/chain/records/governance.ts';
import { MODEL, type ModelRecord } from '../../../src/chain/records/model.ts';
import { CERTIFIED, type ContractWorld, contractWorld, urnOf } from '../contract-world.ts';
import { multiSigned } from '../multi-signed.ts';
import { become, caseList } from './base.ts';

const { cases, refuses } = caseList();
const DATASETS = [urnOf('dataset', 1), urnOf('dataset', 2)] as const;
/** Of no participant. */
const NOBODY = 'did:web:nobody.example';

/** In the world of contracts, with datasets 1 and 2. */
function terms(
  reason: string,
  what: string,
  change: (s: ContractWorld) => Partial<ContractBody> | object,
): void {
  refuses('contract.propose', reason, what, (b) => {
    const s = contractWorld(b.world.crypto).twoDatasets();
    b.world = s.world;
    const changed = change(s);
    return s.world.sign(s.tdc, 'contract.propose', { ...s.contractBody(), ...changed });
  });
  refuses('contract.import', reason, what, (b) => {
    const s = contractWorld(b.world.crypto).twoDatasets();
    b.world = s.world;
    const body: ContractBody = { ...s.contractBody(), ...change(s) };
    const { tdc, tdps } = body.parties;
    const members = [s.tdc, s.icmr, s.cowin].filter(({ did }) => did === tdc || tdps.includes(did));
    return s.world.sign(s.service, 'contract.import', {
      ...body,
      multiSigned: multiSigned({ signers: members }),
    });
  });
}
/** The parties, with a change. */
const parties =
  (change: (s: ContractWorld) => object) =>
  (s: ContractWorld): object => ({ parties: { ...s.contractBody().parties, ...change(s) } });
/** The first dataset of the contract, with a change. */
const first =
  (change: object) =>
  (s: ContractWorld): object => {
    const [one, two] = s.contractBody().datasets;
    return { datasets: [{ ...one, ...change }, two] };
  };
/** The first privacy terms, with a change. */
const privacy =
  (change: object) =>
  (s: ContractWorld): object => {
    const [one, two] = s.contractBody().privacy;
    return { privacy: [{ ...one, ...change }, two] };
  };

terms('ID_MALFORMED', 'an object of another log', () => ({
  id: 'urn:depa:contract:log.example/other:00000000-0000-4000-8000-000000000001',
}));
terms('ID_TAKEN', 'another contract has the id', (s) => {
  s.propose(1, { maxRuns: 7 });
  return {};
});
terms('ID_TAKEN', 'another contract had the id, and was declined', (s) => {
  s.propose(1, { maxRuns: 7 });
  s.world.accept(s.answer(s.icmr, 1, 'contract.decline'));
  return {};
});
terms(
  'PARTY_UNKNOWN',
  'a CCRP that is not registered',
  parties(() => ({ ccrp: NOBODY })),
);
terms('PARTY_UNKNOWN', 'a verifier that is not registered', () => ({ verifiers: [NOBODY] }));
terms(
  'PARTY_UNKNOWN',
  'a collaborator that is not registered',
  parties(() => ({ collab: NOBODY })),
);
terms('PARTY_NOT_ACTIVE', 'a suspended CCRP', (s) => {
  become(s.world, s.ccrp, { state: 'SUSPENDED' });
  return {};
});
terms('PARTY_NOT_ACTIVE', 'a verifier whose validity has ended', (s) => {
  become(s.world, s.verifier, { validUntil: s.world.now - 1 });
  return {};
});
terms(
  'PARTY_ROLE_MISSING',
  'a CCRP that is none',
  parties((s) => ({ ccrp: s.kms.did })),
);
terms(
  'PARTY_ROLE_MISSING',
  'a TDP that is none',
  parties((s) => ({ tdps: [s.icmr.did, s.tdc.did] })),
);
terms(
  'PARTY_ROLE_MISSING',
  'a payment service that is none',
  parties((s) => ({ paymentService: s.kms.did })),
);
terms('PARTY_ROLE_MISSING', 'a verifier that is none', (s) => ({ verifiers: [s.kms.did] }));
terms('DATASET_UNKNOWN', 'no such dataset', first({ id: urnOf('dataset', 9) }));
terms('DATASET_UNKNOWN', 'no such version', first({ version: 2 }));
terms('DATASET_UNKNOWN', 'privacy terms for another dataset', privacy({ dataset: urnOf('dataset', 9) }));
terms('DATASET_NOT_PUBLISHED', 'suspended', (s) => {
  const body = { id: DATASETS[0], version: 1, reason: 'under review' };
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', body));
  return {};
});
terms('DATASET_NOT_PUBLISHED', 'superseded', (s) => {
  s.world.accept(s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2 })));
  return {};
});
terms('DATASET_NOT_PUBLISHED', 'its retention has ended', (s) => {
  s.world.put(DATASET.put({ ...s.dataset(1)!, retentionUntil: s.world.now - 1 }, DATASETS[0], 1));
  return {};
});
terms('DATASET_PROVIDER_NOT_PARTY', 'another provider is stated', (s) => first({ provider: s.cowin.did })(s));
terms('DATASET_PROVIDER_NOT_PARTY', 'its provider is no TDP of the contract', (s) =>
  parties(() => ({ tdps: [s.cowin.did] }))(s),
);
terms('DATA_KEY_MISMATCH', 'the key of another dataset', first({ dataKeyId: 'key-2' }));
terms('ID_TAKEN', 'a dataset twice', (s) => first(s.contractBody().datasets[1]!)(s));
terms('ID_TAKEN', 'privacy terms twice', privacy({ dataset: DATASETS[1] }));
terms('NO_DATASETS', 'none', () => ({ datasets: [], privacy: [] }));
terms('PURPOSE_NOT_PERMITTED', 'not one of the datasets’', () => ({ purpose: 'ADVERTISING' }));
terms('PURPOSE_NOT_PERMITTED', 'no longer in the policy', ({ world }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ purposes: ['RESEARCH'] })));
  return {};
});
terms('WINDOW_INVALID', 'ends when it begins', (s) => ({ expiry: s.world.now }));
terms('CONTRACT_ALREADY_EXPIRED', 'the shipped contract’s term', () => ({
  start: 1_678_752_000,
  expiry: 1_710_374_400,
}));
terms('PRIVACY_TERM_MISSING', 'of one dataset', (s) => ({ privacy: s.contractBody().privacy.slice(1) }));
terms('PRIVACY_TERM_MISSING', 'of a dataset that descends from personal data', (s) => {
  const parents = [{ dataset: DATASETS[0], version: 1 }];
  s.register(3, s.icmr, { personal: false, parents });
  const named = { id: urnOf('dataset', 3), version: 1, provider: s.icmr.did, dataKeyId: 'key-3' };
  return { datasets: [...s.contractBody().datasets, named] };
});
for (const [part, reason] of [
  ['epsilon', 'EPSILON_OVER_BUDGET'],
  ['delta', 'DELTA_OVER_BUDGET'],
] as const) {
  const { epsilon, delta } = { epsilon: 1_500_000, delta: 10_000_000_000 };
  terms(reason, 'more than the dataset’s', privacy({ [part]: { epsilon, delta }[part] + 1 }));
  terms(reason, 'more than its scope was allocated', (s) => {
    const budget = s.budget(1)!;
    const allocated = { ...budget.allocated, [part]: 1 };
    s.world.put(BUDGET.put({ ...budget, allocated }, s.icmr.did, 'population 1'));
    return {};
  });
  terms(reason, 'more than the policy allows now', ({ world }) => {
    const limits = { epsilon: 10_000_000, delta: 10_000_000_000, [part]: 1 };
    world.accept(
      world.sign(world.sro, 'policy.publish', world.policy({ runLimits: [limits, limits, limits] })),
    );
    return {};
  });
}
terms('CODE_NOT_CERTIFIED', 'never certified', () => ({ code: [CERTIFIED, urnOf('code', 9)] }));
terms('CODE_NOT_CERTIFIED', 'revoked', (s) => {
  const lastStop = { entry: 0, at: s.world.time, before: 'CERTIFIED' };
  s.world.put(CODE.put({ ...CODE.read(s.world.read, CERTIFIED)!, state: 'REVOKED', lastStop }, CERTIFIED));
  return {};
});
for (const partial of ['tdc', 'ccrp'] as const) {
  terms('VERIFIER_NOT_INDEPENDENT', `the ${partial}`, (s) => {
    const { roles } = s.world.participant(s[partial])!;
    become(s.world, s[partial], { roles: [...roles, 'VERIFIER'] });
    return { verifiers: [s[partial].did] };
  });
}
terms('NUMBER_MALFORMED', 'a quorum that cannot be reached', () => ({ quorum: 2 }));
terms('STATE_WRONG', 'a base model that is not registered', () => ({ baseModel: urnOf('model', 1) }));
function model(s: ContractWorld, change: Partial<ModelRecord>): { baseModel: string } {
  const digest = new Uint8Array(32);
  const of = { owner: s.tdc.did, digest, format: 'safetensors', parents: [], contracts: [] };
  const changed = { entry: 0, changed: 0, changedAt: 0 };
  s.world.put(MODEL.put({ ...of, ...changed, state: 'BASE', ...change }, urnOf('model', 1)));
  return { baseModel: urnOf('model', 1) };
}
for (const state of ['RECALLED', 'RETIRED', 'RELEASED'] as const) {
  terms('STATE_WRONG', `a base model that is ${state}`, (s) => model(s, { state }));
}
terms('STATE_WRONG', 'the secret base model of somebody else', (s) =>
  model(s, { owner: s.service.did, kms: { did: s.kms.did, dataKeyId: 'model' } }),
);
terms('STATE_WRONG', 'a trained model of somebody else', (s) =>
  model(s, { owner: s.service.did, state: 'RECEIVED' }),
);
terms('SUPERSEDES_INVALID', 'no such contract', () => ({ supersedes: urnOf('contract', 2) }));
terms('SUPERSEDES_INVALID', 'itself', () => ({ supersedes: urnOf('contract', 1) }));
terms('SUPERSEDES_INVALID', 'one that is not signed', (s) => {
  s.propose(2);
  return { supersedes: urnOf('contract', 2) };
});
terms('SUPERSEDES_INVALID', 'one that is to be revoked', (s) => {
  const lastStop = { entry: 0, at: s.world.time + 1000, before: 'SIGNED' };
  s.signed(2).become(2, { state: 'REVOKED', lastStop });
  return { supersedes: urnOf('contract', 2) };
});
terms('SUPERSEDES_INVALID', 'without one of its signatories', (s) => {
  s.signed(2);
  const [one] = s.contractBody().datasets;
  const { tdc, ccrp } = s.contractBody().parties;
  return {
    ...{ supersedes: urnOf('contract', 2), datasets: [one], privacy: s.contractBody().privacy.slice(0, 1) },
    parties: { tdc, ccrp, tdps: [s.icmr.did] },
  };
});

for (const stranger of ['kms', 'service', 'verifier'] as const) {
  refuses('contract.propose', 'PROPOSER_NOT_PARTY', `the ${stranger}`, (b) => {
    const s = contractWorld(b.world.crypto).twoDatasets();
    b.world = s.world;
    return s.world.sign(s[stranger], 'contract.propose', s.contractBody());
  });
}

export default cases;
