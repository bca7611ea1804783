/** model.release: may this trained model be handed over, to this participant and under this key? */
import { equal } from '../../core/bytes.ts';
import { CONTRACT_FAULTS, contractFault } from '../in-force.ts';
import { recalledAmong } from '../model-ancestry.ts';
import type { StateReader } from '../record.ts';
import { CONTRACT } from '../records/contract.ts';
import { MODEL } from '../records/model.ts';
import { PAYMENT } from '../records/payment.ts';
import { RUN } from '../records/run.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { did, urn } from '../schema.ts';
import { keyFault } from '../standing.ts';
import { digest, KEY, kid } from '../state.ts';
import { stateAt } from '../stop.ts';
import { declareGate } from './gate.ts';

export const release = declareGate({
  step: 'model.release',
  question: 'Is the model released from a completed run, to this participant, for this key, and paid for?',
  members: {
    model: urn('model'),
    run: urn('run'),
    /** SHA-256 of what was encrypted to the receiver. */
    ciphertext: digest,
    to: did,
    wrapKid: kid,
  },
  reasons: {
    ...CONTRACT_FAULTS,
    MODEL_NOT_FOUND: 'There is no model with this id.',
    MODEL_NOT_RELEASED: 'The model was not released from this run.',
    MODEL_RECALLED: 'The model, or one that it descends from, was recalled.',
    MODEL_ALREADY_RECEIVED: 'The receiver has confirmed that it has the model.',
    RELEASE_TO_WRONG_PARTY: 'The model is released to another participant.',
    RELEASE_KEY_NOT_OF_PARTY: 'The model is released for another key, or the key is not good any more.',
    CIPHERTEXT_MISMATCH: 'Another ciphertext was declared.',
    RUN_NOT_COMPLETED: 'The run was not completed.',
    PAYMENT_NOT_SETTLED: 'A payment that is due before the release has not been settled.',
  },
  decide({ read, at }, { model: id, run: runId, ciphertext, to, wrapKid }) {
    const model = MODEL.read(read, id);
    if (!model) return refuse('MODEL_NOT_FOUND');
    const state = stateAt(model, at);
    const recalled = state === 'RECALLED' ? id : recalledAmong(read, model.parents);
    if (recalled !== undefined) return refuse('MODEL_RECALLED', recalled);
    if (state === 'BASE' || model.run !== runId) return refuse('MODEL_NOT_RELEASED');
    if (state !== 'RELEASED') return refuse('MODEL_ALREADY_RECEIVED');
    if (model.owner !== to) return refuse('RELEASE_TO_WRONG_PARTY');
    if (!model.wrapKid || !equal(model.wrapKid, wrapKid)) return refuse('RELEASE_KEY_NOT_OF_PARTY');
    const key = KEY.read(read, wrapKid);
    if (key?.owner !== to || key.use !== 'enc' || keyFault(read, key, at))
      return refuse('RELEASE_KEY_NOT_OF_PARTY');
    if (!model.ciphertext || !equal(model.ciphertext, ciphertext)) return refuse('CIPHERTEXT_MISMATCH');
    const run = RUN.read(read, runId);
    if (run?.state !== 'COMPLETED') return refuse('RUN_NOT_COMPLETED');
    for (const contract of model.contracts) {
      const fault = contractFault(read, contract, at) ?? paymentsFault(read, contract, run.cleanroom);
      if (fault) return fault;
    }
    return undefined;
  },
});

function paymentsFault(
  read: StateReader,
  contract: string,
  cleanroom: string,
): Refusal<'PAYMENT_NOT_SETTLED'> | undefined {
  const rows = CONTRACT.read(read, contract)?.payments ?? [];
  const open = rows.findIndex(
    ({ trigger }, row) =>
      trigger === 'model.release' && PAYMENT.read(read, contract, row, cleanroom)?.state !== 'SETTLED',
  );
  return open < 0 ? undefined : refuse('PAYMENT_NOT_SETTLED', `row ${open} of ${contract}`);
}
