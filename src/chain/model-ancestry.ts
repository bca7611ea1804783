/**
 * What a model descends from. A recall writes only the model that is recalled; that its descendants are tainted is
 * derived here, by who reads.
 */
import type { StateReader } from './record.ts';
import { MAX_MODEL_PARENTS, MODEL, type ModelRecord } from './records/model.ts';

/** Models that a new one may descend from: what bounds every walk. A released model has one more, its base model. */
export const MAX_ANCESTORS = 64;
const MOST = MAX_ANCESTORS + MAX_MODEL_PARENTS;

/** The models themselves, and all that they descend from, each once, the nearest first. */
export function ancestry(read: StateReader, ids: readonly string[]): ReadonlyMap<string, ModelRecord> {
  const found = new Map<string, ModelRecord>();
  const waiting = [...ids];
  for (let i = 0; i < waiting.length && found.size < MOST; i++) {
    const id = waiting[i]!;
    const model = found.has(id) ? undefined : MODEL.read(read, id);
    if (!model) continue;
    found.set(id, model);
    waiting.push(...model.parents);
  }
  return found;
}

/** The first of the models, and of what they descend from, that has been recalled. */
export function recalledAmong(read: StateReader, ids: readonly string[]): string | undefined {
  for (const [id, { state }] of ancestry(read, ids)) if (state === 'RECALLED') return id;
  return undefined;
}

/** Whether somebody may train on the model, or derive from it: its own, while it has and uses it, or one open to all. */
export function mayBuildOn(model: ModelRecord | undefined, did: string): boolean {
  if (model?.owner !== did) return model?.state === 'BASE' && !model.kms;
  return model.state === 'BASE' || model.state === 'RECEIVED' || model.state === 'DEPLOYED';
}
