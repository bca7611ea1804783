import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { PARTICIPANT } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { paymentBody } from './payment-body.ts';
import { delegation, edit, participant, type RoomState, type RoomWorld, roomWorld } from './room-world.ts';
import { type Member, type SignOptions, World } from './world.ts';

const ROW = { amount: 500_000, currency: 'INR', trigger: 'model.release' as const };
type Name = 'hold' | 'settle' | 'refund' | 'fail';

function begin(room: RoomState, rows = 1): RoomWorld {
  return roomWorld(World.begin(nodeCrypto), { room, payments: Array.from({ length: rows }, () => ROW) });
}
function statement(r: RoomWorld, name: Name, row = 0, by: Member = r.payment, options: SignOptions = {}) {
  return r.world.sign(by, `payment.${name}` satisfies KindName, paymentBody(r, {}, row), options);
}
function step(r: RoomWorld, name: Name, row = 0) {
  r.world.advance(1);
  return r.world.accept(statement(r, name, row));
}
const stateOf = ({ world, contract, room }: RoomWorld, row = 0) =>
  PAYMENT.read(world.read, contract, row, room)!.state;
const openOf = ({ world, contract }: RoomWorld) => CONTRACT.read(world.read, contract)!.openPayments;

test('a payment is held, then settled; the contract waits until then', () => {
  const r = begin('TRAINED', 2);
  for (const row of [0, 1]) edit(r.world, PAYMENT, { state: 'DUE' }, r.contract, row, r.room);
  assert.deepEqual([stateOf(r), openOf(r)], ['DUE', 2]);
  step(r, 'hold');
  assert.deepEqual([stateOf(r), stateOf(r, 1), openOf(r)], ['HELD', 'DUE', 2]);
  step(r, 'settle');
  assert.deepEqual([stateOf(r), openOf(r)], ['SETTLED', 1]);
  r.world.advance(1);
  for (const name of ['hold', 'settle', 'refund', 'fail'] as const) {
    assert.equal(r.world.judge(statement(r, name)).verdict.reason, 'STATE_WRONG');
  }
  step(r, 'fail', 1);
  assert.deepEqual([stateOf(r, 1), openOf(r)], ['FAILED', 0]);
});

test('the SRO ends what a payment service has left behind, and nothing before', () => {
  const r = begin('TRAINED');
  edit(r.world, PAYMENT, { state: 'HELD' }, r.contract, 0, r.room);
  const judged = (name: Name, by = r.world.sro) => r.world.judge(statement(r, name, 0, by)).verdict.reason;
  const service = (state: 'ACTIVE' | 'SUSPENDED' | 'REVOKED') =>
    edit(r.world, PARTICIPANT, { state }, r.payment.did);
  for (const state of ['ACTIVE', 'SUSPENDED'] as const) {
    service(state);
    assert.equal(judged('fail'), 'ROLE_NOT_HELD');
  }
  // Its end is to come: until then it answers for the payment itself.
  const lastStop = { entry: 1, at: r.world.time + 1000, before: 'ACTIVE' };
  for (const state of ['REVOKED', 'WITHDRAWN'] as const) {
    edit(r.world, PARTICIPANT, { state, lastStop }, r.payment.did);
    assert.equal(judged('fail'), 'ROLE_NOT_HELD');
    r.world.advance(1);
    assert.equal(judged('fail'), null);
    r.world.advance(-1);
  }
  edit(r.world, PARTICIPANT, { lastStop: undefined }, r.payment.did);
  service('REVOKED');
  for (const name of ['settle', 'refund'] as const) assert.equal(judged(name), 'ROLE_NOT_HELD');
  assert.equal(judged('fail', r.tdc), 'ROLE_NOT_HELD');
  r.world.advance(1);
  r.world.accept(statement(r, 'fail', 0, r.world.sro));
  assert.deepEqual([stateOf(r), openOf(r)], ['FAILED', 0]);
});

