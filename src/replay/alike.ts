/**
 * Foreign statements that verify, judged by their like: while the state stands, the law asks of one who signed it, and when
 * as far as that is still to come, and whether it is a copy; of nothing else.
 */
import type { Statement, Transition } from '../chain/index.ts';
import { toHex } from '../core/bytes.ts';

/** Who signed a foreign statement, and when, if it says so. */
type ForeignSigner = Pick<Statement, 'issuer' | 'kid' | 'algorithmId' | 'issuedAt'>;

export class AlikeVerdicts {
  readonly #time: number;
  readonly #verdicts = new Map<string, Transition['verdict']>();

  /** @param time of the state entry that closes the run */
  constructor(time: number) {
    this.#time = time;
  }

  /** Equal names get equal verdicts: of two times of issue that are past, no rule can tell one from the other. */
  nameOf({ issuer, kid, algorithmId, issuedAt }: ForeignSigner): string {
    const issued = issuedAt === undefined || issuedAt * 1000 <= this.#time ? 'past' : issuedAt;
    return `${toHex(kid)} ${algorithmId} ${issued} ${issuer}`;
  }

  get(name: string, index: number): Transition['verdict'] | undefined {
    const like = this.#verdicts.get(name);
    return like && { ...like, index };
  }

  add(name: string, verdict: Transition['verdict']): void {
    this.#verdicts.set(name, verdict);
  }

  /** The state has changed. */
  clear(): void {
    this.#verdicts.clear();
  }
}
