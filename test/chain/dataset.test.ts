import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inForceFault } from '../../src/chain/in-force.ts';
import type { Privacy } from '../../src/chain/privacy.ts';
import { BUDGET } from '../../src/chain/records/dataset.ts';
import { stateAt, stoppedSince } from '../../src/chain/stop.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type ContractWorld, contractWorld, urnOf } from './contract-world.ts';
import type { Member } from './world.ts';

const ID = urnOf('dataset', 1);

test('a dataset is published, version by version; contracts over the old one go on', () => {
  const s = contractWorld(nodeCrypto).signed();
  assert.equal(s.dataset(1)?.state, 'PUBLISHED');
  assert.deepEqual(s.dataset(1)?.charges, [{ provider: s.icmr.did, scope: 'population 1' }]);
  s.world.accept(s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2, name: 'more' })));
  assert.deepEqual([s.dataset(1)?.state, s.dataset(1, 2)?.state], ['SUPERSEDED', 'PUBLISHED']);
  assert.equal(inForceFault(s.world.read, urnOf('contract', 1), s.world.time), undefined);
});

test('what is not personal needs no scope, legal basis or budget', () => {
  const s = contractWorld(nodeCrypto);
  const { scope: _, legalBasis: __, budget: ___, terms: ____, ...plain } = s.datasetBody(1);
  s.world.accept(s.world.sign(s.icmr, 'dataset.register', { ...plain, personal: false }));
  assert.deepEqual([s.dataset(1)?.personal, s.dataset(1)?.charges], [false, []]);
});

test('a provider may keep its keys itself', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1, s.icmr, { kms: { did: s.icmr.did, dataKeyId: 'key-1', endpoint: 'kms.icmr.example' } });
  assert.equal(s.dataset(1)?.kms, s.icmr.did);
});

test('a collaborator registers for the provider, within its delegation', () => {
  const s = contractWorld(nodeCrypto);
  s.delegate(s.cowin, s.icmr, 'collab', { scope: [ID] });
  const by = (n: number) =>
    s.world.sign(s.icmr, 'dataset.register', s.datasetBody(n, s.cowin), { onBehalf: s.cowin.did });
  s.world.accept(by(1));
  assert.equal(s.dataset(1)?.provider, s.cowin.did);
  assert.equal(s.world.judge(by(2)).verdict.reason, 'DELEGATION_MISSING');
});

test('one scope, one budget: a child charges every personal ancestor once, and is personal whatever it says', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  s.register(2, s.icmr, { scope: 'population 1', budget: { epsilon: 1_000_000, delta: 1 } });
  assert.deepEqual(s.budget(1)?.allocated, { epsilon: 1_500_000, delta: 10_000_000_000 });
  s.register(3);
  const parents = [1, 2, 3].map((n) => ({ dataset: urnOf('dataset', n), version: 1 }));
  s.register(4, s.icmr, { personal: false, parents });
  const child = s.dataset(4)!;
  assert.deepEqual(
    child.charges.map(({ scope }) => scope),
    ['population 1', 'population 3'],
  );
  assert.deepEqual([child.personal, child.scope], [true, undefined]);
  s.register(5, s.icmr, { parents: [{ dataset: urnOf('dataset', 4), version: 1 }] });
  assert.equal(s.dataset(5)?.charges.length, 3);
});

test('nobody spends the budget of another provider’s data without its leave', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const child = () => s.datasetBody(2, s.cowin, { parents: [{ dataset: ID, version: 1 }] });
  const attempt = () => s.world.sign(s.cowin, 'dataset.register', child());
  assert.equal(s.world.judge(attempt()).verdict.reason, 'DELEGATION_MISSING');
  s.delegate(s.icmr, s.cowin, 'collab', { scope: [urnOf('dataset', 9)] });
  assert.equal(s.world.judge(attempt()).verdict.reason, 'DELEGATION_MISSING');
  s.delegate(s.icmr, s.cowin, 'collab', { scope: [ID] });
  s.world.accept(attempt());
  assert.equal(s.dataset(2)?.charges.length, 2);
});

