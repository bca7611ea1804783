/** payment.*: hold, settle, refund, fail. */
import { CLEANROOM } from '../../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../../src/chain/records/contract.ts';
import { PAYMENT, type PaymentRecord } from '../../../src/chain/records/payment.ts';
import { paymentBody } from '../payment-body.ts';
import { edit, type RoomState, type RoomWorld, roomWorld, urnOf } from '../room-world.ts';
import { caseList } from './base.ts';

const { cases, refuses } = caseList();

const STATES = ['DUE', 'HELD', 'SETTLED', 'REFUNDED', 'FAILED'] as const;
const FROM = { hold: ['DUE'], settle: ['HELD'], refund: ['DUE', 'HELD'], fail: ['DUE', 'HELD'] } as const;
type Name = keyof typeof FROM;

function refused(
  name: Name,
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => object | undefined,
  state: RoomState = 'ATTESTED',
): void {
  refuses(`payment.${name}`, reason, what, ({ world }) => {
    const room = roomWorld(world, { room: state });
    edit(world, PAYMENT, { state: FROM[name][0] }, room.contract, 0, room.room);
    const change = prepare(room);
    return world.sign(room.payment, `payment.${name}`, paymentBody(room, change));
  });
}
const inState = (state: PaymentRecord['state']) => (room: RoomWorld) => {
  edit(room.world, PAYMENT, { state }, room.contract, 0, room.room);
  return undefined;
};

for (const [name, from] of Object.entries(FROM) as [Name, readonly string[]][]) {
  refused(name, 'PAYMENT_NOT_IN_TERMS', 'no such row', () => ({ row: 1 }));
  refused(name, 'PAYMENT_NOT_IN_TERMS', 'no such contract', ({ world }) => ({
    contract: urnOf(world, 'contract', 9),
  }));
  refused(name, 'PAYMENT_NOT_IN_TERMS', 'a room that is not of the contract', ({ world }) => ({
    cleanroom: urnOf(world, 'cleanroom', 9),
  }));
  refused(name, 'PAYMENT_NOT_IN_TERMS', 'to another', ({ ccrp }) => ({ payee: ccrp.did }));
  refused(name, 'PAYMENT_NOT_IN_TERMS', 'from another', ({ ccrp }) => ({ payer: ccrp.did }));
  refused(name, 'ROLE_NOT_HELD', 'not the contract’s payment service', ({ world, contract, ccrp }) => {
    edit(world, CONTRACT, { paymentService: ccrp.did }, contract);
    return undefined;
  });
  refused(name, 'ROLE_NOT_HELD', 'the TDC pays itself', ({ world, contract }) => {
    edit(world, CONTRACT, { paymentService: undefined }, contract);
    return undefined;
  });
  refused(name, 'AMOUNT_MISMATCH', 'one paisa less', () => ({ amount: 499_999 }));
  refused(name, 'CURRENCY_MISMATCH', 'dollars', () => ({ currency: 'USD' }));
  for (const state of STATES) {
    if (!from.includes(state)) refused(name, 'STATE_WRONG', `the payment is ${state}`, inState(state));
  }
}

for (const state of ['ATTESTED', 'KEYED', 'TRAINING', 'FAILED', 'ABORTED'] as const) {
  // The last two without a GRANT: nobody has earned anything.
  refused('settle', 'STATE_WRONG', `the room is ${state}`, () => undefined, state);
}

const allowed = ({ world, contract }: RoomWorld) =>
  edit(world, CONTRACT, { refundAfterGrant: 'if-failed' }, contract);
for (const state of ['KEYED', 'TRAINING', 'TRAINED', 'RELEASED', 'TERMINATED'] as const) {
  refused(
    'refund',
    'REFUND_NOT_ALLOWED',
    `a room that has its keys is ${state}`,
    (room) => {
      allowed(room);
      return undefined;
    },
    state,
  );
}
for (const state of ['FAILED', 'ABORTED'] as const) {
  refused(
    'refund',
    'REFUND_NOT_ALLOWED',
    `${state}, after a GRANT`,
    (room) => {
      // The terms of a failed room do not allow it; those of an aborted one cannot.
      if (state === 'ABORTED') allowed(room);
      edit(room.world, CLEANROOM, { granted: { entry: 1, at: room.world.time } }, room.room);
      return undefined;
    },
    state,
  );
}

export default cases;
