/** key.request, .release, .cancel and .receive: what is refused. What is denied is in key-release.test.ts. */
import { CLEANROOM } from '../../../src/chain/records/cleanroom.ts';
import { RELEASE } from '../../../src/chain/records/release.ts';
import { DELEGATION, PARTICIPANT } from '../../../src/chain/state.ts';
import type { Bytes } from '../../../src/core/bytes.ts';
import { releaseSteps } from '../room-bodies.ts';
import {
  delegation,
  digestOf,
  edit,
  participant,
  type RoomOptions,
  type RoomWorld,
  roomWorld,
  urnOf,
} from '../room-world.ts';
import { caseList } from './base.ts';

const { cases, refuses } = caseList();

type Steps = ReturnType<typeof releaseSteps>;
function refused(
  step: 'request' | 'release' | 'cancel' | 'receive',
  reason: string,
  what: string,
  statement: (steps: Steps, room: RoomWorld) => Bytes,
  options: RoomOptions = {},
): void {
  refuses(`key.${step}`, reason, what, ({ world }) => {
    const room = roomWorld(world, options);
    return statement(releaseSteps(room), room);
  });
}
function logged({ world }: RoomWorld, ...statements: readonly Bytes[]): void {
  for (const statement of statements) world.accept(statement);
}

refused('request', 'ID_MALFORMED', 'an id of another log', (steps) =>
  steps.request(0, 1, { id: 'urn:depa:release:log.example/other:00000000-0000-4000-8000-000000000001' }),
);
refused('request', 'ID_TAKEN', 'the id of a release', (steps, room) => {
  logged(room, steps.request(0, 1));
  return steps.request(1, 1);
});
refused(
  'request',
  'CLEANROOM_NOT_ATTESTED',
  'a room whose keys nobody has affirmed',
  (steps, { world, room }) => {
    edit(world, CLEANROOM, { state: 'PROVISIONED', signKid: undefined, wrapKid: undefined }, room);
    return steps.request();
  },
);
for (const state of [
  'KEYED',
  'TRAINING',
  'TRAINED',
  'RELEASED',
  'TERMINATED',
  'ABORTED',
  'FAILED',
] as const) {
  refused('request', 'STATE_WRONG', state, (steps) => steps.request(0, 9), { room: state });
}
refused('request', 'STATE_WRONG', 'past its deadline', (steps, { world, room }) => {
  edit(world, CLEANROOM, { deadline: world.now - 1 }, room);
  return steps.request();
});
refused('request', 'STATE_WRONG', 'a dataset that nobody registered', (steps, { world }) =>
  steps.request(0, 1, { subject: urnOf(world, 'dataset', 9) }),
);
refused('request', 'STATE_WRONG', 'a dataset without its version', (steps) =>
  steps.request(0, 1, { version: undefined }),
);

refused('release', 'RELEASE_NOT_FOUND', 'nobody asked', (steps) => steps.release());
refused('release', 'STATE_WRONG', 'granted already, another nonce', (steps, room) => {
  logged(room, steps.request(), steps.release());
  return steps.release(1, 'another nonce');
});
refused('release', 'STATE_WRONG', 'denied already', (steps, room) => {
  logged(room, steps.request());
  edit(room.world, RELEASE, { state: 'DENIED' }, urnOf(room.world, 'release', 1));
  return steps.release();
});
refused('release', 'STATE_WRONG', 'cancelled already', (steps, room) => {
  logged(room, steps.request(), steps.release(), steps.cancel());
  return steps.release(1, 'another nonce');
});

refused('cancel', 'RELEASE_NOT_FOUND', 'nobody asked', (steps) => steps.cancel());
refused('cancel', 'RELEASE_ALREADY_RECEIVED', 'received', (steps, room) => {
  logged(room, steps.request(), steps.release(), steps.receive());
  return steps.cancel();
});
refused('cancel', 'ROLE_NOT_HELD', 'another KMS', (steps, room) => {
  logged(room, steps.request(), steps.release());
  const other = participant(room.world, 'other-kms', ['KMS']);
  delegation(room.world, room.tdps[0], other, 'kms');
  const options = { onBehalf: room.tdps[0].did };
  return room.world.sign(other, 'key.cancel', { id: urnOf(room.world, 'release', 1) }, options);
});
refused('cancel', 'STATE_WRONG', 'not granted', (steps, room) => {
  logged(room, steps.request());
  return steps.cancel();
});
refused('cancel', 'STATE_WRONG', 'cancelled', (steps, room) => {
  logged(room, steps.request(), steps.release(), steps.cancel());
  room.world.advance(1);
  return steps.cancel();
});
refused('cancel', 'STATE_WRONG', 'expired', (steps, room) => {
  logged(room, steps.request(), steps.release());
  room.world.advance(61);
  return steps.cancel();
});
refused('cancel', 'STATE_WRONG', 'the room has been aborted: it is spent', (steps, room) => {
  logged(room, steps.request(), steps.release());
  logged(room, room.world.sign(room.ccrp, 'cleanroom.abort', { id: room.room, reason: 'gone' }));
  return steps.cancel();
});
refused('cancel', 'STATE_WRONG', 'the room is past its deadline: it is spent', (steps, room) => {
  logged(room, steps.request(), steps.release());
  edit(room.world, CLEANROOM, { deadline: room.world.now - 1 }, room.room);
  return steps.cancel();
});

refused('receive', 'RELEASE_NOT_FOUND', 'nobody asked', (steps) => steps.receive());
refused('receive', 'RELEASE_NOT_FOUND', 'the release of another room', (steps, room) => {
  logged(room, steps.request(), steps.release());
  edit(
    room.world,
    RELEASE,
    { cleanroom: urnOf(room.world, 'cleanroom', 2) },
    urnOf(room.world, 'release', 1),
  );
  return steps.receive();
});
refused('receive', 'STATE_WRONG', 'not granted', (steps, room) => {
  logged(room, steps.request());
  return steps.receive();
});
refused('receive', 'STATE_WRONG', 'received before', (steps, room) => {
  logged(room, steps.request(), steps.release(), steps.receive());
  const body = { id: urnOf(room.world, 'release', 1), wrapped: digestOf(room.world, 'again') };
  return room.world.sign(room.asRoom, 'key.receive', body);
});

// The frame's part, where the object of a delegation is what a release is of.
refuses('frame', 'DELEGATION_MISSING', 'key.release: delegated for another dataset', ({ world }) => {
  const room = roomWorld(world);
  const steps = releaseSteps(room);
  logged(room, steps.request());
  const scope = [room.datasets[1].id];
  edit(world, DELEGATION, { scope }, room.tdps[0].did, room.kms.did, 'kms');
  return steps.release();
});
refuses('frame', 'DELEGATION_MISSING', 'key.release: revoked', ({ world }) => {
  const room = roomWorld(world);
  const steps = releaseSteps(room);
  logged(room, steps.request());
  edit(world, DELEGATION, { revoked: true }, room.tdps[0].did, room.kms.did, 'kms');
  return steps.release();
});
refuses('frame', 'SIGNER_SUSPENDED', 'key.release: its owner', ({ world }) => {
  const room = roomWorld(world);
  const steps = releaseSteps(room);
  logged(room, steps.request());
  edit(world, PARTICIPANT, { state: 'SUSPENDED' }, room.tdps[0].did);
  return steps.release();
});

export default cases;
