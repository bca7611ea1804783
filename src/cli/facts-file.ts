/**
 * Facts in a file: what `aichain prove facts` writes and `aichain verify` reads. Deterministic CBOR; the members are
 * those of a proof bundle (FORMATS §6) that facts need:
 * `{ "v": 1, "checkpoint": tstr, "tip": [index, state-entry, path], "facts": [* [key, value / nil, proof]] }`.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { isMap } from '../cose/index.ts';
import { MAX_PATH } from '../merkle/index.ts';
import type { ClaimedFact, ClaimedTip } from '../verify/index.ts';

export interface FactsFile {
  /** A signed note. */
  readonly checkpoint: string;
  readonly tip: ClaimedTip;
  readonly facts: readonly ClaimedFact[];
}

const VERSION = 1;
const MAX_FACTS = 4096;

export function encodeFacts({ checkpoint, tip, facts }: FactsFile): Bytes {
  return encode({
    v: VERSION,
    checkpoint,
    tip: [tip.index, tip.stateEntry, tip.path],
    // A fact holds its proof as data, as FORMATS §3 has it, not as bytes.
    facts: facts.map(({ key, value, proof }) => [key, value, decode(proof)]),
  });
}

/** Nothing in it is verified. @throws PROOF_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC */
export function decodeFacts(bytes: Bytes): FactsFile {
  const file = decode(bytes);
  if (!isMap(file) || file.size !== 4 || file.get('v') !== VERSION) throw malformed('not a facts file');
  const checkpoint = file.get('checkpoint');
  if (typeof checkpoint !== 'string') throw malformed('no checkpoint');
  const facts = arrayOf(file.get('facts'), 'facts', MAX_FACTS).map((fact) => factOf(fact));
  return { checkpoint, tip: tipOf(file.get('tip')), facts };
}

function tipOf(value: Cbor | undefined): ClaimedTip {
  const [index, stateEntry, path] = arrayOf(value, 'tip', 3);
  if (typeof index !== 'number' || index < 0) throw malformed('the tip’s index is not an index');
  return {
    index,
    stateEntry: bytesOf(stateEntry, 'state entry'),
    path: arrayOf(path, 'path', MAX_PATH).map((hash) => bytesOf(hash, 'hash')),
  };
}

function factOf(value: Cbor): ClaimedFact {
  const [key, record, proof] = arrayOf(value, 'fact', 3);
  if (record === undefined || proof === undefined) throw malformed('a fact has three members');
  return {
    key: bytesOf(key, 'key'),
    value: record === null ? null : bytesOf(record, 'value'),
    proof: encode(proof),
  };
}

function arrayOf(value: Cbor | undefined, name: string, max: number): readonly Cbor[] {
  if (!Array.isArray(value) || value.length > max) throw malformed(`${name} is not a list of at most ${max}`);
  return value as readonly Cbor[];
}

function bytesOf(value: Cbor | undefined, name: string): Bytes {
  if (!(value instanceof Uint8Array)) throw malformed(`${name} is not bytes`);
  return value;
}

function malformed(message: string) {
  return fail('PROOF_MALFORMED', message);
}
