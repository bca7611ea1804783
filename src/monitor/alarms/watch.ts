/** The watch rules at work: each accepted entry is judged by what was accepted before it, and then remembered. */
import type { Bytes } from '../../core/bytes.ts';
import type { ReplayedEntry, ReplayedRun } from '../../replay/index.ts';
import type { Breach, Watcher } from '../watcher.ts';
import { Chronicle } from './chronicle.ts';
import type { WatchRule } from './rule.ts';
import { WATCH_RULES } from './rules/index.ts';
import type { Seen, WatchedKind } from './seen.ts';

export class RuleWatch implements Watcher {
  readonly #chronicle = new Chronicle();
  readonly #rules: ReadonlyMap<string, readonly WatchRule[]>;

  constructor(rules: readonly WatchRule[] = WATCH_RULES) {
    this.#rules = byKind(rules);
  }

  restore(rows: AsyncIterable<readonly [key: Bytes, value: Bytes]>): Promise<void> {
    return this.#chronicle.restore(rows);
  }

  observe({ entries, tip }: Pick<ReplayedRun, 'entries' | 'tip'>): readonly Breach[] {
    return entries.flatMap((entry) => {
      const seen = seenOf(entry, tip.time);
      if (!seen) return [];
      const breaches = this.#judge(seen);
      this.#chronicle.learn(seen);
      return breaches;
    });
  }

  #judge(entry: Seen): Breach[] {
    return (this.#rules.get(entry.kind) ?? []).flatMap(({ code, severity, breach }) => {
      const detail = breach(entry, this.#chronicle);
      return detail === undefined
        ? []
        : [{ code, severity, index: entry.index, detail: `${entry.kind}: ${detail}` }];
    });
  }

  changes(): ReturnType<Watcher['changes']> {
    return this.#chronicle.changes();
  }
}

function byKind(rules: readonly WatchRule[]): ReadonlyMap<string, readonly WatchRule[]> {
  const map = new Map<string, WatchRule[]>();
  for (const rule of rules) {
    for (const kind of rule.kinds) map.set(kind, [...(map.get(kind) ?? []), rule]);
  }
  return map;
}

/** Undefined: a foreign statement, one without effect, or of a kind that nobody watches. */
function seenOf({ index, statement, verdict }: ReplayedEntry, time: number): Seen | undefined {
  if (verdict.outcome !== 'ok' || !statement?.chain) return undefined;
  const { issuer, chain, body } = statement;
  // Which members a body has, the schema of its kind has said.
  return { index, time, kind: chain.kind as WatchedKind, issuer, denied: verdict.reason, body } as Seen;
}
