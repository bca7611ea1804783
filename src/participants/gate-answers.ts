/**
 * What gates have answered, each bundle with the question that it is the answer to: as one file, to be declared and sent like any
 * other, and as the files that `aichain verify bundle` takes.
 *
 *   gate_answers.json = {"v": 1, "bundles": [base64url …]}
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRequest } from '../chain/index.ts';
import { type Bytes, fromBase64url, fromUtf8, toBase64url, utf8 } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeBundle } from '../verify/index.ts';

export const ANSWERS_FILE = 'gate_answers.json';

const MAX_ANSWERS = 10_000;

export function packAnswers(bundles: readonly Bytes[]): Bytes {
  return utf8(`${JSON.stringify({ v: 1, bundles: bundles.map(toBase64url) })}\n`);
}

/** What they prove is another question: `aichain verify bundle`. @throws BUNDLE_MALFORMED */
export function unpackAnswers(file: Bytes): Bytes[] {
  const malformed = (cause?: unknown) =>
    fail('BUNDLE_MALFORMED', 'not the answers of gates', cause ? { cause } : {});
  let said: { v?: unknown; bundles?: unknown };
  try {
    said = Object(JSON.parse(fromUtf8(file)));
  } catch (cause) {
    throw malformed(cause);
  }
  const { v, bundles } = said;
  if (v !== 1 || !Array.isArray(bundles) || bundles.length > MAX_ANSWERS) throw malformed();
  return bundles.map((text: unknown) => {
    if (typeof text !== 'string') throw malformed();
    try {
      return fromBase64url(text);
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      throw malformed(cause);
    }
  });
}

/** Names of the files that an answer is kept in, beside which gate it is of. */
export interface KeptAnswer {
  readonly bundle: string;
  readonly step: string;
  readonly request: string;
}

/** @param number the first is 1. @throws BUNDLE_MALFORMED, what `readRequest` finds */
export function keepAnswer(folder: string, number: number, bundle: Bytes): KeptAnswer {
  const { step, request } = decodeBundle(bundle);
  // Names a gate, or this throws: it becomes part of a file's name.
  readRequest(step, request);
  const name = `${String(number).padStart(3, '0')}-${step}`;
  writeFileSync(join(folder, `${name}.bundle`), bundle);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(jsonOf(request), null, 2)}\n`);
  return { bundle: `${name}.bundle`, step, request: `${name}.json` };
}

/** As the command line takes a request. */
function jsonOf(value: Cbor): unknown {
  if (value instanceof Uint8Array) return { $bytes: toBase64url(value) };
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, each]) => [String(name), jsonOf(each)]));
  return value;
}
