/**
 * A witness, C2SP tlog-witness: cosigns a checkpoint only if it extends the one that it cosigned last of that log.
 * What an honest witness has signed is one history, whatever the log shows to others.
 *
 * The order of steps is the safety argument: the record is replaced by compare-and-swap and is durable before the
 * cosignature leaves. A crash between the two loses an answer, never a promise.
 */
import { type Bytes, equal, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { verifyConsistency } from '../merkle/index.ts';
import {
  type Checkpoint,
  CLOCK_TOLERANCE,
  type Cosigner,
  formatNote,
  type Note,
  type NoteSignature,
  openNote,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  type VerifierKey,
  type WitnessAnswer,
} from '../note/index.ts';
import type { LogList } from './log-list.ts';
import type { CosignedRecord, CosignedRecords } from './records.ts';

export interface WitnessOptions {
  readonly crypto: Crypto;
  readonly cosigner: Cosigner;
  readonly logs: LogList;
  readonly records: CosignedRecords;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  /**
   * What more is asked of a head than that it extends the one before, such as that somebody has replayed it.
   * @throws whatever: it is not cosigned, and nothing is recorded
   */
  readonly approve?: (checkpoint: Checkpoint, note: string) => Promise<void>;
  /** Told of a head that the log has signed, and that was not shown to extend the one before. */
  readonly contradicted?: (note: string) => Promise<void>;
}

/** Somebody else's request succeeds for every one that fails by a conflict. */
const MOST_CONFLICTS = 64;

export class Witness {
  readonly #options: WitnessOptions;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  get verifierKey(): VerifierKey {
    return this.#options.cosigner.verifierKey;
  }

  /**
   * `add-checkpoint`. Durable when it resolves with cosignatures.
   * @throws REQUEST_MALFORMED, NOTE_MALFORMED, CHECKPOINT_MALFORMED; ARGUMENT_INVALID the old size is above the new one
   * @throws NOT_FOUND an origin that is not listed
   * @throws NOTE_UNSIGNED no key of the log has signed; SIGNATURE_INVALID one has, badly
   * @throws CONSISTENCY_INVALID, PROOF_MALFORMED it is not shown to extend what was cosigned before
   * @throws what `approve` throws
   */
  async addCheckpoint(body: Bytes): Promise<WitnessAnswer> {
    const { crypto, logs, records } = this.#options;
    const { old, proof, checkpoint: arrived } = parseAddCheckpoint(body);
    const note = parseNote(arrived);
    const read = readCheckpoint(note.text);
    const keys = logs.get(read.origin);
    if (!keys) throw fail('NOT_FOUND', 'this witness does not know the log');
    const { verified } = openNote(crypto, note, keys);
    const checkpoint = read.checkpoint();
    if (old > checkpoint.size) {
      throw fail('ARGUMENT_INVALID', `the old size ${old} is above the size ${checkpoint.size}`);
    }
    const hash = crypto.sha256(utf8(read.origin));
    let approved = this.#options.approve === undefined;
    for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
      const before = await records.get(hash);
      const recorded = before?.checkpoint.size ?? 0;
      if (old !== recorded) return { type: 'conflict', size: recorded };
      try {
        checkExtends(crypto, before?.checkpoint, checkpoint, proof);
      } catch (error) {
        await this.#options.contradicted?.(arrived);
        throw error;
      }
      if (!approved) {
        await this.#options.approve!(checkpoint, arrived);
        approved = true;
        continue; // it may have taken a while: what is recorded is looked at again
      }
      const timestamp = this.#timestamp(before);
      const signature = this.#options.cosigner.cosign(note.text, timestamp);
      const outcome = { type: 'cosigned', signatures: [signature] } as const;
      // Within a second the signature is the same, byte for byte: anybody may ask again, but not make us write.
      if (before && before.timestamp === timestamp && checkpoint.size === recorded) return outcome;
      try {
        // Persisted before the answer, and only if nobody has been faster: a size never goes back.
        await records.replace(hash, before, recordOf(note, verified, signature));
        return outcome;
      } catch (error) {
        if (!isLedgerError(error, 'STORAGE_CONFLICT')) throw error;
      }
    }
    throw fail('UNAVAILABLE', 'too many requests for this log at once', { retryAfter: 1 });
  }

  /** The last cosigned checkpoint, a signed note. @param hash SHA-256 of the origin. @throws NOT_FOUND */
  async lastCosigned(hash: Bytes): Promise<Bytes> {
    const record = await this.#options.records.get(hash);
    if (!record) throw fail('NOT_FOUND', 'nothing was cosigned for this origin');
    return record.row;
  }

  /**
   * A clock that was set back a little must not make a newer tree look older; one that was far ahead once must not keep
   * the witness in the future for ever.
   */
  #timestamp(before: CosignedRecord | undefined): number {
    const now = Math.floor((this.#options.now ?? Date.now)() / 1000);
    const last = before?.timestamp ?? 0;
    return last > now && last - now <= CLOCK_TOLERANCE ? last : now;
  }
}

/** The origin first, since the answer to an unknown log, or to a stranger's signature, comes before that to its claims. */
function readCheckpoint(text: string): { origin: string; checkpoint: () => Checkpoint } {
  try {
    const checkpoint = parseCheckpoint(text);
    return { origin: checkpoint.origin, checkpoint: () => checkpoint };
  } catch (error) {
    // Well formed and untrue: the wrong root of an empty tree.
    if (!isLedgerError(error, 'CONSISTENCY_INVALID')) throw error;
    const refuse = () => {
      throw error;
    };
    return { origin: text.slice(0, text.indexOf('\n')), checkpoint: refuse };
  }
}

/** @throws CONSISTENCY_INVALID, PROOF_MALFORMED */
function checkExtends(
  crypto: Crypto,
  before: Checkpoint | undefined,
  { size, root }: Checkpoint,
  proof: readonly Bytes[],
): void {
  if (!before || before.size === 0) {
    // Every tree extends the empty one: a proof of it would say nothing.
    if (proof.length > 0) throw fail('CONSISTENCY_INVALID', 'a proof from the empty tree is empty');
    return;
  }
  if (size === before.size && !equal(root, before.root)) {
    throw fail('CONSISTENCY_INVALID', `another tree of ${size} was cosigned before`);
  }
  verifyConsistency(crypto, { size1: before.size, size2: size, root1: before.root, root2: root, proof });
}

/** What is kept and shown to monitors: the log's own verified signatures, and ours. */
function recordOf(note: Note, verified: readonly VerifierKey[], own: NoteSignature): string {
  const byLog = note.signatures.filter((signature) =>
    verified.some((key) => key.name === signature.name && equal(key.id, signature.id)),
  );
  const once = [
    ...new Map(byLog.map((signature) => [`${signature.name} ${signature.id.join('.')}`, signature])).values(),
  ];
  return formatNote({ text: note.text, signatures: [...once, own] });
}
