/** inForce: every fault by itself, and of several the first in the order of LIFECYCLE. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contractFault,
  DATASET_FAULTS,
  IN_FORCE_FAULTS,
  type InForceFault,
  inForceFault,
  stillInForceFault,
} from '../../src/chain/in-force.ts';
import type { RecordType } from '../../src/chain/record.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { DATASET } from '../../src/chain/records/dataset.ts';
import { AGREEMENT } from '../../src/chain/records/governance.ts';
import { KEY, PARTICIPANT } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type ContractWorld, contractWorld, urnOf } from './contract-world.ts';

const ID = urnOf('contract', 1);
const AGREED = urnOf('agreement', 1);

function edit<T extends object, Id extends readonly (string | number | Uint8Array)[]>(
  s: ContractWorld,
  type: RecordType<T, Id>,
  change: Partial<T>,
  ...id: Id
): void {
  s.world.put(type.put({ ...type.read(s.world.read, ...id)!, ...change }, ...id));
}
const contract = (s: ContractWorld, change: object) => s.become(1, change);
const party = (s: ContractWorld, change: object) => edit(s, PARTICIPANT, change, s.icmr.did);
const dataset = (s: ContractWorld, change: object) => edit(s, DATASET, change, urnOf('dataset', 2), 1);
const stop = (s: ContractWorld, before: string, at = s.world.time) => ({
  lastStop: { entry: 0, at, before },
});

/** What makes a contract fail, in the order in which it is tested. */
const FAULTS: readonly (readonly [InForceFault, (s: ContractWorld) => unknown])[] = [
  ['CONTRACT_NOT_FOUND', (s) => s.world.put(CONTRACT.remove(ID))],
  ['CONTRACT_DECLINED', (s) => contract(s, { state: 'DECLINED' })],
  ['CONTRACT_LAPSED', (s) => contract(s, { state: 'PARTLY_SIGNED', lapses: s.world.time - 1 })],
  ['CONTRACT_NOT_FULLY_SIGNED', (s) => contract(s, { state: 'PROPOSED' })],
  ['CONTRACT_SUPERSEDED', (s) => contract(s, { state: 'SUPERSEDED' })],
  ['CONTRACT_COMPLETED', (s) => contract(s, { state: 'COMPLETED' })],
  ['CONTRACT_REVOKED', (s) => contract(s, { state: 'REVOKED', ...stop(s, 'SIGNED') })],
  ['CONTRACT_NOT_STARTED', (s) => contract(s, { start: s.world.now + 1 })],
  ['CONTRACT_EXPIRED', (s) => contract(s, { expiry: s.world.now - 1 })],
  ['PARTY_REVOKED', (s) => party(s, { state: 'REVOKED', ...stop(s, 'ACTIVE') })],
  ['PARTY_SUSPENDED', (s) => party(s, { state: 'SUSPENDED', ...stop(s, 'ACTIVE') })],
  ['PARTY_VALIDITY_ENDED', (s) => party(s, { validUntil: s.world.now - 1 })],
  [
    'PARTY_AGREEMENT_LAPSED',
    (s) => {
      const digest = new Uint8Array(32);
      const current = { version: 2, digest, acceptBy: s.world.now - 1, entry: 0 };
      s.world.put(AGREEMENT.put(current, AGREED));
      party(s, { agreement: { id: AGREED, version: 1 } });
    },
  ],
  [
    'SIGNING_KEY_REVOKED',
    (s) => {
      const revoked = { entry: 0, at: s.world.time, reason: 'compromise' as const, since: 0 };
      edit(s, KEY, { revoked }, s.world.kid(s.icmr.keys[0]));
    },
  ],
  ['DATASET_WITHDRAWN', (s) => dataset(s, { state: 'WITHDRAWN', ...stop(s, 'PUBLISHED') })],
  ['DATASET_SUSPENDED', (s) => dataset(s, { state: 'SUSPENDED', ...stop(s, 'PUBLISHED') })],
  ['DATASET_EXPIRED', (s) => dataset(s, { retentionUntil: s.world.now - 1 })],
];
const fault = (s: ContractWorld, time = s.world.time) => inForceFault(s.world.read, ID, time)?.refused;

test('a signed contract is in force', () => {
  assert.equal(fault(contractWorld(nodeCrypto).signed()), undefined);
});

test('the order is that of the declaration, and complete', () => {
  assert.deepEqual(
    FAULTS.map(([code]) => code),
    Object.keys(IN_FORCE_FAULTS),
  );
});

for (const [code, make] of FAULTS) {
  test(code, () => {
    const s = contractWorld(nodeCrypto).signed();
    make(s);
    assert.equal(fault(s), code);
    const { read, time } = s.world;
    // Who has its keys finishes, whatever becomes of a signature.
    const keyed = code === 'SIGNING_KEY_REVOKED' ? undefined : code;
    assert.equal(stillInForceFault(read, ID, time)?.refused, keyed);
    // What has been trained is released whatever became of the data since.
    assert.equal(contractFault(read, ID, time)?.refused, code in DATASET_FAULTS ? undefined : keyed);
  });
}