test('a payment is earned by a run that was completed, or by a room that has ended with a key', () => {
  const judged = (r: RoomWorld) => r.world.judge(statement(r, 'settle')).verdict.reason;
  for (const state of ['TRAINED', 'RELEASED', 'TERMINATED'] as const)
    assert.equal(judged(begin(state)), null);
  // Its keys are out, its deadline is over; the terms may still have it given back, but nobody has to.
  for (const state of ['KEYED', 'TRAINING'] as const) {
    const r = begin(state);
    assert.equal(judged(r), 'STATE_WRONG');
    r.world.advance(2 * 86_400);
    assert.equal(judged(r), null);
  }
  for (const state of ['FAILED', 'ABORTED'] as const) {
    const r = begin(state);
    edit(r.world, PAYMENT, { state: 'HELD' }, r.contract, 0, r.room);
    assert.equal(judged(r), 'STATE_WRONG');
    edit(r.world, CLEANROOM, { granted: { entry: 1, at: r.world.time } }, r.room);
    assert.equal(judged(r), null);
  }
});

test('before a GRANT the payer gets its money back, whatever becomes of the room', () => {
  for (const state of ['PROVISIONED', 'ATTESTED', 'ABORTED'] as const) {
    const r = begin(state);
    step(r, 'refund');
    assert.deepEqual([stateOf(r), openOf(r)], ['REFUNDED', 0]);
  }
});

test('after a GRANT only if the room has failed, by its own word or its deadline, and the terms allow it', () => {
  for (const failed of [true, false]) {
    const r = begin('TRAINING');
    const judged = () => r.world.judge(statement(r, 'refund')).verdict.reason;
    assert.equal(judged(), 'REFUND_NOT_ALLOWED');
    if (failed) edit(r.world, CLEANROOM, { state: 'FAILED' }, r.room);
    else r.world.advance(2 * 86_400);
    assert.equal(judged(), 'REFUND_NOT_ALLOWED');
    edit(r.world, CONTRACT, { refundAfterGrant: 'if-failed' }, r.contract);
    step(r, 'refund');
    assert.equal(stateOf(r), 'REFUNDED');
  }
});

test('a room that has released in time has not failed, however late it is', () => {
  const r = begin('RELEASED');
  edit(r.world, CONTRACT, { refundAfterGrant: 'if-failed' }, r.contract);
  r.world.advance(2 * 86_400);
  assert.equal(r.world.judge(statement(r, 'refund')).verdict.reason, 'REFUND_NOT_ALLOWED');
});

test('the TDC answers for the payments of a contract that names no service, and others may do it for them', () => {
  const r = begin('TRAINED');
  const bank = participant(r.world, 'bank', ['CONTRACT_SERVICE']);
  const settle = () => statement(r, 'settle', 0, bank, { onBehalf: r.payment.did });
  assert.equal(r.world.judge(settle()).verdict.reason, 'DELEGATION_MISSING');
  delegation(r.world, r.payment, bank, 'payment');
  assert.equal(r.world.judge(settle()).verdict.outcome, 'ok');
  edit(r.world, CONTRACT, { paymentService: undefined }, r.contract);
  assert.equal(r.world.judge(settle()).verdict.reason, 'ROLE_NOT_HELD');
  assert.equal(r.world.judge(statement(r, 'settle', 0, r.tdc)).verdict.outcome, 'ok');
});

test('in every history a payment that has ended stays as it is, and the contract counts those that have not', () => {
  const moves = fc.array(
    fc.record({
      name: fc.constantFrom<Name>('hold', 'settle', 'refund', 'fail'),
      row: fc.nat({ max: 3 }),
      late: fc.boolean(),
    }),
    { maxLength: 30 },
  );
  const room = fc.constantFrom<RoomState>('PROVISIONED', 'ATTESTED', 'TRAINING', 'FAILED');
  fc.assert(
    fc.property(room, fc.boolean(), moves, (state, refunds, steps) => {
      const r = begin(state, 3);
      if (refunds) edit(r.world, CONTRACT, { refundAfterGrant: 'if-failed' }, r.contract);
      const states = () => [0, 1, 2].map((row) => stateOf(r, row));
      for (const { name, row, late } of steps) {
        const before = states();
        r.world.advance(late ? 7200 : 1);
        r.world.apply(statement(r, name, row));
        states().forEach((now, i) => {
          const was = before[i]!;
          if (was !== 'DUE' && was !== 'HELD') assert.equal(now, was);
          if (now === 'SETTLED' && was !== now) assert.equal(was, 'HELD');
        });
        assert.equal(openOf(r), states().filter((now) => now === 'DUE' || now === 'HELD').length);
      }
    }),
    { numRuns: 60 },
  );
});
