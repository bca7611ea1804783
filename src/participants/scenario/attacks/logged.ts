/** What everybody can read in the log. */
import { parseStatement, type Ref } from '../../../chain/index.ts';
import type { Cycle } from '../cycle.ts';

interface Logged {
  // biome-ignore lint/suspicious/noExplicitAny: a body that the log has read strictly.
  readonly body: any;
  /** For a later statement that comes after it. */
  readonly ref: Ref;
}

/** Of one kind, in the order of the log. */
export async function logged({ client, site }: Cycle, kind: string): Promise<Logged[]> {
  const found: Logged[] = [];
  for await (const { index, statement } of client.entries()) {
    const parsed = statement && parseStatement(site.crypto, statement);
    if (parsed?.chain?.kind !== kind) continue;
    found.push({ body: parsed.body, ref: { rel: 'after', index, entry: parsed.entryId } });
  }
  return found;
}
