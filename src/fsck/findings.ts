/** What an audit finds: where exactly, what should be there, what is. All of it is counted, some of it is kept. */
import type { CoreCode } from '../core/codes.ts';

/** What was checked, the gravest first: the worst that is found gives the audit its reason code. */
export const CHECKS = {
  checkpoint: ['FORK', 'what the log has signed, or somebody has seen, against the tree'],
  signature: ['SIGNATURE_INVALID', 'signatures of statements, of checkpoints and of receipts'],
  storage: ['STORAGE_FAILED', 'files that hold the rows: what is lost is in a backup or a mirror'],
  tree: ['TILE_INVALID', 'leaves, tiles of every level, and the root over them'],
  body: ['BODY_MISSING', 'statements behind the leaves'],
  state: ['STATE_INVALID', 'state entries against a replay of the log'],
  entry: ['STATE_WRONG', 'entries that the rules of the log refuse'],
  derived: ['ROWS_INVALID', 'rows that follow from the entries: leaf index, verdicts, records, marks'],
} as const satisfies Readonly<Record<string, readonly [CoreCode, string]>>;
export type Check = keyof typeof CHECKS;

export interface Finding {
  readonly check: Check;
  /** What is wrong: `leaf 17`, `tile 1/0`, `leaf index, part 2`. */
  readonly at: string;
  readonly expected: string;
  readonly found: string;
}

/** Findings of one check that are kept; the rest is counted. */
const KEPT = 100;

export class Findings {
  readonly #kept = new Map<Check, Finding[]>();
  readonly #counts = new Map<Check, number>();

  add(check: Check, at: string, expected: string, found: string): void {
    this.include([{ check, at, expected, found }]);
  }

  include(findings: Iterable<Finding>): void {
    for (const finding of findings) {
      this.count(finding.check, 1);
      const kept = this.#kept.get(finding.check) ?? [];
      if (kept.length < KEPT) this.#kept.set(finding.check, [...kept, finding]);
    }
  }

  /** More of the same that nobody needs to read. */
  count(check: Check, more: number): void {
    if (more > 0) this.#counts.set(check, (this.#counts.get(check) ?? 0) + more);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  get counts(): Partial<Record<Check, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The first ones of each check, the gravest check first. */
  get list(): readonly Finding[] {
    return this.#order().flatMap((check) => this.#kept.get(check) ?? []);
  }

  /** Reason code of the worst; undefined: nothing is wrong. */
  get code(): CoreCode | undefined {
    const [worst] = this.#order();
    return worst && CHECKS[worst][0];
  }

  #order(): Check[] {
    return (Object.keys(CHECKS) as Check[]).filter((check) => this.#counts.has(check));
  }
}
