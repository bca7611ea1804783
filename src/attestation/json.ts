/** JSON as it is taken from strangers: whole numbers that are exact, and no more of anything than genuine evidence has. */
import { type Bytes, fromUtf8 } from '../core/bytes.ts';
import { type JsonMapOf, type JsonOf, type JsonRules, readJsonText } from '../core/json.ts';
import { deny } from './codes.ts';

export type Json = JsonOf<number>;
export type JsonMap = JsonMapOf<number>;

const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})$/;

const RULES: JsonRules<number> = {
  maxDepth: 8,
  maxMembers: 256,
  // Some write every slash of base64 as an escape.
  maxEscapes: 8192,
  number(text) {
    const value = INTEGER.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw deny('JSON_NUMBER_INEXACT', text.slice(0, 40));
    return value;
  },
  fault: (message, at) => deny('JSON_MALFORMED', `character ${at}: ${message}`),
};

/** @throws JSON_MALFORMED, JSON_NUMBER_INEXACT */
export function readJson(bytes: Bytes): Json {
  let text: string;
  try {
    text = fromUtf8(bytes);
  } catch (cause) {
    throw deny('JSON_MALFORMED', 'not UTF-8', cause);
  }
  return readJsonText(text, RULES);
}

/** @throws also JSON_MALFORMED when it is no object */
export function readJsonMap(bytes: Bytes): JsonMap {
  const value = readJson(bytes);
  if (!(value instanceof Map)) throw deny('JSON_MALFORMED', 'not an object');
  return value as JsonMap;
}
