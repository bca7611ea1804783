/** cleanroom.attest and cleanroom.appraise. */
import { CHECKS } from '../../../src/attestation/index.ts';
import { CLEANROOM, EVIDENCE, EVIDENCE_ID } from '../../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../../src/chain/records/contract.ts';
import { ANCHORS, APPRAISAL_POLICY } from '../../../src/chain/records/governance.ts';
import { encode } from '../../../src/core/cbor.ts';
import { encodeCoseKey } from '../../../src/cose/key.ts';
import { type Attesting, appraiseBody, attestBody } from '../room-bodies.ts';
import {
  digestOf,
  edit,
  putKey,
  type RoomOptions,
  type RoomWorld,
  roomWorld,
  urnOf,
  wrappingKey,
} from '../room-world.ts';
import type { Member } from '../world.ts';
import { caseList } from './base.ts';
import { ONE, rawKey } from './raw-key.ts';

const { cases, refuses } = caseList();

interface Attestation {
  listed?: Attesting;
  proven?: Attesting;
  body?: object;
  by?: Member;
}
/** `prepare` breaks something, and says what the statement differs in. */
function attest(
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => Attestation | undefined,
  options: RoomOptions = {},
): void {
  refuses('cleanroom.attest', reason, what, ({ world }) => {
    const room = roomWorld(world, { room: 'PROVISIONED', ...options });
    const { listed, proven, body, by = room.ccrp } = prepare(room) ?? {};
    return world.sign(by, 'cleanroom.attest', { ...attestBody(room, listed, proven), ...body });
  });
}
const another = ({ world }: RoomWorld) => digestOf(world, 'other');

attest('STATE_WRONG', 'no such room', ({ world }) => ({ listed: { id: urnOf(world, 'cleanroom', 9) } }));
attest('ROLE_NOT_HELD', 'not the deployer', ({ tdc }) => ({ by: tdc }));
for (const state of [
  'KEYED',
  'TRAINING',
  'TRAINED',
  'RELEASED',
  'TERMINATED',
  'ABORTED',
  'FAILED',
] as const) {
  attest('STATE_WRONG', state, (room) => ({ listed: { evidence: another(room) } }), { room: state });
}
attest('STATE_WRONG', 'past its deadline', ({ world, room }) => {
  edit(world, CLEANROOM, { deadline: world.now - 1 }, room);
  return undefined;
});
attest('STATE_WRONG', 'too often', ({ world, room }) => {
  edit(world, CLEANROOM, { evidence: 16 }, room);
  return undefined;
});
attest(
  'STATE_WRONG',
  'other keys after a GRANT',
  (room) => {
    edit(room.world, CLEANROOM, { granted: { entry: 0, at: room.world.time } }, room.room);
    return { listed: { evidence: another(room), signKey: room.world.key('room 2') } };
  },
  { room: 'ATTESTED' },
);
attest(
  'STATE_WRONG',
  'another wrapping key after a GRANT',
  (room) => {
    edit(room.world, CLEANROOM, { granted: { entry: 0, at: room.world.time } }, room.room);
    return { listed: { evidence: another(room), wrapKey: wrappingKey(room.world, 'room 2') } };
  },
  { room: 'ATTESTED' },
);
attest('ID_TAKEN', 'the same evidence', () => undefined, { room: 'ATTESTED' });
attest('KEY_MALFORMED', 'no signing key', () => ({ body: { signKey: encode(7) } }));
attest('KEY_MALFORMED', 'no wrapping key', () => ({ body: { wrapKey: encode(7) } }));
attest('KEY_MALFORMED', 'a signing key that cannot sign', ({ wrapKey }) => ({ body: { signKey: wrapKey } }));
attest('KEY_MALFORMED', 'one key for both', ({ asRoom }) => ({
  listed: { wrapKey: encodeCoseKey(asRoom.keys[0].publicKey) },
}));
attest('KEY_WEAK', 'a signing key of small order', () => ({ body: { signKey: rawKey(1, 6, ONE) } }));
attest('KEY_WEAK', 'a wrapping key of small order', () => ({ body: { wrapKey: rawKey(1, 4, ONE) } }));
attest('ALG_NOT_ALLOWED', 'not by the policy', ({ world }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ algorithms: ['Ed25519'] })));
  return { listed: { signKey: world.key('room', 'ES256') } };
});
attest('KID_TAKEN', 'the key of a participant', ({ ccrp }) => ({ listed: { signKey: ccrp.keys[0] } }));
attest('KID_TAKEN', 'wrapped to the TDC’s own key', ({ world }) => ({
  listed: { wrapKey: wrappingKey(world, 'tdc') },
}));
attest('KID_TAKEN', 'the log’s own key', ({ world }) => ({ listed: { signKey: world.key('checkpoint') } }));
attest('KID_TAKEN', 'the key of another room', ({ world, asRoom }) => {
  putKey(world, urnOf(world, 'cleanroom', 2), encodeCoseKey(asRoom.keys[0].publicKey), 'sig', 'room');
  return undefined;
});
attest('POP_MISSING', 'none', () => ({ body: { pop: new Uint8Array(1) } }));
for (const [what, proven] of [
  ['by another key', ({ world }) => ({ signKey: world.key('other') })],
  ['for another log', () => ({ log: 'log.example/other' })],
  ['for another room', ({ world }) => ({ id: urnOf(world, 'cleanroom', 2) })],
  ['for another deployment', (room) => ({ deploy: another(room) })],
  ['over other evidence', (room) => ({ evidence: another(room) })],
  ['for another wrapping key', ({ world }) => ({ wrapKey: wrappingKey(world, 'other') })],
] as [string, (room: RoomWorld) => Attesting][]) {
  attest('POP_MISSING', what, (room) => ({ proven: proven(room) }));
}
attest('POP_MISSING', 'the proof of a participant’s key', ({ world, asRoom }) => ({
  body: { pop: world.listed(asRoom, asRoom.keys[0]).pop },
}));
attest('POP_MISSING', 'left out', () => ({ body: { pop: undefined } }));

