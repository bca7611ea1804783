/** docs/reference/refusals.md: every reason that a verdict can give, what it means, and which kinds give it. */
import { describeReason, KINDS, type Kind } from '../../src/chain/index.ts';
import { FRAME_REASONS } from '../../src/chain/refusal.ts';
import { code, GENERATED, page, row } from './table.ts';

type Reasons = ReadonlyMap<string, readonly string[]>;

/** Reasons by name, each with the kinds that give it. */
function byReason(reasonsOf: (kind: Kind) => readonly string[]): Reasons {
  const found = new Map<string, string[]>();
  for (const kind of KINDS as readonly Kind[]) {
    for (const reason of reasonsOf(kind)) found.set(reason, [...(found.get(reason) ?? []), kind.name]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function table(reasons: Reasons): string[] {
  const lines = ['', '| reason | class | meaning | kinds |', '|---|---|---|---|'];
  for (const [reason, kinds] of reasons) {
    const { class: of, text } = describeReason(reason)!;
    lines.push(
      row(code(reason), of, text, kinds.length === KINDS.length ? 'all' : kinds.map(code).join(', ')),
    );
  }
  return lines;
}

export function refusals(): string {
  const frame: ReadonlySet<string> = new Set(FRAME_REASONS);
  const own = byReason((kind) => Object.keys(kind.refusals));
  return page([
    '# Refusals and denials',
    GENERATED,
    '',
    'Why a statement does not take effect. An honest log does not log what it refuses; in a log all the same, it changes nothing,',
    'and its verdict gives the reason. The first thing that is wrong names it: envelope, then signer, then state.',
    '',
    '## Of every kind',
    '',
    'Checked before a kind’s own rule, in this order.',
    ...table(new Map(FRAME_REASONS.map((reason) => [reason, KINDS.map(({ name }) => name)]))),
    '',
    '## Shared',
    '',
    'Reasons of the catalogue that some kinds also give.',
    ...table(
      byReason((kind) => (kind.shared ?? []).filter((reason) => !frame.has(reason) && !own.has(reason))),
    ),
    '',
    '## Of single kinds',
    ...table(own),
    '',
    '## Denials',
    '',
    'Logged with effect: the statement is good, what it asks for is denied, and that is evidence.',
    ...table(byReason((kind) => Object.keys(kind.denials ?? {}))),
  ]);
}
