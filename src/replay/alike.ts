/**
 * Foreign statements that verify, judged by their like: while the state stands, the law asks of one who signed it, and when
 * as far as that is still to come, and whether it is a copy; of nothing else.
 */
import type { Statement, Transition } from '../chain/index.ts';
import { equal, toHex } from '../core/bytes.ts';

/** Who signed a foreign statement, and when, if it says so. */
type ForeignSigner = Pick<Statement, 'issuer' | 'kid' | 'algorithmId' | 'issuedAt'>;

type Verdict = Transition['verdict'];

interface Like {
  readonly signer: ForeignSigner;
  readonly issued: number | undefined;
  readonly verdict: Verdict;
}

export class AlikeVerdicts {
  readonly #time: number;
  readonly #verdicts = new Map<string, Like>();
  /** Many in a row are of one signer: to compare two of them takes less than a name. */
  #last: Like | undefined;

  /** @param time of the state entry that closes the run */
  constructor(time: number) {
    this.#time = time;
  }

  /** What the entry at `index` gets, if one like it has been judged. */
  get(signer: ForeignSigner, index: number): Verdict | undefined {
    const issued = this.#issued(signer);
    if (!this.#last || !alike(this.#last, signer, issued))
      this.#last = this.#verdicts.get(nameOf(signer, issued));
    return this.#last && { index, outcome: this.#last.verdict.outcome, reason: this.#last.verdict.reason };
  }

  add(signer: ForeignSigner, verdict: Verdict): void {
    const issued = this.#issued(signer);
    this.#verdicts.set(nameOf(signer, issued), { signer, issued, verdict });
  }

  /** The state has changed. */
  clear(): void {
    this.#verdicts.clear();
    this.#last = undefined;
  }

  /** Seconds, if they are still to come: of two times that are past, no rule can tell one from the other. */
  #issued({ issuedAt }: ForeignSigner): number | undefined {
    return issuedAt === undefined || issuedAt * 1000 <= this.#time ? undefined : issuedAt;
  }
}

function alike({ signer, issued }: Like, other: ForeignSigner, otherIssued: number | undefined): boolean {
  return (
    issued === otherIssued &&
    signer.algorithmId === other.algorithmId &&
    signer.issuer === other.issuer &&
    equal(signer.kid, other.kid)
  );
}

function nameOf({ issuer, kid, algorithmId }: ForeignSigner, issued: number | undefined): string {
  return `${toHex(kid)} ${algorithmId} ${issued} ${issuer}`;
}