interface Appraisal {
  body?: object;
  by?: Member;
}
function appraise(
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => Appraisal | undefined,
  options: RoomOptions = {},
): void {
  refuses('cleanroom.appraise', reason, what, ({ world }) => {
    const room = roomWorld(world, options);
    const { body, by = room.verifiers[0] } = prepare(room) ?? {};
    return world.sign(by, 'cleanroom.appraise', appraiseBody(room, body));
  });
}
appraise('STATE_WRONG', 'no such room', ({ world }) => ({ body: { id: urnOf(world, 'cleanroom', 9) } }));
for (const state of ['TERMINATED', 'ABORTED', 'FAILED'] as const) {
  appraise('STATE_WRONG', state, () => undefined, { room: state });
}
appraise('STATE_WRONG', 'past its deadline', ({ world, room }) => {
  edit(world, CLEANROOM, { deadline: world.now - 1 }, room);
  return undefined;
});
appraise('VERIFIER_NOT_IN_CONTRACT', 'another verifier', ({ world, contract, verifiers }) => {
  edit(world, CONTRACT, { verifiers: [verifiers[1].did] }, contract);
  return undefined;
});
appraise('VERIFIER_NOT_IN_CONTRACT', 'the deployer itself', ({ world, room, verifiers }) => {
  edit(world, CLEANROOM, { deployer: verifiers[0].did }, room);
  return undefined;
});
appraise('EVIDENCE_UNKNOWN', 'not listed', (room) => ({ body: { evidence: another(room) } }));
for (const result of ['affirming', 'warning']) {
  appraise('EVIDENCE_REPLAYED', `of another room: ${result}`, ({ world, evidenceId }) => {
    world.put(EVIDENCE_ID.put({ cleanroom: urnOf(world, 'cleanroom', 2) }, evidenceId));
    return { body: { result } };
  });
}
appraise('APPRAISAL_POLICY_NOT_CURRENT', 'a later version', ({ world, appraisalPolicy }) => {
  edit(world, APPRAISAL_POLICY, { version: 2 }, appraisalPolicy);
  return undefined;
});
appraise('APPRAISAL_POLICY_NOT_CURRENT', 'another digest', (room) => ({
  body: { policy: { id: room.appraisalPolicy, version: 1, digest: another(room) } },
}));
appraise('APPRAISAL_POLICY_NOT_CURRENT', 'not the contract’s', (room) => {
  const id = urnOf(room.world, 'appraisal-policy', 2);
  room.world.put(APPRAISAL_POLICY.put({ version: 1, digest: another(room), entry: 0 }, id));
  return { body: { policy: { id, version: 1, digest: another(room) } } };
});
appraise('ANCHORS_NOT_CURRENT', 'a later version', ({ world, anchors }) => {
  edit(world, ANCHORS, { version: 2 }, anchors);
  return undefined;
});
appraise('ANCHORS_NOT_CURRENT', 'another digest', (room) => ({
  body: { anchors: { id: room.anchors, version: 1, digest: another(room) } },
}));
appraise('ANCHORS_NOT_CURRENT', 'of another type', ({ world, room, evidence }) => {
  edit(world, EVIDENCE, { tee: 'snp' }, room, evidence);
  return undefined;
});
appraise('HOST_DATA_MISMATCH', 'of other code', (room) => ({ body: { hostData: another(room) } }));
appraise('SCHEMA_INVALID', 'affirming though a check failed', () => ({
  body: { checks: [{ name: 'debug', passed: false }] },
}));
for (const [what, checks] of [
  ['without any check', []],
  ['with hardly any', [{ name: 'report.signature', passed: true }]],
  [
    'with all but those of the TCB',
    Object.keys(CHECKS).flatMap((name) => (name.startsWith('tcb.') ? [] : { name, passed: true })),
  ],
] as const) {
  appraise('SCHEMA_INVALID', `affirming ${what}`, () => ({ body: { checks } }));
}
appraise('NUMBER_MALFORMED', 'a head to come', ({ world }) => ({ body: { head: world.now + 1 } }));
appraise(
  'KID_TAKEN',
  'the room’s key has become another’s',
  (room) => {
    const { world, asRoom } = room;
    room.world.accept(world.sign(room.ccrp, 'cleanroom.attest', attestBody(room)));
    putKey(world, room.tdc.did, encodeCoseKey(asRoom.keys[0].publicKey), 'sig', 'new');
    return undefined;
  },
  { room: 'PROVISIONED' },
);

export default cases;
