/** run.*: training in a clean room. STARTED → COMPLETED | FAILED | ABORTED (by the abort of its room). */
import { equal } from '../../core/bytes.ts';
import { extended } from '../../core/extended.ts';
import { within } from '../budget.ts';
import { formatFault, isPickle } from '../format.ts';
import { isOwnUrn } from '../identifier.ts';
import { STILL_IN_FORCE_FAULTS } from '../in-force.ts';
import { type Context, declareKind } from '../kind.ts';
import { delta, epsilon, NO_PRIVACY } from '../privacy.ts';
import { CLEANROOM, type CleanroomRecord } from '../records/cleanroom.ts';
import { MAX_DATASETS } from '../records/contract.ts';
import { DATASET } from '../records/dataset.ts';
import { CODE, toolName } from '../records/governance.ts';
import { MODEL } from '../records/model.ts';
import { MAX_OUTPUTS, output, RUN, type RunRecord } from '../records/run.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { leaveContracts, roomStateAt } from '../room-end.ts';
import { codeFault } from '../room-standing.ts';
import { isPersonal, START_FAULTS, startFault } from '../run-standing.ts';
import { type Infer, list, optional, struct, uint, urn } from '../schema.ts';
import { settleRoom } from '../settlement.ts';
import { digest } from '../state.ts';
import { reason } from '../stop.ts';

const startBody = struct({
  id: urn('run'),
  cleanroom: urn('cleanroom'),
  /** Every dataset that the room has mounted, and the SHA-256 of the encrypted file that it opened. */
  mounts: list(struct({ dataset: urn('dataset'), version: uint({ min: 1 }), ciphertext: digest }), {
    max: MAX_DATASETS,
  }),
  /** Commitment to the whole pipeline, as it is about to run. */
  pipeline: digest,
  /** The base model, and the digest of its files. */
  baseModel: optional(struct({ model: urn('model'), digest })),
});

export const start = declareKind({
  name: 'run.start',
  rule:
    'A clean room that has all its keys begins its one run: its contracts are in force, its code is certified, and it ' +
    'has opened exactly what it was deployed for. KEYED → TRAINING.',
  signer: 'room',
  body: startBody,
  subject: (body) => body.id,
  refusals: {
    ...STILL_IN_FORCE_FAULTS,
    ...START_FAULTS,
    MOUNT_DIGEST_MISMATCH: 'A mounted file is not the one that was registered.',
    MOUNT_NOT_KEYED: 'A dataset is mounted that the clean room has no key for.',
    PIPELINE_CHANGED:
      'The pipeline, its datasets or its base model are not those that the clean room was deployed for.',
  },
  shared: ['ID_MALFORMED', 'ID_TAKEN', 'SIGNER_UNKNOWN', 'STATE_WRONG'],

  apply(ctx, body) {
    if (!isOwnUrn(body.id, ctx.origin)) return refuse('ID_MALFORMED', 'not an id of this log');
    if (RUN.read(ctx.read, body.id)) return refuse('ID_TAKEN', body.id);
    if (body.cleanroom !== ctx.room) return refuse('SIGNER_UNKNOWN', 'a run of another clean room');
    const room = CLEANROOM.read(ctx.read, ctx.room)!;
    const fault = startFault(ctx.read, room, ctx.time) ?? mountFault(ctx, room, body);
    if (fault) return fault;
    const changed = { changed: ctx.index, changedAt: ctx.time };
    const run: RunRecord = {
      cleanroom: ctx.room,
      state: 'STARTED',
      reserve: room.privacy,
      ...NO_PRIVACY,
      logs: 0,
      outputs: [],
      entry: ctx.index,
      ...changed,
    };
    return [
      RUN.put(run, body.id),
      CLEANROOM.put(extended(room, { run: body.id, state: 'TRAINING', ...changed }), ctx.room),
    ];
  },
});

function mountFault({ read }: Context<'room'>, room: CleanroomRecord, body: Infer<typeof startBody>) {
  const { baseModel } = body;
  for (const { dataset, version, ciphertext } of body.mounts) {
    const registered = DATASET.read(read, dataset, version);
    if (registered && !equal(registered.ciphertext, ciphertext)) {
      return refuse('MOUNT_DIGEST_MISMATCH', dataset);
    }
  }
  const base = baseModel && MODEL.read(read, baseModel.model);
  if (base && !equal(base.digest, baseModel.digest)) return refuse('MOUNT_DIGEST_MISMATCH', baseModel.model);

  const datasets = room.mounts.filter(({ version }) => version !== undefined);
  for (const { dataset, version } of body.mounts) {
    const keyed = datasets.some((m) => m.subject === dataset && m.version === version && m.received);
    if (!keyed) return refuse('MOUNT_NOT_KEYED', dataset);
  }
  if (!equal(room.pipeline, body.pipeline)) return refuse('PIPELINE_CHANGED', 'another commitment');
  if (room.baseModel !== baseModel?.model) return refuse('PIPELINE_CHANGED', 'another base model');
  const opened = (m: (typeof datasets)[number]) =>
    body.mounts.some(({ dataset, version }) => m.subject === dataset && m.version === version);
  return datasets.length === body.mounts.length && datasets.every(opened)
    ? undefined
    : refuse('PIPELINE_CHANGED', 'not all of its datasets, each once');
}

const RUN_NOT_OPEN = 'The clean room that signs has no such run under way, or is past its deadline.';

