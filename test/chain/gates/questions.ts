/** Worlds in which every gate allows, and the questions that it allows there. */
import type { GateStep, RequestOf } from '../../../src/chain/gates/index.ts';
import { NO_PRIVACY } from '../../../src/chain/privacy.ts';
import { CLEANROOM, type CleanroomRecord, type Mount } from '../../../src/chain/records/cleanroom.ts';
import { BUDGET, DATASET } from '../../../src/chain/records/dataset.ts';
import { PAYMENT } from '../../../src/chain/records/payment.ts';
import { RELEASE, RELEASED } from '../../../src/chain/records/release.ts';
import { digestOf, edit, type RoomOptions, type RoomWorld, roomWorld, urnOf } from '../room-world.ts';
import type { World } from '../world.ts';

export type Questions = { readonly [Step in GateStep]: RequestOf<Step> };

export function nonceOf(r: RoomWorld, release: number) {
  return digestOf(r.world, `nonce ${release}`);
}

/** A room whose releases are all granted, and not received yet. @param expires Unix milliseconds */
export function grantedRoom(
  world: World,
  options: RoomOptions = {},
  expires = world.time + 60_000,
): RoomWorld {
  const r = roomWorld(world, { room: 'ATTESTED', ...options });
  const { mounts, wrapKid } = roomOf(r);
  const granted = mounts.map((mount, i): Mount => {
    const { subject, version, kms, dataKeyId } = mount;
    const id = urnOf(world, 'release', i + 1);
    const charges = version === undefined ? [] : DATASET.read(world.read, subject, version)!.charges;
    const reserve = version === undefined ? NO_PRIVACY : r.privacy;
    for (const { provider, scope } of charges) {
      const { reserved } = BUDGET.read(world.read, provider, scope)!;
      const sum = {
        epsilon: reserved.epsilon + reserve.epsilon,
        delta: reserved.delta + reserve.delta,
      };
      edit(world, BUDGET, { reserved: sum }, provider, scope);
    }
    const record = {
      ...{ cleanroom: r.room, contract: r.contract, subject, kms, dataKeyId, wrapKid: wrapKid! },
      ...{ state: 'GRANTED' as const, nonce: nonceOf(r, i + 1), charges, reserve, expires },
      ...{ entry: 0, changed: 0, changedAt: world.time },
      ...(version !== undefined && { version }),
    };
    world.put(RELEASE.put(record, id), RELEASED.put({ release: id }, r.room, kms, dataKeyId));
    return { ...mount, release: id, expires };
  });
  edit(world, CLEANROOM, { mounts: granted, granted: { entry: 0, at: world.time } }, r.room);
  return r;
}

export function roomOf(r: RoomWorld): CleanroomRecord {
  return CLEANROOM.read(r.world.read, r.room)!;
}

/** The state of the room in which the step's question is allowed. */
export function worldFor(step: GateStep, world: World, options: RoomOptions = {}): RoomWorld {
  if (step === 'key.release') return grantedRoom(world, options);
  if (step === 'run.start' || step === 'budget.spend') {
    return roomWorld(world, { room: 'TRAINING', ...options });
  }
  if (step === 'model.release' || step === 'payment.settle') {
    const r = roomWorld(world, { room: 'RELEASED', ...options });
    const state = step === 'payment.settle' ? ('HELD' as const) : ('SETTLED' as const);
    edit(world, PAYMENT, { state }, r.contract, 0, r.room);
    return r;
  }
  return roomWorld(world, { room: 'PROVISIONED', ...options });
}

/** One question for each gate, about this world. */
export function questions(r: RoomWorld): Questions {
  const { world, datasets, kms, room, run, contract, payment } = r;
  const [dataset] = datasets;
  const { id, version, provider, dataKeyId, ciphertext } = dataset;
  const row = PAYMENT.read(world.read, contract, 0, room);
  return {
    'dataset.register': {
      ...{ dataset: id, version, provider: provider.did, ciphertext, kms: kms.did, dataKeyId },
    },
    'contract.activate': { contract, text: digestOf(world, 'contract text') },
    'cleanroom.deploy': { cleanroom: room, deployer: r.ccrp.did, code: r.code, pipeline: r.pipeline },
    'key.release': {
      ...{ release: urnOf(world, 'release'), kms: kms.did, subject: id, version, dataKeyId },
      ...{ nonce: nonceOf(r, 1), wrapKid: world.crypto.sha256(r.wrapKey) },
    },
    'run.start': {
      ...{ cleanroom: room, run, pipeline: r.pipeline },
      mounts: datasets.map((each) => {
        return { dataset: each.id, version: each.version, ciphertext: each.ciphertext };
      }),
    },
    'budget.spend': { run, ...r.privacy },
    'model.release': {
      ...{ model: r.model, run, ciphertext: digestOf(world, 'model ciphertext'), to: r.tdc.did },
      wrapKid: r.tdcWrapKid,
    },
    'payment.settle': {
      ...{ contract, row: 0, cleanroom: room, service: payment.did, payee: row?.payee ?? r.tdps[0].did },
      ...{ amount: row?.amount ?? 0, currency: row?.currency ?? 'INR' },
    },
  };
}
