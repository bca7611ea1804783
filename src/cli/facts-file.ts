/**
 * Facts in a file: what `aichain prove facts` writes and `aichain verify` reads. Deterministic CBOR; the members are
 * those of a proof bundle (FORMATS §6) that facts need:
 * `{ "v": 1, "checkpoint": tstr, "tip": [index, state-entry, path], "facts": [* [key, value / nil, proof]] }`.
 */
import type { Bytes } from '../core/bytes.ts';
import { decode, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { isMap } from '../cose/index.ts';
import { factItems, factsOf, tipItem, tipOf } from '../verify/claimed-state.ts';
import type { ClaimedFact, ClaimedTip } from '../verify/index.ts';

export interface FactsFile {
  /** A signed note. */
  readonly checkpoint: string;
  readonly tip: ClaimedTip;
  readonly facts: readonly ClaimedFact[];
}

const VERSION = 1;

export function encodeFacts({ checkpoint, tip, facts }: FactsFile): Bytes {
  return encode({
    v: VERSION,
    checkpoint,
    tip: tipItem(tip),
    facts: factItems(facts),
  });
}

/** Nothing in it is verified. @throws PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC */
export function decodeFacts(bytes: Bytes): FactsFile {
  const file = decode(bytes);
  if (!isMap(file) || file.size !== 4 || file.get('v') !== VERSION) throw malformed('not a facts file');
  const checkpoint = file.get('checkpoint');
  if (typeof checkpoint !== 'string') throw malformed('no checkpoint');
  return { checkpoint, tip: tipOf(file.get('tip'), malformed), facts: factsOf(file.get('facts'), malformed) };
}

function malformed(message: string) {
  return fail('PROOF_MALFORMED', message);
}
