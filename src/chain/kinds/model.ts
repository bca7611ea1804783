/** model.*: how a model comes into being. Registered: → BASE; released by a clean room: → RELEASED; derived: → RECEIVED. */

import { equal } from '../../core/bytes.ts';
import { extended } from '../../core/extended.ts';
import { formatFault } from '../format.ts';
import { isOwnUrn } from '../identifier.ts';
import { CONTRACT_FAULTS } from '../in-force.ts';
import { type Context, declareKind } from '../kind.ts';
import { ancestry, MAX_ANCESTORS, mayBuildOn, recalledAmong } from '../model-ancestry.ts';
import { CLEANROOM } from '../records/cleanroom.ts';
import { CONTRACT } from '../records/contract.ts';
import { DATA_KEY, dataKeyId, word } from '../records/dataset.ts';
import { MAX_MODEL_PARENTS, MODEL, type ModelRecord } from '../records/model.ts';
import { MAX_OUTPUTS, RUN } from '../records/run.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { confinedFault, leaveFault, START_FAULTS, unsettledFault } from '../run-standing.ts';
import { did, type Infer, list, optional, struct, urn } from '../schema.ts';
import { delegationFault, keyFault } from '../standing.ts';
import { digest, KEY, kid } from '../state.ts';

const { CLEANROOM_BLOCKED, MODEL_RECALLED } = START_FAULTS;
const PARENT_NOT_RELEASED =
  'A parent is not a model that who signs has and still uses, nor a base model that is open to all.';

const made = {
  id: urn('model'),
  /** Of the model’s file, or of the manifest of its files. */
  digest,
  format: word,
} as const;

/** Checks that every model that somebody states about itself goes through. */
function statedFault(
  ctx: Context<'active'>,
  { id, format, parents }: Infer<typeof registerBody>,
):
  | Refusal<
      | 'ID_MALFORMED'
      | 'ID_TAKEN'
      | 'FORMAT_NOT_SUPPORTED'
      | 'MODEL_RECALLED'
      | 'PARENT_NOT_RELEASED'
      | 'STATE_WRONG'
    >
  | undefined {
  if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'not an id of this log');
  if (MODEL.read(ctx.read, id)) return refuse('ID_TAKEN', id);
  const fault = formatFault(ctx.policy, format);
  if (fault) return fault;
  const recalled = recalledAmong(ctx.read, parents);
  if (recalled !== undefined) return refuse('MODEL_RECALLED', recalled);
  for (const parent of parents) {
    if (!mayBuildOn(MODEL.read(ctx.read, parent), ctx.signer.did))
      return refuse('PARENT_NOT_RELEASED', parent);
  }
  return ancestry(ctx.read, parents).size > MAX_ANCESTORS
    ? refuse('STATE_WRONG', `more than ${MAX_ANCESTORS} ancestors`)
    : undefined;
}

const registerBody = struct({
  ...made,
  parents: list(urn('model'), { max: MAX_MODEL_PARENTS, unique: true }),
  /** Where its weights are secret: who has their key. */
  kms: optional(struct({ did, dataKeyId })),
});

export const register = declareKind({
  name: 'model.register',
  rule: 'A TDC registers a model that clean rooms may start from: → BASE.',
  signer: 'active',
  roles: ['TDC'],
  body: registerBody,
  subject: (body) => body.id,
  refusals: {
    MODEL_RECALLED,
    PARENT_NOT_RELEASED,
    KMS_NOT_DELEGATED: 'The KMS may not release keys on behalf of the owner.',
    DATA_ALREADY_REGISTERED: 'The ciphertext or the data key is that of something else that is registered.',
  },
  shared: ['ID_MALFORMED', 'ID_TAKEN', 'FORMAT_NOT_SUPPORTED', 'STATE_WRONG'],

  apply(ctx, body) {
    const fault = statedFault(ctx, body);
    if (fault) return fault;
    const { id, digest, format, parents, kms } = body;
    const owner = ctx.signer.did;
    // Who keeps its keys itself has nobody to delegate to.
    const lent = kms?.did !== owner && kms;
    if (lent && delegationFault(ctx.read, owner, lent.did, 'kms', ctx.time, id)) {
      return refuse('KMS_NOT_DELEGATED', lent.did);
    }
    // Else the key of a dataset could be had without a charge, under the name of a base model.
    if (kms && DATA_KEY.read(ctx.read, kms.did, kms.dataKeyId)) return refuse('DATA_ALREADY_REGISTERED');
    const model: ModelRecord = {
      ...{ owner, digest, format, parents, contracts: [], ...(kms && { kms }) },
      ...{ state: 'BASE', entry: ctx.index, changed: ctx.index, changedAt: ctx.time },
    };
    return [MODEL.put(model, id), ...(kms ? [DATA_KEY.put({ dataset: id }, kms.did, kms.dataKeyId)] : [])];
  },
});

