/** What is asked of a gate, as people write it: the step, and the request as JSON, in a file or in the command itself. */
import { GATES, gateNamed, readRequest } from '../chain/index.ts';
import { fromUtf8 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Question } from '../verify/index.ts';
import type { Context } from './context.ts';
import { readInput } from './files.ts';
import { parseJson } from './json-body.ts';

export const STEPS = GATES.map(({ step }) => step);
export const REQUEST_HELP =
  'what is asked: a JSON file, or the JSON itself; {"$bytes": "<base64url>"} is a byte string';

/** @throws ARGUMENT_INVALID no such step; what is wrong with the request */
export async function questionOf({ terminal }: Context, step: string, request: string): Promise<Question> {
  if (!gateNamed(step)) throw fail('ARGUMENT_INVALID', `${step} is none of ${STEPS.join(', ')}`);
  const inline = request.trimStart().startsWith('{');
  const text = inline ? request : fromUtf8((await readInput(terminal, request)).bytes);
  return { step, request: readRequest(step, parseJson(text)) };
}
