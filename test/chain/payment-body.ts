import { CONTRACT } from '../../src/chain/records/contract.ts';
import { digestOf, type RoomWorld } from './room-world.ts';

/** Body of payment.* for a row of the contract of a room world. */
export function paymentBody(
  { world, contract, room: cleanroom, tdc, tdps }: RoomWorld,
  change: object = {},
  row = 0,
) {
  const terms = CONTRACT.read(world.read, contract)!.payments[row];
  const { payee, amount, currency } = terms ?? { payee: tdps[0].did, amount: 1, currency: 'INR' };
  const parties = { contract, row, cleanroom, payer: tdc.did, payee };
  const reference = digestOf(world, 'payment 1');
  return { ...parties, amount, currency, processor: 'Example Bank', reference, ...change };
}
