/**
 * A published head on its way through the witnesses: its cosignatures, and whether they are enough. It holds on to the
 * state that belongs to the head, so that answers can be given at it when the log has moved on (FORMATS §3, §5).
 */
import type { StateEntry } from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  CLOCK_TOLERANCE,
  type Cosignature,
  evaluateQuorum,
  formatNote,
  freshness,
  type Note,
  type NoteSignature,
  parseNote,
  type TrustPolicy,
  type VerifierKey,
  verifyCosignature,
} from '../note/index.ts';
import type { StateMap } from '../statemap/index.ts';
import type { PublishedHead } from './publisher.ts';

/** A head with the state that belongs to it. */
export interface Snapshot {
  readonly head: PublishedHead;
  readonly state: StateMap;
  readonly tip: StateEntry;
}

/** Lines of one answer that are looked at: a witness has one key, and may have an older one. */
const MOST_LINES = 4;

export class CosignedHead {
  readonly snapshot: Snapshot;
  readonly #crypto: Crypto;
  readonly #policy: TrustPolicy;
  readonly #note: Note;
  readonly #byName = new Map<string, { cosignature: Cosignature; line: NoteSignature }>();
  #text: string;

  constructor(crypto: Crypto, policy: TrustPolicy, snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.#crypto = crypto;
    this.#policy = policy;
    this.#text = snapshot.head.checkpoint;
    this.#note = parseNote(this.#text);
  }

  get size(): number {
    return this.snapshot.head.size;
  }

  /** Under the log's signature alone: what is sent to witnesses. */
  get signed(): string {
    return this.snapshot.head.checkpoint;
  }

  /** The signed note with all cosignatures so far. */
  get note(): string {
    return this.#text;
  }

  get head(): PublishedHead {
    return { ...this.snapshot.head, checkpoint: this.#text };
  }

  get #cosignatures(): Cosignature[] {
    return [...this.#byName.values()].map(({ cosignature }) => cosignature);
  }

  /** Whether the cosignatures meet the policy's quorum. */
  get met(): boolean {
    return evaluateQuorum(this.#policy, this.#cosignatures);
  }

  /** The time by which a quorum has seen this head, Unix seconds. @param now Unix milliseconds */
  freshness(now: number): number | undefined {
    return freshness(this.#policy, this.#cosignatures, now / 1000);
  }

  /**
   * Takes a witness's answer; lines by other keys are passed over. Of two cosignatures the newer one is kept.
   * @param name in the policy; @param now Unix milliseconds
   * @returns the timestamp of the answer
   * @throws NOTE_UNSIGNED no line by its key; SIGNATURE_INVALID one fails; RESPONSE_MALFORMED from the future: verifiers
   * would ignore it
   */
  add(name: string, key: VerifierKey, answer: readonly NoteSignature[], now: number): number {
    const own = answer
      .filter((line) => line.name === key.name && equal(line.id, key.id))
      .slice(0, MOST_LINES);
    if (own.length === 0) throw fail('NOTE_UNSIGNED', 'the answer has no cosignature by the witness’s key');
    let newest: { cosignature: Cosignature; line: NoteSignature } | undefined;
    for (const line of own) {
      const timestamp = verifyCosignature(this.#crypto, key, this.#note.text, line.signature);
      if (!newest || timestamp > newest.cosignature.timestamp)
        newest = { cosignature: { key, timestamp }, line };
    }
    const { timestamp } = newest!.cosignature;
    if (timestamp > now / 1000 + CLOCK_TOLERANCE) {
      throw fail('RESPONSE_MALFORMED', 'the cosignature is from the future: one of two clocks is wrong');
    }
    if (timestamp >= (this.#byName.get(name)?.cosignature.timestamp ?? 0)) {
      this.#byName.set(name, newest!);
      const lines = [...this.#byName.values()].map(({ line }) => line);
      this.#text = formatNote({ text: this.#note.text, signatures: [...this.#note.signatures, ...lines] });
    }
    return timestamp;
  }
}

/** What a witness is asked for: proofs between two sizes of the tree. */
export type Prove = (from: number, to: number) => Promise<Bytes[]>;
