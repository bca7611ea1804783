/** What came of a cycle, as the log tells it, and how good the model is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Account, accountOf } from './account.ts';
import type { Cycle } from './cycle.ts';

export interface ScenarioOutcome extends Account {
  /** URN of the model, and the folder that it was received in. */
  readonly model: string;
  readonly folder: string;
  /** On rows that it was not trained on: how often the model is right, and how often who always says the same would be. */
  readonly heldOut: { readonly accuracy: number; readonly baseline: number } | undefined;
  /** Folder: what gates answered, evidence of the model, and the trust file to verify them by. */
  readonly bundles: string;
  /** What `aichain model verify` said of it, from the bundle alone. */
  readonly verified: string;
}

export async function outcomeOf({ site, client, terms, found }: Cycle): Promise<ScenarioOutcome> {
  const scopes = terms.bodies
    .filter(({ kind }) => kind === 'dataset.register')
    .flatMap(({ body }) => {
      const { provider, scope } = body as { provider: string; scope?: string };
      return scope === undefined ? [] : [{ provider, scope }];
    });
  const contract = terms.body('contract.propose').id;
  const account = await accountOf(site.crypto, client, { contract, scopes });
  const folder = site.path('model');
  return {
    ...account,
    ...{ model: found.model!, folder, heldOut: heldOutIn(folder), bundles: site.path('bundles') },
    verified: found.verified!,
  };
}

/** From the metrics that left with the model, which are noisy: the run spent privacy on them, too. */
function heldOutIn(folder: string) {
  const found = readdirSync(folder).find((name) => name.includes('metrics'));
  if (found === undefined) return undefined;
  const { heldOut } = JSON.parse(readFileSync(join(folder, found), 'utf8')) as {
    heldOut?: { accuracy: number; confusion: readonly (readonly number[])[] };
  };
  if (!heldOut) return undefined;
  const actual = heldOut.confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const all = actual.reduce((sum, count) => sum + count, 0);
  return { accuracy: heldOut.accuracy, baseline: Math.max(...actual) / all };
}