/** The run and the room of who signs, while it trains. */
function underWay(
  ctx: Context<'room'>,
  id: string,
): { run: RunRecord; room: CleanroomRecord } | Refusal<'RUN_NOT_OPEN'> {
  const run = RUN.read(ctx.read, id);
  if (run?.cleanroom !== ctx.room) return refuse('RUN_NOT_OPEN', 'no such run of this clean room');
  const room = CLEANROOM.read(ctx.read, ctx.room)!;
  // A room that was aborted has no run under way, whatever its run says.
  if (run.state !== 'STARTED' || room.state !== 'TRAINING') return refuse('RUN_NOT_OPEN', run.state);
  return { run, room };
}

function pastDeadline(room: CleanroomRecord, time: number): Refusal<'RUN_NOT_OPEN'> | undefined {
  return roomStateAt(room, time) === 'FAILED' ? refuse('RUN_NOT_OPEN', 'past its deadline') : undefined;
}

export const log = declareKind({
  name: 'run.log',
  rule: 'What the run has spent so far, by its privacy accountant: it never decreases, and stays within the reserve.',
  signer: 'room',
  body: struct({
    run: urn('run'),
    /** 1 for the first, one more each time. */
    seq: uint({ min: 1 }),
    epoch: uint(),
    /** Since the start of the run. */
    epsilon,
    delta,
    /** Merkle root over what was fed to the model since the last run.log. */
    batchRoot: digest,
  }),
  subject: (body) => body.run,
  refusals: {
    RUN_NOT_OPEN,
    EPSILON_DECREASED: 'ε or δ is less than the run said before.',
    EPSILON_OVER_RESERVE: 'ε or δ is more than what was reserved for the run.',
  },
  shared: ['STATE_WRONG'],

  apply(ctx, body) {
    const open = underWay(ctx, body.run);
    if (isRefusal(open)) return open;
    const { run, room } = open;
    const late = pastDeadline(room, ctx.time);
    if (late) return late;
    if (body.seq !== run.logs + 1) return refuse('STATE_WRONG', `the next is number ${run.logs + 1}`);
    if (!within(run, body)) return refuse('EPSILON_DECREASED');
    if (!within(body, run.reserve)) return refuse('EPSILON_OVER_RESERVE');
    const spent = { epsilon: body.epsilon, delta: body.delta, logs: body.seq };
    return [RUN.put({ ...run, ...spent, changed: ctx.index, changedAt: ctx.time }, body.run)];
  },
});

export const complete = declareKind({
  name: 'run.complete',
  rule:
    'The run has ended well: it says what it spent, and every file that may leave the clean room. Its reserve is settled; ' +
    'what is left is free again only if the certified code’s accountant is trusted, is the one that counted, and has ' +
    'logged. TRAINING → TRAINED.',
  signer: 'room',
  body: struct({
    run: urn('run'),
    epsilon,
    delta,
    accountant: toolName,
    /** Every file, logs and metrics too. */
    outputs: list(output, { max: MAX_OUTPUTS }),
  }),
  subject: (body) => body.run,
  refusals: {
    RUN_NOT_OPEN,
    OUTPUT_NOT_PRIVATE: 'A run on personal data may give out nothing that is not differentially private.',
    SPEND_OVER_RESERVE: 'ε or δ is more than what was reserved for the run.',
    SPEND_BELOW_LOGGED: 'ε or δ is less than the run logged last.',
  },
  shared: ['FORMAT_NOT_SUPPORTED'],

  apply(ctx, body) {
    const open = underWay(ctx, body.run);
    if (isRefusal(open)) return open;
    const { run, room } = open;
    const late = pastDeadline(room, ctx.time);
    if (late) return late;
    const personal = isPersonal(ctx.read, room);
    for (const { name, format, private: isPrivate } of body.outputs) {
      const fault = formatFault(ctx.policy, format);
      if (fault) return fault;
      if (isPickle(name)) return refuse('FORMAT_NOT_SUPPORTED', name);
      if (personal && !isPrivate) return refuse('OUTPUT_NOT_PRIVATE', name);
    }
    if (!within(body, run.reserve)) return refuse('SPEND_OVER_RESERVE');
    if (!within(run, body)) return refuse('SPEND_BELOW_LOGGED');

    const stated = { epsilon: body.epsilon, delta: body.delta };
    const spent = believed(ctx, room, run, body.accountant) ? stated : run.reserve;
    const changed = { changed: ctx.index, changedAt: ctx.time };
    return [
      RUN.put({ ...run, ...spent, state: 'COMPLETED', outputs: body.outputs, ...changed }, body.run),
      CLEANROOM.put({ ...room, state: 'TRAINED', ...changed }, ctx.room),
      ...settleRoom(ctx.read, room, spent),
    ];
  },
});

/** Whether what the run says it did not spend may be given back. */
function believed(ctx: Context<'room'>, room: CleanroomRecord, run: RunRecord, accountant: string): boolean {
  const trusted = CODE.read(ctx.read, room.code)?.accountantTrusted;
  const stopped = room.blocked ?? codeFault(ctx.read, room.code, ctx.time);
  return trusted === accountant && run.logs > 0 && !stopped;
}

export const fail = declareKind({
  name: 'run.fail',
  rule: 'The run has not ended well: all that was reserved for it counts as spent, and nothing leaves. → FAILED.',
  signer: 'room',
  body: struct({ run: urn('run'), reason }),
  subject: (body) => body.run,
  refusals: { RUN_NOT_OPEN },

  apply(ctx, body) {
    const open = underWay(ctx, body.run);
    if (isRefusal(open)) return open;
    const { run, room } = open;
    const changed = { changed: ctx.index, changedAt: ctx.time };
    return [
      RUN.put({ ...run, ...run.reserve, state: 'FAILED', ...changed }, body.run),
      CLEANROOM.put({ ...room, state: 'FAILED', ...changed }, ctx.room),
      ...settleRoom(ctx.read, room),
      ...leaveContracts(ctx.read, room),
    ];
  },
});
