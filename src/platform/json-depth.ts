/**
 * How deep JSON may be nested that a request brings. The parser follows any depth, and needs a hundred times as long for two
 * million brackets as for as much text: a few such requests would keep everybody else waiting.
 */
import type { FastifyInstance } from 'fastify';
import { fail } from '../core/errors.ts';

/** No request of ours is as deep. */
const DEEPEST = 64;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];
/** `[` and `{` differ by this bit alone, and so do `]` and `}`. */
const [OPENS, CLOSES, BRACE] = [0x7b, 0x7d, 0x20];

/** Before the routes. Names that would change what objects inherit are refused as well. */
export function boundJsonDepth(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (isTooDeep(String(body))) done(fail('REQUEST_MALFORMED', `JSON nested deeper than ${DEEPEST}`));
    else void parse(request, String(body), done);
  });
}

/** Brackets in strings do not count. Of what is no JSON it says anything: that fails anyway. */
export function isTooDeep(json: string): boolean {
  let [depth, quoted] = [0, false];
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (quoted) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if ((code | BRACE) === OPENS) {
      depth++;
      if (depth > DEEPEST) return true;
    } else if ((code | BRACE) === CLOSES) depth--;
  }
  return false;
}
