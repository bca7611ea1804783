/** What came of a training cycle, for people: who did what, what it cost, and where the model comes from. */
import type { ScenarioOutcome } from '../participants/scenario/outcome.ts';
import { printable } from './printable.ts';

export function scenarioText({
  entries,
  budgets,
  payments,
  heldOut,
  verified,
  model,
  folder,
  bundles,
}: ScenarioOutcome): string {
  const rows = entries.map(({ index, who, kind, verdict }) => [String(index), kind, verdict, short(who)]);
  return [
    ...table(['entry', 'kind', 'verdict', 'who'], rows),
    '',
    ...table(
      ['privacy budget', 'ε spent', 'of'],
      budgets.map(({ scope, spent, allocated }) => [scope, String(spent), String(allocated)]),
    ),
    '',
    ...table(
      ['payment to', 'amount', 'state'],
      payments.map(({ payee, amount, state }) => [payee, amount, state]),
    ),
    '',
    `model     ${printable(model)}`,
    `in        ${folder}`,
    `bundles   ${bundles}: what gates answered, as index.json lists it; by its trust.json anybody verifies them offline`,
    ...heldOutText(heldOut),
    '',
    verified.trimEnd(),
  ].join('\n');
}

function heldOutText(heldOut: ScenarioOutcome['heldOut']): string[] {
  if (!heldOut) return [];
  const [right, same] = [share(heldOut.accuracy), share(heldOut.baseline)];
  return [`held out  right ${right} of the time; always the same answer: ${same}`];
}

function share(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function short(who: string): string {
  return who.replace(/^urn:depa:cleanroom:.*:/, 'clean room ');
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heads, ...rows].map((row) => row.map(printable));
  const widths = heads.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  return all.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
