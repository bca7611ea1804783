/**
 * The end of a clean room's reserves. Each release that was granted to it is settled exactly once: what was spent of
 * its reserve is charged, the rest is free again, and its record holds a reserve no more.
 */
import { settle } from './budget.ts';
import { NO_PRIVACY, type Privacy } from './privacy.ts';
import { type StateReader, type Write, withWrites } from './record.ts';
import type { CleanroomRecord } from './records/cleanroom.ts';
import { RELEASE } from './records/release.ts';

/**
 * @param spent what a run on the room has spent, charged to every personal mount in full; left out: all that is
 * reserved. Never more than the reserve of a release is charged for it.
 */
export function settleRoom(
  read: StateReader,
  room: Pick<CleanroomRecord, 'mounts'>,
  spent?: Privacy,
): readonly Write[] {
  const writes: Write[] = [];
  for (const { release: id } of room.mounts) {
    // Two mounts may share a budget, so each builds on what the ones before it wrote.
    const sofar = withWrites(read, writes);
    const release = id === undefined ? undefined : RELEASE.read(sofar, id);
    // What a cancelled grant reserved is free already.
    if (!release || (release.state !== 'GRANTED' && release.state !== 'RECEIVED')) continue;
    const { reserve, charges } = release;
    writes.push(
      ...settle(sofar, charges, reserve, spent ? atMost(spent, reserve) : reserve),
      RELEASE.put({ ...release, reserve: NO_PRIVACY }, id!),
    );
  }
  return writes;
}

function atMost(a: Privacy, b: Privacy): Privacy {
  return { epsilon: Math.min(a.epsilon, b.epsilon), delta: Math.min(a.delta, b.delta) };
}