test('the ciphertext and data key of a dataset stay its own, in all of its versions', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const kms = { ...s.datasetBody(1).kms, dataKeyId: 'key-1b' };
  const next = s.datasetBody(1, s.icmr, { version: 2, kms, ciphertext: s.hash('again') });
  s.world.accept(s.toggle(s.icmr, 'dataset.update', next));
  for (const dataKeyId of ['key-1', 'key-1b']) {
    const other = s.datasetBody(2, s.cowin, { kms: { ...kms, dataKeyId } });
    assert.equal(
      s.world.judge(s.world.sign(s.cowin, 'dataset.register', other)).verdict.reason,
      'DATA_ALREADY_REGISTERED',
    );
  }
  // Back to the first key.
  s.world.accept(s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 3 })));
});

test('a stop can be told before it holds, come sooner, and be lifted; the mark of it stays', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const body = { id: ID, version: 1, reason: 'under review' };
  const later = s.world.now + 1000;
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', { ...body, effectiveFrom: later }));
  assert.equal(stateAt(s.dataset(1)!, s.world.time), 'PUBLISHED');
  assert.equal(stateAt(s.dataset(1)!, later * 1000), 'SUSPENDED');
  s.world.advance(1).accept(s.toggle(s.icmr, 'dataset.suspend', body));
  assert.equal(stateAt(s.dataset(1)!, s.world.time), 'SUSPENDED');
  s.world.advance(1).accept(s.toggle(s.icmr, 'dataset.reinstate', body));
  const lifted = s.dataset(1)!;
  assert.deepEqual([lifted.state, lifted.lastStop?.before], ['PUBLISHED', 'PUBLISHED']);
  assert.equal(lifted.suspendedBy, undefined);
  s.world.accept(s.toggle(s.world.sro, 'dataset.withdraw', body));
  assert.equal(s.dataset(1)?.state, 'WITHDRAWN');
});

test('lifting a suspension that had yet to come leaves a stop as of now', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const body = { id: ID, version: 1, reason: 'under review', effectiveFrom: s.world.now + 1000 };
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', body));
  const { effectiveFrom: _, ...lift } = body;
  s.world.advance(5).accept(s.toggle(s.icmr, 'dataset.reinstate', lift));
  assert.deepEqual([s.dataset(1)?.state, s.dataset(1)?.lastStop?.at], ['PUBLISHED', s.world.time]);
});

test('a superseded version can be stopped, and goes back to what it was', () => {
  const s = contractWorld(nodeCrypto).signed();
  s.world.accept(s.toggle(s.icmr, 'dataset.update', s.datasetBody(1, s.icmr, { version: 2 })));
  const body = { id: ID, version: 1, reason: 'consent was withdrawn' };
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', body));
  const fault = () => inForceFault(s.world.read, urnOf('contract', 1), s.world.time)?.refused;
  assert.equal(fault(), 'DATASET_SUSPENDED');
  s.world.accept(s.toggle(s.icmr, 'dataset.reinstate', body));
  assert.equal(s.dataset(1)?.state, 'SUPERSEDED');
  s.world.accept(s.toggle(s.icmr, 'dataset.withdraw', body));
  assert.equal(fault(), 'DATASET_WITHDRAWN');
});

test('the SRO takes over a provider’s suspension, which the provider cannot lift then', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const body = { id: ID, version: 1, reason: 'under review' };
  const far = { ...body, effectiveFrom: s.world.now + 1_000_000 };
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', far));
  s.world.accept(s.toggle(s.world.sro, 'dataset.suspend', body));
  const { lastStop, suspendedBy } = s.dataset(1)!;
  assert.deepEqual([lastStop?.at, lastStop?.before, suspendedBy], [s.world.time, 'PUBLISHED', 'SRO']);
  const reason = (by: Member) => s.world.judge(s.toggle(by, 'dataset.reinstate', body)).verdict.reason;
  assert.deepEqual([reason(s.icmr), reason(s.world.sro)], ['ROLE_NOT_HELD', null]);
  // Nor does it become the provider's again by a suspension that would begin sooner.
  assert.equal(s.world.judge(s.toggle(s.icmr, 'dataset.suspend', body)).verdict.reason, 'STATE_WRONG');
  s.world.accept(s.toggle(s.world.sro, 'dataset.reinstate', body));
});

