/**
 * The operator of a log who lies: has the log's real keys, signs any tree that suits it, and serves it over real HTTP and
 * gRPC. It asks the cosigners of the log's users, as it has to, and gets from them what it gets.
 */
import type { Bytes } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { parseNote } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { RemoteWitness } from '../../src/witness/index.ts';
import type { Member } from '../chain/world.ts';
import { type Served, serve } from '../client/served.ts';
import { consistencyPath } from '../cose/tree.ts';
import { SmallLog } from '../verify/small-log.ts';

/** What a cosigner said: 'cosigned', or the code and words of its refusal. */
export type Answers = Readonly<Record<string, string>>;

const ANSWER = 10_000;

export class LyingOperator {
  /** The honest log, until the operator does something about it. */
  readonly log: SmallLog;
  readonly member: Member;
  readonly served: Served;
  readonly #cosigners = new Map<string, RemoteWitness>();
  /** What each cosigner has cosigned last, as it told the operator. */
  readonly #recorded = new Map<string, number>();

  static async begin(): Promise<LyingOperator> {
    const { log, member } = SmallLog.begin(crypto, undefined, Date.now() - 5000);
    // Each commit is made at the time of this machine's clock, unless the operator has reasons to say another.
    log.pace = 0;
    return new LyingOperator(log, member, await serve(log));
  }

  private constructor(log: SmallLog, member: Member, served: Served) {
    this.log = log;
    this.member = member;
    this.served = served;
  }

  get http(): string {
    return `http://127.0.0.1:${this.served.ports.http}`;
  }

  /** Commits at the present time. Gives the index of the first statement. */
  commit(view: SmallLog, ...statements: Bytes[]): number {
    view.world.time = Math.max(view.world.time, Date.now());
    return view.commit(...statements);
  }

  /** `count` more entries, each in a tree of its own. */
  grow(view: SmallLog, count: number, what: string): void {
    for (let i = 0; i < count; i++) this.commit(view, view.statement(this.member, `${what} ${i}`));
  }

  /** From now on everybody who asks is shown this. */
  show(view: SmallLog): void {
    this.served.ledger = view;
  }

  /** Its cosigners, by the names of the policy. */
  askFrom(name: string, url: string): void {
    this.#cosigners.set(name, new RemoteWitness(url));
  }

  /**
   * Has the newest head of the view cosigned by whoever will. It knows the protocol: it begins where each cosigner says it
   * is, if the view has a proof from there at all.
   */
  async publish(view: SmallLog = this.served.ledger as SmallLog): Promise<Answers> {
    const { size, checkpoint } = view.headAt();
    const { text } = parseNote(checkpoint);
    const data = view.leaves.map(({ leafData }) => leafData);
    const answers = await Promise.all(
      [...this.#cosigners].map(async ([name, cosigner]): Promise<[string, string]> => {
        const signal = AbortSignal.timeout(ANSWER);
        const ask = (old: number) => {
          const proof = old > 0 && old < size ? consistencyPath(old, data) : [];
          return cosigner.addCheckpoint({ old, proof, checkpoint }, signal);
        };
        try {
          let answer = await ask(this.#recorded.get(name) ?? 0);
          if (answer.type === 'conflict') answer = await ask(answer.size);
          if (answer.type === 'conflict') return [name, `conflict at ${answer.size}`];
          this.#recorded.set(name, size);
          view.gathered.set(text, [...(view.gathered.get(text) ?? []), ...answer.signatures]);
          return [name, 'cosigned'];
        } catch (error) {
          if (!isLedgerError(error)) throw error;
          return [name, `${error.code} ${error.message}`];
        }
      }),
    );
    return Object.fromEntries(answers);
  }

  async close(): Promise<void> {
    await this.served.close();
    await Promise.all([...this.#cosigners.values()].map((cosigner) => cosigner.close()));
  }
}
