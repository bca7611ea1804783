/** cleanroom.abort and cleanroom.terminate: how a clean room ends by hand. */
import { type Context, declareKind } from '../kind.ts';
import { type Write, withWrites } from '../record.ts';
import { CLEANROOM, type CleanroomRecord } from '../records/cleanroom.ts';
import { CONTRACT, type ContractRecord } from '../records/contract.ts';
import { RUN } from '../records/run.ts';
import { refuse } from '../refusal.ts';
import { leaveContracts } from '../room-end.ts';
import { struct, urn } from '../schema.ts';
import { settleRoom } from '../settlement.ts';
import type { ParticipantRecord } from '../state.ts';
import { reason } from '../stop.ts';

const NOT_A_PARTY = 'Who signs has no part in the contracts of the clean room that would let it do this.';

export const abort = declareKind({
  name: 'cleanroom.abort',
  rule:
    'Ends a clean room from which nothing has left. Before a GRANT any party may; after it the TDC, the CCRP and the ' +
    'SRO, and all that was reserved for the room counts as spent. → ABORTED.',
  signer: 'active',
  body: struct({ id: urn('cleanroom'), reason }),
  subject: (body) => body.id,
  refusals: {
    ABORT_TOO_LATE: 'The model has left the room already, or a key was granted, after which fewer may abort.',
    NOT_A_PARTY,
  },
  shared: ['STATE_WRONG'],

  apply(ctx, { id }) {
    const room = CLEANROOM.read(ctx.read, id);
    if (!room) return refuse('STATE_WRONG', 'no such clean room');
    const { state } = room;
    if (state === 'TERMINATED' || state === 'ABORTED' || state === 'FAILED')
      return refuse('STATE_WRONG', state);
    const contracts = room.contracts.map((contract) => CONTRACT.read(ctx.read, contract)!);
    const inCharge = isInCharge(ctx.signer, contracts);
    if (!inCharge && !contracts.some((contract) => isParty(ctx.signer, contract)))
      return refuse('NOT_A_PARTY');
    if (state === 'RELEASED') return refuse('ABORT_TOO_LATE', 'the model has been released');
    if (room.granted && !inCharge)
      return refuse('ABORT_TOO_LATE', `a key was granted by entry ${room.granted.entry}`);
    return [...endRun(ctx, room), ...settleRoom(ctx.read, room), ...end(ctx, id, room, 'ABORTED')];
  },
});

export const terminate = declareKind({
  name: 'cleanroom.terminate',
  rule:
    'The clean room, its CCRP or the SRO says that it is gone, after its run. TRAINED | RELEASED → TERMINATED. (The SRO, ' +
    'because a room that has released is never aborted, and its CCRP may be no participant any more.)',
  signer: 'room-or-active',
  body: struct({ id: urn('cleanroom'), reason }),
  subject: (body) => body.id,
  refusals: { NOT_A_PARTY },
  shared: ['STATE_WRONG'],

  apply(ctx, { id }) {
    const room = CLEANROOM.read(ctx.read, id);
    if (!room) return refuse('STATE_WRONG', 'no such clean room');
    const runsIt = room.contracts.some((of) => CONTRACT.read(ctx.read, of)!.ccrp === ctx.signer?.did);
    const oversees = ctx.signer?.roles.includes('SRO');
    if (ctx.room !== id && !runsIt && !oversees) return refuse('NOT_A_PARTY');
    if (room.state !== 'TRAINED' && room.state !== 'RELEASED') return refuse('STATE_WRONG', room.state);
    return end(ctx, id, room, 'TERMINATED');
  },
});

/** TDC, CCRP, SRO: who may end a room that has keys. */
function isInCharge({ did, roles }: ParticipantRecord, contracts: readonly ContractRecord[]): boolean {
  return roles.includes('SRO') || contracts.some(({ tdc, ccrp }) => did === tdc || did === ccrp);
}

function isParty({ did }: ParticipantRecord, { tdps, collab, signatories }: ContractRecord): boolean {
  return tdps.includes(did) || did === collab || signatories.includes(did);
}

/** A run under way ends with its room, and has spent all that was reserved for it. */
function endRun({ read, index, time }: Context, { run: id }: CleanroomRecord): readonly Write[] {
  const run = id === undefined ? undefined : RUN.read(read, id);
  if (run?.state !== 'STARTED') return [];
  const spent = { epsilon: run.reserve.epsilon, delta: run.reserve.delta };
  return [RUN.put({ ...run, ...spent, state: 'ABORTED', changed: index, changedAt: time }, id!)];
}

function end(
  { read, index, time }: Context,
  id: string,
  room: CleanroomRecord,
  state: 'ABORTED' | 'TERMINATED',
): readonly Write[] {
  const left = leaveContracts(read, room);
  return [
    CLEANROOM.put({ ...room, state, changed: index, changedAt: time }, id),
    ...left,
    // A room that never had a key has not used up a run.
    ...(room.granted ? [] : giveBackRun(withWrites(read, left), room)),
  ];
}

function giveBackRun(read: Context['read'], { contracts }: CleanroomRecord): readonly Write[] {
  return contracts.map((id) => {
    const contract = CONTRACT.read(read, id)!;
    return CONTRACT.put({ ...contract, runs: contract.runs - 1 }, id);
  });
}
