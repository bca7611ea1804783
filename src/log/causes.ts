/** An error with what led to it, in one line: an operator has to see which of "disk full" and "no permission" it was. */

/** Causes go a few levels deep; one that is its own would never end. */
const DEEPEST = 5;

export function withCauses(error: unknown): string {
  const said: string[] = [];
  let at: unknown = error;
  for (let depth = 0; at !== undefined && depth < DEEPEST; depth++) {
    said.push(at instanceof Error ? at.message : String(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return said.join(': ');
}
