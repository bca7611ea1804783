/** Whatever anybody signs: the transition function answers, what it writes reads back, and the sums are right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { add } from '../../src/chain/budget.ts';
import { NO_PRIVACY } from '../../src/chain/privacy.ts';
import { CLEANROOM, type CleanroomRecord } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT, type ContractRecord } from '../../src/chain/records/contract.ts';
import { BUDGET, type BudgetRecord } from '../../src/chain/records/dataset.ts';
import { PAYMENT, type PaymentRecord } from '../../src/chain/records/payment.ts';
import { RELEASE, type ReleaseRecord } from '../../src/chain/records/release.ts';
import { KEY, PARTICIPANT, type ParticipantRecord } from '../../src/chain/state.ts';
import { type Bytes, fromHex } from '../../src/core/bytes.ts';
import { decode } from '../../src/core/cbor.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { Adversary } from './adversary.ts';
import { type Base, base, goOn } from './lifecycle-base.ts';
import type { World } from './world.ts';

const signed = base(nodeCrypto);

/** All records of a type, with the names in their keys. */
function all<T>({ state }: World, type: { type: string; decode(value: Bytes): T }): [string[], T][] {
  return [...state].flatMap(([key, value]) => {
    const [name, ...id] = decode(fromHex(key)) as string[];
    return name === type.type ? [[id, type.decode(value)] as [string[], T]] : [];
  });
}

const ENDED: readonly CleanroomRecord['state'][] = ['TERMINATED', 'ABORTED', 'FAILED'];

function checkSums({ world }: Base): void {
  const releases = all<ReleaseRecord>(world, RELEASE);
  for (const [[provider, scope], budget] of all<BudgetRecord>(world, BUDGET)) {
    const { allocated, spent, reserved } = budget;
    const held = releases
      .filter(([, { charges }]) => charges.some((of) => of.provider === provider && of.scope === scope))
      .reduce((sum, [, { reserve }]) => add(sum, reserve), NO_PRIVACY);
    assert.deepEqual(reserved, held, `${provider} ${scope}`);
    for (const of of ['epsilon', 'delta'] as const) assert.ok(spent[of] + reserved[of] <= allocated[of]);
  }
  const rooms = all<CleanroomRecord>(world, CLEANROOM);
  const payments = all<PaymentRecord>(world, PAYMENT);
  for (const [[id], { openRooms, openPayments, runs }] of all<ContractRecord>(world, CONTRACT)) {
    const own = rooms.filter(([, { contracts }]) => contracts.includes(id!));
    assert.equal(openRooms, own.filter(([, { state }]) => !ENDED.includes(state)).length);
    const counted = own.filter(([, { state, granted }]) => granted || state !== 'ABORTED');
    // One that has taken the place of another counts the runs of that, too.
    assert.ok(runs >= counted.length);
    const open = payments.filter(([[of], { state }]) => of === id && (state === 'DUE' || state === 'HELD'));
    assert.equal(openPayments, open.length);
  }
  for (const [, { mounts }] of rooms) {
    for (const { release } of mounts) {
      const state = release === undefined ? 'GRANTED' : RELEASE.read(world.read, release)?.state;
      assert.ok(state === 'GRANTED' || state === 'RECEIVED', `${release}: ${state}`);
    }
  }
  for (const [[did], { keys }] of all<ParticipantRecord>(world, PARTICIPANT)) {
    for (const kid of keys) assert.equal(KEY.read(world.read, kid)?.owner, did);
  }
}

/** Mulberry32. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

/** Histories that get far: together they have thirty kinds accepted, whatever the others come to. */
const FAR = [11, 35, 2, 4, 28];

const { ADVERSARY_RUNS: RUNS } = process.env;

test('any history of any statements', () => {
  const kinds = new Set<string>();
  const property = fc.property(fc.integer(), (seed) => {
    const here = goOn(signed);
    const below = numbers(seed);
    const adversary = new Adversary(here, below);
    adversary.begin();
    for (let turn = 0; turn < 60; turn++) {
      for (const step of adversary.next()) {
        if (below(2) === 0) here.world.advance(1 + below(3));
        const { verdict, writes } = here.telling.log(step);
        if (verdict.outcome === 'ok') kinds.add(step.kind);
        else assert.deepEqual(writes, []);
      }
    }
    checkSums(here);
  });
  const told = { endOnFailure: true, includeErrorInReport: true };
  fc.assert(property, { numRuns: Number(RUNS ?? 25), examples: FAR.map((seed) => [seed]), ...told });
  if (RUNS) console.error([...kinds].sort().join(' '), kinds.size);
  // Histories in which little is accepted would prove little.
  assert.ok(kinds.size > 25, [...kinds].sort().join(' '));
});
