/** What happened in a run, from the log: who did what, at which entry, with which verdict; what privacy and money it took. */
import { BUDGET, CONTRACT, lineageOf, parseStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Crypto } from '../../core/crypto.ts';

export interface AccountLine {
  readonly index: number;
  readonly who: string;
  readonly kind: string;
  readonly verdict: string;
}

export interface BudgetLine {
  readonly scope: string;
  /** ε. */
  readonly spent: number;
  readonly allocated: number;
}

export interface Account {
  readonly entries: readonly AccountLine[];
  readonly budgets: readonly BudgetLine[];
  readonly payments: readonly { readonly payee: string; readonly amount: string; readonly state: string }[];
}

/** What a payment is after the last entry about it. */
const STATES: Readonly<Record<string, string>> = {
  ...{ hold: 'held', settle: 'settled', refund: 'refunded', fail: 'failed' },
};

/** Every entry of the log, each proven. @param from first index */
export async function accountOf(
  crypto: Crypto,
  client: LedgerClient,
  { contract, scopes }: { contract: string; scopes: readonly { provider: string; scope: string }[] },
): Promise<Account> {
  const entries: AccountLine[] = [];
  const settled = new Map<number, string>();
  for await (const { index, statement } of client.entries()) {
    if (!statement) continue;
    const parsed = parseStatement(crypto, statement);
    const { outcome, reason } = await client.effect(index);
    const kind = parsed.chain?.kind ?? 'foreign';
    const who = lineageOf(parsed)?.issuer ?? parsed.issuer;
    entries.push({ index, who, kind, verdict: reason ?? outcome });
    const paid = /^payment\.(hold|settle|refund|fail)$/.exec(kind);
    if (paid && outcome === 'ok') settled.set((parsed.body as { row: number }).row, STATES[paid[1]!]!);
  }
  const keys = scopes.map(({ provider, scope }) => BUDGET.key(provider, scope));
  const { values } = await client.facts([CONTRACT.key(contract), ...keys]);
  const terms = values[0] ? CONTRACT.decode(values[0]).payments : [];
  const budgets = scopes.flatMap(({ provider, scope }, i) => {
    const value = values[i + 1];
    if (!value) return [];
    const { spent, allocated } = BUDGET.decode(value);
    return [
      { scope: `${provider} ${scope}`, spent: spent.epsilon / 1e6, allocated: allocated.epsilon / 1e6 },
    ];
  });
  const payments = terms.map(({ payee, amount, currency }, row) => ({
    ...{ payee, amount: `${(amount / 100).toFixed(2)} ${currency}`, state: settled.get(row) ?? 'none' },
  }));
  return { entries, budgets, payments };
}