test('of several faults the first is named', () => {
  const codes = FAULTS.map((_, i) => i);
  fc.assert(
    fc.property(fc.subarray(codes, { minLength: 1 }), (chosen) => {
      const s = contractWorld(nodeCrypto).signed();
      // Made from the last to the first: where two write the same member, the first has it.
      for (const i of chosen.toReversed()) {
        if (i > 0) FAULTS[i]![1](s);
      }
      if (chosen[0] === 0) FAULTS[0]![1](s);
      assert.equal(fault(s), FAULTS[chosen[0]!]![0]);
    }),
    { numRuns: 60 },
  );
});

test('each signatory is looked at, and each dataset', () => {
  for (const member of ['tdc', 'icmr', 'cowin', 'ccrp'] as const) {
    const s = contractWorld(nodeCrypto).signed();
    edit(s, PARTICIPANT, { state: 'SUSPENDED' }, s[member].did);
    assert.equal(fault(s), 'PARTY_SUSPENDED');
  }
  for (const n of [1, 2]) {
    const s = contractWorld(nodeCrypto).signed();
    edit(s, DATASET, { state: 'SUSPENDED' }, urnOf('dataset', n), 1);
    assert.equal(fault(s), 'DATASET_SUSPENDED');
  }
});

test('all parts of one signatory come before the next signatory', () => {
  const s = contractWorld(nodeCrypto).signed();
  edit(s, PARTICIPANT, { validUntil: s.world.now - 1 }, s.tdc.did);
  edit(s, PARTICIPANT, { state: 'REVOKED' }, s.ccrp.did);
  assert.equal(fault(s), 'PARTY_VALIDITY_ENDED');
});

test('the last second of a term, a validity, a retention and a time to accept still counts', () => {
  const s = contractWorld(nodeCrypto).signed();
  const { now } = s.world;
  contract(s, { start: now, expiry: now });
  party(s, { validUntil: now, agreement: { id: AGREED, version: 1 } });
  dataset(s, { retentionUntil: now });
  s.world.put(AGREEMENT.put({ version: 2, digest: new Uint8Array(32), acceptBy: now, entry: 0 }, AGREED));
  assert.equal(fault(s, now * 1000), undefined);
  assert.equal(fault(s, now * 1000 - 1), 'CONTRACT_NOT_STARTED');
  assert.equal(fault(s, now * 1000 + 1), 'CONTRACT_EXPIRED');
});

test('a stop that is to come has stopped nothing yet', () => {
  const s = contractWorld(nodeCrypto).signed();
  const at = s.world.time + 1000;
  contract(s, { state: 'REVOKED', ...stop(s, 'SIGNED', at) });
  party(s, { state: 'SUSPENDED', ...stop(s, 'ACTIVE', at) });
  dataset(s, { state: 'WITHDRAWN', ...stop(s, 'PUBLISHED', at) });
  assert.equal(fault(s), undefined);
  assert.equal(fault(s, at), 'CONTRACT_REVOKED');
});

test('a key that was rotated out, or compromised later, leaves its signatures good', () => {
  const s = contractWorld(nodeCrypto).signed();
  const { at } = s.contract()!.signatures.find(({ did }) => did === s.icmr.did)!;
  const kid = s.world.kid(s.icmr.keys[0]);
  edit(s, KEY, { revoked: { entry: 0, at: s.world.time, reason: 'rotation' } }, kid);
  assert.equal(fault(s), undefined);
  const since = Math.floor(at / 1000);
  edit(s, KEY, { revoked: { entry: 0, at: s.world.time, reason: 'compromise', since: since + 1 } }, kid);
  assert.equal(fault(s), undefined);
  edit(s, KEY, { revoked: { entry: 0, at: s.world.time, reason: 'compromise', since } }, kid);
  assert.equal(fault(s), 'SIGNING_KEY_REVOKED');
});

test('who is not active any more, in whatever way, is not a party in force', () => {
  for (const [state, code] of [
    ['REVOKED', 'PARTY_REVOKED'],
    ['WITHDRAWN', 'PARTY_REVOKED'],
    ['REJECTED', 'PARTY_REVOKED'],
    ['SUSPENDED', 'PARTY_SUSPENDED'],
    ['VERIFIED', 'PARTY_AGREEMENT_LAPSED'],
    ['REQUESTED', 'PARTY_AGREEMENT_LAPSED'],
  ] as const) {
    const s = contractWorld(nodeCrypto).signed();
    party(s, { state });
    assert.equal(fault(s), code);
  }
});
