/** Bodies of cleanroom.* and key.* for the room of a room world, and who signs them. */
import { CHECKS } from '../../src/attestation/index.ts';
import { provePossession } from '../../src/chain/possession.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import { digestOf, type RoomWorld, requestBody, urnOf } from './room-world.ts';

/** Without members that a change took away. */
function members<T extends object>(body: T): T {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as T;
}

/** `pipeline` changes members of its public part. */
export function deployBody(room: RoomWorld, change: object = {}, pipeline: object = {}) {
  const { world, contract, code, datasets, privacy } = room;
  return members({
    ...{ id: room.room, contracts: [contract], code, pipeline: room.pipeline },
    public: members({
      stages: ['join', 'train'],
      datasets: datasets.map(({ id, version }) => ({ dataset: id, version })),
      private: true,
      privacy,
      ...{ joinKeys: ['pk_mobno_hashed'], target: 'icmr_test_result' },
      ...pipeline,
    }),
    deadline: world.now + 86_400,
    ...change,
  });
}

export interface Attesting {
  id?: string;
  evidence?: Bytes;
  signKey?: PrivateKey;
  wrapKey?: Bytes;
  log?: string;
  deploy?: Bytes;
}

/** The proof is about what `proven` says, where that is not what is listed. */
export function attestBody(room: RoomWorld, listed: Attesting = {}, proven: Attesting = {}) {
  const { world } = room;
  const id = listed.id ?? room.room;
  const evidence = listed.evidence ?? room.evidence;
  const signKey = listed.signKey ?? room.asRoom.keys[0];
  const wrapKey = listed.wrapKey ?? room.wrapKey;
  const pop = provePossession(proven.signKey ?? signKey, {
    log: proven.log ?? world.origin,
    cleanroom: proven.id ?? id,
    deploy: proven.deploy ?? CLEANROOM.read(world.read, id)?.entryId ?? digestOf(world, 'none'),
    evidence: proven.evidence ?? evidence,
    wrapKid: world.crypto.sha256(proven.wrapKey ?? wrapKey),
  });
  return { id, tee: 'simulated', evidence, signKey: encodeCoseKey(signKey.publicKey), wrapKey, pop };
}

export function appraiseBody(room: RoomWorld, change: object = {}) {
  const { world, evidence, evidenceId, hostData } = room;
  return {
    ...{ id: room.room, evidence, evidenceId, head: world.now, hostData, result: 'affirming' },
    policy: { id: room.appraisalPolicy, version: 1, digest: digestOf(world, 'appraisal policy') },
    anchors: { id: room.anchors, version: 1, digest: digestOf(world, 'anchors') },
    checks: Object.keys(CHECKS).map((name) => ({ name, passed: true, value: 'as it has to be' })),
    ...change,
  };
}

/** What each step of a key release says of the release with this number, by default that of the first dataset. */
export function releaseSteps(room: RoomWorld) {
  const { world, kms, asRoom } = room;
  const id = (n: number) => urnOf(world, 'release', n);
  return {
    request: (at: 0 | 1 = 0, n = at + 1, change: object = {}) =>
      world.sign(asRoom, 'key.request', members({ ...requestBody(room, at, n), ...change })),
    requestBase: (n = 3) => {
      const dataKeyId = 'https://kms.example/keys/base';
      const body = { id: id(n), subject: room.baseModel, contract: room.contract, dataKeyId };
      return world.sign(asRoom, 'key.request', body);
    },
    release: (n = 1, nonce = `nonce ${n}`, at = n - 1, change: object = {}) => {
      const onBehalf = [...room.tdps, room.tdc][at]!.did;
      const body = { id: id(n), nonce: digestOf(world, nonce) };
      return world.sign(kms, 'key.release', body, { onBehalf, ...change });
    },
    cancel: (n = 1) => world.sign(kms, 'key.cancel', { id: id(n) }),
    receive: (n = 1) =>
      world.sign(asRoom, 'key.receive', { id: id(n), wrapped: digestOf(world, `wrapped ${n}`) }),
  };
}
