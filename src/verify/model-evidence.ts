/**
 * Where a model comes from, as a file: the records that say so, and the entries that made them, all under one checkpoint.
 * Deterministic CBOR with the members of a proof bundle (FORMATS §6), and the model in the place of a question. Decoding
 * reads the form strictly and verifies nothing: see model-verify.ts.
 */
import { isUrn } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { isMap } from '../cose/index.ts';
import { type ClaimedEvidence, entryItems, entryOf, MAX_BUNDLE } from './bundle.ts';
import { factItems, factsOf, listOf, tipItem, tipOf } from './claimed-state.ts';
import type { ClaimedFact, ClaimedTip } from './facts.ts';

export interface ModelEvidence {
  /** URN. */
  readonly model: string;
  /** Signed note. */
  readonly checkpoint: string;
  readonly tip: ClaimedTip;
  readonly facts: readonly ClaimedFact[];
  readonly entries: readonly ClaimedEvidence[];
}

const VERSION = 1;
const MEMBERS = ['v', 'model', 'checkpoint', 'tip', 'facts', 'entries'];
/** Entries of one model: far above four contracts with all their signatories and datasets. */
export const MAX_MODEL_ENTRIES = 1024;

export function encodeModelEvidence({ model, checkpoint, tip, facts, entries }: ModelEvidence): Bytes {
  return encode({
    ...{ v: VERSION, model, checkpoint, tip: tipItem(tip) },
    ...{ facts: factItems(facts), entries: entryItems(entries) },
  });
}

/** @throws BUNDLE_MALFORMED whatever is wrong with the form */
export function decodeModelEvidence(bytes: Bytes): ModelEvidence {
  if (bytes.length > MAX_BUNDLE) throw malformed(`longer than ${MAX_BUNDLE} bytes`);
  try {
    return evidenceOf(decode(bytes));
  } catch (cause) {
    if (!isLedgerError(cause) || cause.code === 'BUNDLE_MALFORMED') throw cause;
    throw fail('BUNDLE_MALFORMED', cause.message, { cause });
  }
}

function evidenceOf(item: Cbor): ModelEvidence {
  if (!isMap(item) || item.get('v') !== VERSION) throw malformed('not the evidence of a model of version 1');
  if (item.size !== MEMBERS.length || MEMBERS.some((name) => !item.has(name))) {
    throw malformed('a member is missing, or is not known');
  }
  const [model, checkpoint] = [item.get('model'), item.get('checkpoint')];
  if (typeof model !== 'string' || !model.startsWith('urn:depa:model:') || !isUrn(model)) {
    throw malformed('model is not the URN of a model');
  }
  if (typeof checkpoint !== 'string') throw malformed('checkpoint is not text');
  return {
    ...{
      model,
      checkpoint,
      tip: tipOf(item.get('tip'), malformed),
      facts: factsOf(item.get('facts'), malformed),
    },
    entries: listOf(item.get('entries'), 'entries', MAX_MODEL_ENTRIES, malformed).map(entryOf),
  };
}

function malformed(message: string) {
  return fail('BUNDLE_MALFORMED', message);
}