export const derive = declareKind({
  name: 'model.derive',
  rule: 'A TDC has made a model from ones that it has, outside any clean room: → RECEIVED.',
  signer: 'active',
  roles: ['TDC'],
  body: struct({
    ...made,
    parents: list(urn('model'), { min: 1, max: MAX_MODEL_PARENTS, unique: true }),
  }),
  subject: (body) => body.id,
  refusals: { MODEL_RECALLED, PARENT_NOT_RELEASED },
  shared: ['ID_MALFORMED', 'ID_TAKEN', 'FORMAT_NOT_SUPPORTED', 'STATE_WRONG'],

  apply(ctx, body) {
    const fault = statedFault(ctx, body);
    if (fault) return fault;
    const { id, digest, format, parents } = body;
    const model: ModelRecord = {
      ...{ owner: ctx.signer.did, digest, format, parents, contracts: [] },
      ...{ state: 'RECEIVED', entry: ctx.index, changed: ctx.index, changedAt: ctx.time },
    };
    return [MODEL.put(model, id)];
  },
});

export const release = declareKind({
  name: 'model.release',
  rule:
    'A clean room gives out the model of its completed run, once, encrypted to the TDC of its contracts: they stand, ' +
    'what is due for it is paid, and nothing leaves that the run did not declare. TRAINED → RELEASED.',
  signer: 'room',
  body: struct({
    id: urn('model'),
    run: urn('run'),
    /** Of the model’s file: one of the run’s outputs. */
    digest,
    /** The other outputs that leave with it. */
    files: list(digest, { max: MAX_OUTPUTS }),
    /** SHA-256 of all of it, encrypted. */
    ciphertext: digest,
    to: did,
    /** The key of `to` that it is encrypted to. */
    wrapKid: kid,
  }),
  subject: (body) => body.id,
  refusals: {
    RUN_NOT_COMPLETED: 'The clean room that signs has no such run, or it has not completed.',
    ...CONTRACT_FAULTS,
    CLEANROOM_BLOCKED,
    MODEL_RECALLED,
    RELEASE_TO_WRONG_PARTY: 'A model goes to the TDC of its contracts, and to nobody else.',
    RELEASE_KEY_NOT_OF_PARTY: 'The wrapping key is not an encryption key of the TDC that is good now.',
    OUTPUT_NOT_DECLARED: 'A file leaves that the run did not declare.',
    PAYMENT_NOT_SETTLED: 'A payment that is due at the release has not been settled.',
    MODEL_CONFINED: 'What was trained on a dataset of sensitivity 2 does not leave its clean room.',
  },
  shared: ['ID_MALFORMED', 'ID_TAKEN', 'STATE_WRONG'],

  apply(ctx, body) {
    const { read } = ctx;
    if (!isOwnUrn(body.id, ctx.origin)) return refuse('ID_MALFORMED', 'not an id of this log');
    if (MODEL.read(read, body.id)) return refuse('ID_TAKEN', body.id);
    const run = RUN.read(read, body.run);
    if (run?.cleanroom !== ctx.room || run.state !== 'COMPLETED') return refuse('RUN_NOT_COMPLETED');
    const room = CLEANROOM.read(read, ctx.room)!;
    const fault = leaveFault(read, room, ctx.time);
    if (fault) return fault;
    if (room.contracts.some((id) => CONTRACT.read(read, id)!.tdc !== body.to)) {
      return refuse('RELEASE_TO_WRONG_PARTY');
    }
    const key = KEY.read(read, body.wrapKid);
    if (key?.owner !== body.to || key.use !== 'enc' || keyFault(read, key, ctx.time)) {
      return refuse('RELEASE_KEY_NOT_OF_PARTY');
    }
    const declared = (file: Uint8Array) => run.outputs.find((output) => equal(output.digest, file));
    const output = declared(body.digest);
    if (!output || !body.files.every(declared)) return refuse('OUTPUT_NOT_DECLARED');
    const withheld = unsettledFault(read, ctx.room, room) ?? confinedFault(read, room);
    if (withheld) return withheld;

    const changed = { changed: ctx.index, changedAt: ctx.time };
    const { digest, ciphertext, wrapKid } = body;
    const model: ModelRecord = {
      owner: body.to,
      digest,
      format: output.format,
      run: body.run,
      contracts: room.contracts,
      parents: room.baseModel === undefined ? [] : [room.baseModel],
      ciphertext,
      wrapKid,
      state: 'RELEASED',
      entry: ctx.index,
      ...changed,
    };
    return [
      MODEL.put(model, body.id),
      RUN.put(extended(run, { model: body.id, ...changed }), body.run),
      CLEANROOM.put({ ...room, state: 'RELEASED', ...changed }, ctx.room),
    ];
  },
});