test('a stop that is announced for later does not hide one that was lifted: rooms stay blocked by that', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const body = { id: ID, version: 1, reason: 'under review' };
  const deployed = { entry: s.world.entries.length, at: s.world.time };
  s.world.advance(1).accept(s.toggle(s.icmr, 'dataset.suspend', body));
  s.world.advance(1).accept(s.toggle(s.icmr, 'dataset.reinstate', body));
  s.world.advance(1);
  const later = { ...body, effectiveFrom: s.world.now + 1000 };
  s.world.accept(s.toggle(s.icmr, 'dataset.withdraw', later));
  assert.equal(stateAt(s.dataset(1)!, s.world.time), 'PUBLISHED');
  assert.equal(stoppedSince(s.dataset(1)!, deployed, s.world.time), true);
});

test('an old reinstatement, replayed after a later suspension, changes nothing', () => {
  const s = contractWorld(nodeCrypto);
  s.register(1);
  const body = { id: ID, version: 1, reason: 'under review' };
  s.world.accept(s.toggle(s.icmr, 'dataset.suspend', body));
  const early = s.toggle(s.icmr, 'dataset.reinstate', { ...body, reason: 'kept for later' });
  s.world.accept(s.toggle(s.icmr, 'dataset.reinstate', body));
  s.world.advance(1).accept(s.toggle(s.icmr, 'dataset.suspend', body));
  assert.equal(s.world.judge(early).verdict.reason, 'REF_STALE');
});

type Step = { what: string; n: number; epsilon: number; delta: number };
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('register', 'update', 'reserve', 'suspend', 'reinstate', 'withdraw'),
  n: fc.integer({ min: 1, max: 4 }),
  epsilon: fc.integer({ min: 0, max: 12 }),
  delta: fc.integer({ min: 0, max: 12 }),
});

/** Datasets 1 and 2 are of one scope, 3 and 4 of another. */
function play(s: ContractWorld, { what, n, epsilon, delta }: Step): void {
  const scope = `population ${n < 3 ? 1 : 3}`;
  const budget: Privacy = { epsilon: epsilon * 1_000_000, delta: delta * 1_000_000_000 };
  const version = [1, 2, 3, 4, 5, 6, 7, 8].findIndex((v) => !s.dataset(n, v)) + 1;
  const id = urnOf('dataset', n);
  if (what === 'register' || what === 'update') {
    const body = s.datasetBody(n, s.icmr, { version, scope, budget });
    const refs = version > 1 ? [s.world.ref('after', s.dataset(n, version - 1)!.changed)] : [];
    s.world.apply(s.world.sign(s.icmr, `dataset.${what}`, body, { refs: what === 'update' ? refs : [] }));
  } else if (what === 'reserve') {
    const known = BUDGET.read(s.world.read, s.icmr.did, scope);
    if (!known) return;
    const fits = (part: keyof Privacy) =>
      Math.min(budget[part], known.allocated[part] - known.spent[part] - known.reserved[part]);
    const spent = { epsilon: known.spent.epsilon + fits('epsilon'), delta: known.spent.delta };
    const reserved = { epsilon: known.reserved.epsilon, delta: known.reserved.delta + fits('delta') };
    s.world.put(BUDGET.put({ ...known, spent, reserved }, s.icmr.did, scope));
  } else {
    const body = { id, version: Math.max(1, version - 1), reason: 'so it is' };
    s.world.apply(s.toggle(s.icmr, `dataset.${what}` as 'dataset.suspend', body));
  }
}

test('budgets: spent + reserved ≤ allocated; allocated never grows, nor is more than the first one stated', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const s = contractWorld(nodeCrypto);
      const last = new Map<string, Privacy>();
      for (const each of steps) {
        s.world.advance(1);
        play(s, each);
        for (const scope of ['population 1', 'population 3']) {
          const budget = BUDGET.read(s.world.read, s.icmr.did, scope);
          if (!budget) continue;
          const { allocated, spent, reserved } = budget;
          const before = last.get(scope) ?? allocated;
          for (const part of ['epsilon', 'delta'] as const) {
            assert.ok(spent[part] + reserved[part] <= allocated[part]);
            assert.ok(allocated[part] <= before[part]);
          }
          last.set(scope, allocated);
        }
        for (const n of [1, 2, 3, 4]) {
          for (let v = 1; s.dataset(n, v + 1); v++) {
            const [old, next] = [s.dataset(n, v)!, s.dataset(n, v + 1)!];
            assert.ok(next.budget!.epsilon <= old.budget!.epsilon && next.budget!.delta <= old.budget!.delta);
            assert.notEqual(old.state, 'PUBLISHED');
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});
