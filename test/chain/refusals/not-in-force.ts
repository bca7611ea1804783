/** Every way in which the contract of a room world is not in force, in the order in which it is tested. */
import { CONTRACT } from '../../../src/chain/records/contract.ts';
import { DATASET } from '../../../src/chain/records/dataset.ts';
import { KEY, PARTICIPANT } from '../../../src/chain/state.ts';
import { edit, type RoomWorld } from '../room-world.ts';

type Breach = readonly [reason: string, happens: (room: RoomWorld) => void];

const contract =
  (change: (room: RoomWorld) => object) =>
  (room: RoomWorld): void =>
    edit(room.world, CONTRACT, change(room), room.contract);
const provider =
  (change: (room: RoomWorld) => object) =>
  (room: RoomWorld): void =>
    edit(room.world, PARTICIPANT, change(room), room.tdps[0].did);
const dataset =
  (change: (room: RoomWorld) => object) =>
  (room: RoomWorld): void => {
    const { id, version } = room.datasets[1];
    edit(room.world, DATASET, change(room), id, version);
  };

export const CONTRACT_BREACHES: readonly Breach[] = [
  ['CONTRACT_NOT_FOUND', (room) => room.world.put(CONTRACT.remove(room.contract))],
  ['CONTRACT_DECLINED', contract(() => ({ state: 'DECLINED' }))],
  ['CONTRACT_LAPSED', contract(({ world }) => ({ state: 'PROPOSED', lapses: world.time - 1 }))],
  ['CONTRACT_NOT_FULLY_SIGNED', contract(() => ({ state: 'PARTLY_SIGNED' }))],
  ['CONTRACT_SUPERSEDED', contract(() => ({ state: 'SUPERSEDED' }))],
  ['CONTRACT_COMPLETED', contract(() => ({ state: 'COMPLETED' }))],
  [
    'CONTRACT_REVOKED',
    contract(({ world }) => ({
      state: 'REVOKED',
      lastStop: { entry: 0, at: world.time, before: 'SIGNED' },
    })),
  ],
  ['CONTRACT_NOT_STARTED', contract(({ world }) => ({ start: world.now + 1 }))],
  ['CONTRACT_EXPIRED', contract(({ world }) => ({ expiry: world.now - 1 }))],
  ['PARTY_REVOKED', provider(() => ({ state: 'REVOKED' }))],
  ['PARTY_SUSPENDED', provider(() => ({ state: 'SUSPENDED' }))],
  ['PARTY_VALIDITY_ENDED', provider(({ world }) => ({ validUntil: world.now - 1 }))],
  ['PARTY_AGREEMENT_LAPSED', provider(() => ({ state: 'VERIFIED' }))],
];

/** These stop no room that has its keys. */
export const SIGNATURE_BREACHES: readonly Breach[] = [
  [
    'SIGNING_KEY_REVOKED',
    ({ world, tdps }) => {
      const revoked = { entry: 0, at: world.time, reason: 'compromise' as const, since: 0 };
      edit(world, KEY, { revoked }, world.kid(tdps[0].keys[0]));
    },
  ],
];

export const DATASET_BREACHES: readonly Breach[] = [
  ['DATASET_WITHDRAWN', dataset(() => ({ state: 'WITHDRAWN' }))],
  ['DATASET_SUSPENDED', dataset(() => ({ state: 'SUSPENDED' }))],
  ['DATASET_EXPIRED', dataset(({ world }) => ({ retentionUntil: world.now - 1 }))],
];
