/**
 * What the log has shown so far, and that all of it is one history (FORMATS §5). Every head that the client accepts
 * goes through here: above a mark it takes a consistency proof from the mark's own root, below it one to that root.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { checkExtends, sameHead } from '../verify/index.ts';
import type { MarkedHead, MarkFile, Marks } from './mark-file.ts';
import type { MisbehaviourFolder } from './misbehaviour-folder.ts';
import { type Call, classOf } from './transport.ts';

/** Asks for the consistency path between two sizes. */
export type Prove = (from: number, to: number, call: Call) => Promise<readonly Bytes[]>;

/** Heads below the mark that are known to be of its history; each saves a question. */
const KNOWN_HEADS = 1024;

export class HighWater {
  readonly #crypto: Crypto;
  readonly #prove: Prove;
  readonly #file: MarkFile | undefined;
  readonly #evidence: MisbehaviourFolder | undefined;
  readonly #known = new Map<number, MarkedHead>();
  #marks: Marks;
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws CONFIG_INVALID, ORIGIN_MISMATCH as {@link MarkFile.read} */
  static async open(
    crypto: Crypto,
    prove: Prove,
    file?: MarkFile,
    evidence?: MisbehaviourFolder,
  ): Promise<HighWater> {
    return new HighWater({ crypto, prove, file, evidence }, (await file?.read()) ?? {});
  }

  private constructor(
    {
      crypto,
      prove,
      file,
      evidence,
    }: {
      crypto: Crypto;
      prove: Prove;
      file: MarkFile | undefined;
      evidence: MisbehaviourFolder | undefined;
    },
    marks: Marks,
  ) {
    this.#crypto = crypto;
    this.#prove = prove;
    this.#file = file;
    this.#evidence = evidence;
    this.#marks = marks;
    if (marks.witnessed) this.#remember(marks.witnessed);
  }

  get marks(): Marks {
    return this.#marks;
  }

  /**
   * Accepts a head whose signature has been verified. The marks are on disk when this resolves.
   * @param witnessed whether it meets the quorum of the policy
   * @throws FORK it is of another history, or the log's own proof shows that it is not of this one
   * @throws STALE it is below the mark, or above, and the log has no proof that connects the two
   */
  accept(head: MarkedHead, witnessed: boolean, call: Call): Promise<void> {
    // One at a time: two heads that were linked to the same mark need not be consistent with each other.
    const accepted = this.#queue.then(async () => {
      await this.#link(head, call);
      await this.#raise(head, witnessed);
    });
    this.#queue = accepted.catch(() => undefined);
    return accepted;
  }

  async #link(head: MarkedHead, call: Call): Promise<void> {
    const { logged } = this.#marks;
    if (!logged) return;
    const known = head.size === logged.size ? logged : this.#known.get(head.size);
    if (known) {
      if (equal(known.root, head.root)) return;
      const kept = await this.#keep(known, head, [], call);
      throw fail('FORK', `the log has shown two trees of ${head.size}${kept}`);
    }
    const [older, newer] = head.size < logged.size ? [head, logged] : [logged, head];
    const path = older.size === 0 ? [] : await this.#path(older.size, newer.size, call);
    try {
      checkExtends(this.#crypto, older, newer, path);
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      const kept = await this.#keep(older, newer, path, call);
      const detail = `the log cannot show that its tree of ${newer.size} extends that of ${older.size}${kept}`;
      throw fail('FORK', detail, { cause });
    }
    this.#remember(older);
  }

  /** For whoever is told: where the evidence is. That it cannot be kept must not hide the fork. */
  async #keep(older: MarkedHead, newer: MarkedHead, path: readonly Bytes[], call: Call): Promise<string> {
    try {
      const file = await this.#evidence?.keep(older, newer, path, call);
      return file === undefined ? '' : `; the evidence is in ${file}`;
    } catch (error) {
      return `; the evidence could not be kept: ${(error as Error).message}`;
    }
  }

  async #path(from: number, to: number, call: Call): Promise<readonly Bytes[]> {
    try {
      return await this.#prove(from, to, call);
    } catch (cause) {
      if (!isLedgerError(cause) || !hasNoProof(cause)) throw cause;
      // A server that lags behind another one says so too. Refused either way, but this alone convicts nobody.
      throw fail('STALE', `the log has no proof that connects its trees of ${from} and ${to}`, { cause });
    }
  }

  async #raise(head: MarkedHead, witnessed: boolean): Promise<void> {
    const before = this.#marks;
    const logged = higher(before.logged, head);
    const marks = {
      logged,
      ...(witnessed ? { witnessed: higher(before.witnessed, head) } : pickWitnessed(before)),
    };
    if (before.logged && sameHead(logged, before.logged) && marks.witnessed === before.witnessed) return;
    // On disk first: what the caller does next rests on this head, and a restart must not forget it.
    await this.#file?.write(marks);
    this.#marks = marks;
    if (marks.witnessed) this.#remember(marks.witnessed);
  }

  #remember(head: MarkedHead): void {
    this.#known.delete(head.size);
    this.#known.set(head.size, head);
    if (this.#known.size > KNOWN_HEADS) this.#known.delete(this.#known.keys().next().value!);
  }
}

function pickWitnessed({ witnessed }: Marks): Pick<Marks, 'witnessed'> {
  return witnessed ? { witnessed } : {};
}

function higher(mark: MarkedHead | undefined, head: MarkedHead): MarkedHead {
  return mark && mark.size >= head.size ? mark : head;
}

function hasNoProof({ code }: LedgerError): boolean {
  return ['missing', 'usage', 'refused'].includes(classOf(code));
}
