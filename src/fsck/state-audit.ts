/** The replay of an audit: run after run judged again, every state entry compared, and what it finds on the way. */
import { encodeVerdict, type StateEntry, type Verdict, type Write } from '../chain/index.ts';
import { type Bytes, equal, toBase64url, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { encodeVerdicts } from '../log/layout.ts';
import { type SigningKey, signingKeyOf } from '../log/signing-keys.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import { LaneTree } from '../merkle/lane-tree.ts';
import { replayedEffects } from '../replay/effects.ts';
import { compareStateEntries, type Fault, readStateEntry } from '../replay/fault.ts';
import { StateMap } from '../statemap/index.ts';
import type { BundleAudit } from './audit-bundle.ts';
import { EntryTable } from './entry-table.ts';
import { type Examined, MARK } from './examine.ts';
import type { Findings } from './findings.ts';
import { type Judged, judgeRun } from './run-judge.ts';

export interface StateAuditOptions {
  readonly crypto: Crypto;
  readonly origin: string;
  /** Id of the rules by which this software judges. */
  readonly rules: Bytes;
  /** Entry id of entry 0, where it is known who the log should be. */
  readonly genesis?: Bytes;
  readonly size: number;
  readonly findings: Findings;
  /** Told of keys that statements will be signed with. */
  readonly learn: (keys: readonly SigningKey[]) => void;
  /** Told of every run that is closed, with the encoded verdicts where not all are plain "ok". */
  readonly closed: (stateIndex: number, verdicts: Bytes | undefined) => Promise<void>;
}

export class StateAudit {
  readonly entries: EntryTable;
  readonly #options: StateAuditOptions;
  readonly #tree: LaneTree;
  #state = StateMap.empty;
  #tip: StateEntry | undefined;
  #run: Judged[] = [];
  /** Members that went wrong at an earlier state entry, and have been wrong ever since: told once. */
  #lasting = new Set<string>();
  #stopped = false;

  constructor(options: StateAuditOptions) {
    this.#options = options;
    this.#tree = new LaneTree(options.crypto);
    this.entries = new EntryTable(options.size);
  }

  /** The state after the last run; undefined where the replay could not go to the end. */
  get state(): StateMap | undefined {
    return this.#stopped ? undefined : this.#state;
  }

  /** Bundles in their order. */
  async add({ n, width, examined }: BundleAudit): Promise<void> {
    const { marks, ids, signer, signers, bodies, ends } = examined as Examined;
    const first = n * TILE_WIDTH;
    for (let i = 0; i < width; i++) {
      if (marks[i]! > MARK.STATE_ENTRY) this.entries.add(first + i, ids, i * 32);
    }
    for (let i = 0; i < width; i++) {
      const index = first + i;
      const mark = marks[i]!;
      if (this.#stopped) {
        if (mark === MARK.SIGNATURE_WRONG) this.#signatureWrong(index);
        continue;
      }
      const bytes = bodies.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]!);
      if (mark === MARK.NONE) this.#stop(`leaf ${index}`, 'a leaf, to go on replaying from', 'nothing');
      else if (mark === MARK.STATE_ENTRY) await this.#close(index, bytes);
      else if (mark === MARK.FOREIGN) this.#run.push({ index, signer: signers[signer[i]!]!, verified: true });
      else {
        const [verified, signatureWrong] = [mark === MARK.VERIFIED, mark === MARK.SIGNATURE_WRONG];
        this.#run.push({ index, bytes, verified, signatureWrong });
      }
    }
  }

  /** After the last bundle. */
  finish(): void {
    if (this.#stopped || this.#run.length === 0) return;
    const { index } = this.#run.at(-1)!;
    this.#stop(`leaf ${index}`, 'a state entry: every signed tree ends in one', 'a statement');
  }

  #stop(at: string, expected: string, found: string): void {
    this.#stopped = true;
    this.#options.findings.add('state', at, expected, found);
  }

  async #close(index: number, data: Bytes): Promise<void> {
    const { crypto, rules } = this.#options;
    const run = this.#run;
    this.#run = [];
    const found = readStateEntry(data);
    const unreadable = 'member' in found;
    if (!unreadable && !equal(found.rules, rules)) {
      const expected = `${toHex(rules)}, the rules of this software: it can judge no others`;
      this.#stop(`state entry ${index}, rules`, expected, toHex(found.rules));
      return;
    }
    const time = unreadable ? (this.#tip?.time ?? 0) : found.time;
    const first = this.#tip === undefined ? this.#genesisFault() : [];
    const { verdicts, details, writes } = judgeRun(
      { crypto, origin: this.#options.origin, entries: this.entries },
      run,
      this.#state,
      time,
    );
    this.#report(run, verdicts, details);
    this.#learn(writes);
    if (writes.length > 0) this.#state = this.#state.update(crypto, writes);
    const expected: StateEntry = {
      ...{ index, time: this.#tip?.time ?? 0, mapRoot: this.#state.root, mapCount: this.#state.count, rules },
      previous: this.#tip?.index ?? null,
      effectsRoot: replayedEffects(crypto, this.#tree, verdicts, unreadable ? undefined : found.effectsRoot),
    };
    const faults = unreadable ? [found] : compareStateEntries(expected, found);
    this.#compare(index, [...first, ...faults]);
    // Whatever it says: the next one comes after this one.
    this.#tip = { ...expected, time: Math.max(expected.time, time) };
    const plain = verdicts.every(({ outcome, reason }) => outcome === 'ok' && reason === null);
    await this.#options.closed(index, plain ? undefined : encodeVerdicts(verdicts.map(encodeVerdict)));
  }

  #genesisFault(): Fault[] {
    const { genesis } = this.#options;
    const id = this.entries.id(0);
    if (!genesis || equal(id, genesis)) return [];
    return [{ member: 'genesis', expected: toBase64url(genesis), found: toBase64url(id) }];
  }

  /** A root that has gone wrong stays wrong in every later entry: the first one is where to look. */
  #compare(index: number, faults: readonly Fault[]): void {
    const { findings } = this.#options;
    const wrong = new Set<string>();
    for (const { member, expected, found } of faults) {
      const lasts = member === 'mapRoot' || member === 'mapCount';
      if (lasts) wrong.add(member);
      if (lasts && this.#lasting.has(member)) findings.count('state', 1);
      else findings.add('state', `state entry ${index}, ${member}`, expected, found);
    }
    this.#lasting = wrong;
  }

  #report(run: readonly Judged[], verdicts: readonly Verdict[], details: ReadonlyMap<number, string>): void {
    const { findings } = this.#options;
    verdicts.forEach(({ index, outcome, reason }, i) => {
      if (outcome === 'refused' && reason !== 'SIGNATURE_INVALID') {
        const detail = details.get(index);
        const found = detail === undefined ? String(reason) : `${reason}: ${detail}`;
        findings.add('entry', `entry ${index}`, 'an entry that the rules accept', found);
      }
      // Whatever else the rules may have refused it for.
      if (run[i]!.signatureWrong || reason === 'SIGNATURE_INVALID') {
        this.#signatureWrong(index);
      }
    });
  }

  #signatureWrong(index: number): void {
    const expected = 'a signature under the key of its kid';
    this.#options.findings.add('signature', `entry ${index}`, expected, 'one that does not verify');
  }

  #learn(writes: readonly Write[]): void {
    const keys = writes.flatMap(([key, value]) => {
      const found = value && signingKeyOf(key, value);
      return found ? [found] : [];
    });
    if (keys.length > 0) this.#options.learn(keys);
  }
}
