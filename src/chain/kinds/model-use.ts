/** model.*: what becomes of a model. RELEASED → RECEIVED → DEPLOYED → RETIRED; any → RECALLED. */
import { equal } from '../../core/bytes.ts';
import { type Context, declareKind } from '../kind.ts';
import { ancestry, recalledAmong } from '../model-ancestry.ts';
import { CONTRACT } from '../records/contract.ts';
import { word } from '../records/dataset.ts';
import { MODEL, type ModelRecord } from '../records/model.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { START_FAULTS } from '../run-standing.ts';
import { optional, struct, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { reason } from '../stop.ts';

const { MODEL_RECALLED } = START_FAULTS;
const MODEL_NOT_RELEASED = 'There is no such model, or it was not released to who signs.';

function owned(ctx: Context<'active'>, id: string): ModelRecord | Refusal<'MODEL_NOT_RELEASED'> {
  const model = MODEL.read(ctx.read, id);
  return model?.owner === ctx.signer.did ? model : refuse('MODEL_NOT_RELEASED', id);
}

function change(ctx: Context<'active'>, model: ModelRecord, state: ModelRecord['state'], id: string) {
  return MODEL.put({ ...model, state, changed: ctx.index, changedAt: ctx.time }, id);
}

export const receive = declareKind({
  name: 'model.receive',
  rule: 'The TDC has what was released to it, and has opened it. RELEASED → RECEIVED.',
  signer: 'active',
  roles: ['TDC'],
  body: struct({
    model: urn('model'),
    /** SHA-256 of what arrived. */
    ciphertext: digest,
  }),
  subject: (body) => body.model,
  refusals: { MODEL_NOT_RELEASED, MODEL_RECALLED },
  shared: ['STATE_WRONG'],

  apply(ctx, body) {
    const model = owned(ctx, body.model);
    if (isRefusal(model)) return model;
    if (!model.ciphertext || !equal(model.ciphertext, body.ciphertext)) {
      return refuse('MODEL_NOT_RELEASED', 'not what was released');
    }
    if (model.state === 'RECALLED') return refuse('MODEL_RECALLED', body.model);
    if (model.state !== 'RELEASED') return refuse('STATE_WRONG', model.state);
    return [change(ctx, model, 'RECEIVED', body.model)];
  },
});

export const deploy = declareKind({
  name: 'model.deploy',
  rule:
    'A TDC puts a model to use, for the one purpose of every contract that it or what it descends from was trained ' +
    'under. BASE | RECEIVED → DEPLOYED.',
  signer: 'active',
  roles: ['TDC'],
  body: struct({
    model: urn('model'),
    purpose: word,
    /** Salted commitment to where and how. */
    deployment: optional(digest),
  }),
  subject: (body) => body.model,
  refusals: {
    MODEL_NOT_RELEASED,
    PURPOSE_NOT_PERMITTED: 'The policy, a dataset or a contract does not allow this purpose.',
    MODEL_RECALLED,
  },
  shared: ['STATE_WRONG'],

  apply(ctx, { model: id, purpose }) {
    const model = owned(ctx, id);
    if (isRefusal(model)) return model;
    const { purposes } = ctx.policy;
    if (purposes && !purposes.includes(purpose)) return refuse('PURPOSE_NOT_PERMITTED', 'by the policy');
    for (const { contracts } of ancestry(ctx.read, [id]).values()) {
      const other = contracts.find((contract) => CONTRACT.read(ctx.read, contract)?.purpose !== purpose);
      if (other !== undefined) return refuse('PURPOSE_NOT_PERMITTED', other);
    }
    const recalled = recalledAmong(ctx.read, [id]);
    if (recalled !== undefined) return refuse('MODEL_RECALLED', recalled);
    if (model.state !== 'BASE' && model.state !== 'RECEIVED') return refuse('STATE_WRONG', model.state);
    return [change(ctx, model, 'DEPLOYED', id)];
  },
});

export const retire = declareKind({
  name: 'model.retire',
  rule: 'A TDC uses a model no longer. BASE | RECEIVED | DEPLOYED → RETIRED.',
  signer: 'active',
  roles: ['TDC'],
  body: struct({ model: urn('model'), reason: optional(reason) }),
  subject: (body) => body.model,
  refusals: { MODEL_NOT_RELEASED, MODEL_RECALLED },
  shared: ['STATE_WRONG'],

  apply(ctx, body) {
    const model = owned(ctx, body.model);
    if (isRefusal(model)) return model;
    if (model.state === 'RECALLED') return refuse('MODEL_RECALLED', body.model);
    if (model.state === 'RELEASED' || model.state === 'RETIRED') return refuse('STATE_WRONG', model.state);
    return [change(ctx, model, 'RETIRED', body.model)];
  },
});

export const recall = declareKind({
  name: 'model.recall',
  rule:
    'The TDC that has a model, or the SRO, calls it back for good, at once: any → RECALLED. What descends from it is ' +
    'tainted; nothing else is written.',
  signer: 'active',
  roles: ['TDC', 'SRO'],
  body: struct({ model: urn('model'), reason }),
  subject: (body) => body.model,
  refusals: { MODEL_NOT_RELEASED, MODEL_RECALLED },
  shared: ['ROLE_NOT_HELD'],

  apply(ctx, { model: id }) {
    const model = MODEL.read(ctx.read, id);
    if (!model) return refuse('MODEL_NOT_RELEASED', id);
    if (model.owner !== ctx.signer.did && !ctx.signer.roles.includes('SRO')) {
      return refuse('ROLE_NOT_HELD', 'the model of another');
    }
    if (model.state === 'RECALLED') return refuse('MODEL_RECALLED', id);
    const lastStop = { entry: ctx.index, at: ctx.time, before: model.state };
    return [change(ctx, { ...model, lastStop }, 'RECALLED', id)];
  },
});
