/**
 * `POST /v1/releases`: hands a data key to a clean room, or says why not. Two phases: the release is logged, on a nonce drawn
 * here, and the ledger decides; then its decision is verified at a fresh head, by the same rules, and only a verified allowance
 * for this nonce and the attested key to wrap to opens the vault. What is not handed over is cancelled, so that it costs nobody
 * any privacy budget.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describeReason, isUrn, type RequestOf } from '../../chain/index.ts';
import { hasExpired } from '../../chain/release-fault.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../../core/errors.ts';
import { wrapKey } from '../key-wrap.ts';
import { attestedKey } from './attested-key.ts';
import type { KeyImport } from './import-request.ts';
import type { KeyVault } from './key-vault.ts';
import type { JournalEntry, ReleaseJournal } from './release-journal.ts';
import { checkPolicy, checkUndecided, type ReleaseRequest, releaseRequest } from './release-request.ts';
import { ReleaseStatements } from './release-statements.ts';

export interface ReleaseDeskOptions {
  readonly crypto: Crypto;
  /** Its trust file asks for witnesses and for a replayer: gates answer to no other. */
  readonly client: LedgerClient;
  readonly vault: KeyVault;
  readonly journal: ReleaseJournal;
  readonly kms: { readonly did: string; readonly key: PrivateKey };
  /** Told what came of each release, once. */
  readonly observe?: (outcome: ReleaseOutcome) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds that the other keys of a pipeline are waited for. */
  readonly patience: number;
}

export interface ReleaseOutcome {
  readonly release: string;
  readonly cleanroom: string | null;
  readonly dataKeyId: string | null;
  /** Null: the key was handed over. */
  readonly code: string | null;
  readonly detail: string | null;
}

/** Milliseconds. */
const PAUSE = 250;
/** For the room’s own request to come into a head that is witnessed. */
const REQUEST_PATIENCE = 5000;

export class ReleaseDesk {
  readonly #options: ReleaseDeskOptions;
  readonly #statements: ReleaseStatements;
  readonly #underWay = new Map<string, Promise<Bytes>>();
  #settling: Promise<void> | undefined;

  constructor(options: ReleaseDeskOptions) {
    this.#options = options;
    this.#statements = new ReleaseStatements(options);
  }

  /**
   * The wrapped key. Asked again: the same answer, as long as the room may have it.
   * @throws the ledger’s denial and the gate’s, by their reasons; DATA_KEY_NOT_HELD, KEY_POLICY_NOT_MET, RELEASE_NOT_FOUND,
   * RELEASE_MISMATCH; what the ledger could not prove (STALE, FORK, QUORUM_NOT_MET …); UNAVAILABLE
   */
  release(id: string): Promise<Bytes> {
    if (!isUrn(id, 'release')) throw fail('ID_MALFORMED', 'not the URN of a release');
    return this.#alone(id, () => this.#answer(id));
  }

  /** One at a time for each release: what is being handed over is not cancelled beside it. Who comes meanwhile shares it. */
  #alone(id: string, work: () => Promise<Bytes>): Promise<Bytes> {
    const before = this.#underWay.get(id);
    if (before) return before;
    const answer = work().finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, answer);
    return answer;
  }

  /**
   * Cancels what was under way when the process ended, or could not be cancelled since. Safe at any time.
   * @returns how many could not be settled: the ledger has to be asked again
   */
  async settle(): Promise<number> {
    this.#settling ??= this.#settleAll().finally(() => {
      this.#settling = undefined;
    });
    await this.#settling;
    return this.#abandoned().length;
  }

  async #settleAll(): Promise<void> {
    for (const { release } of this.#abandoned()) {
      if (this.#underWay.has(release)) continue;
      const settled = this.#alone(release, () => this.#interrupted(release));
      await settled.catch((error: unknown) => {
        if (!isLedgerError(error)) throw error;
      });
    }
  }

  /** Left behind by a process that ended, or that could not tell the ledger: nobody has the key, and the nonce is gone. */
  async #interrupted(release: string): Promise<never> {
    const { journal } = this.#options;
    const entry = journal.find(release);
    if (entry?.state === 'asked') {
      const refusal = entry.refusal ?? { code: 'RELEASE_CANCELLED', detail: 'the service was restarted' };
      await this.#cancel({ ...entry, refusal });
    }
    const after = journal.find(release)?.refusal;
    throw after ? final(after) : fail('UNAVAILABLE', 'it was interrupted before it was decided: ask again');
  }

  #abandoned(): JournalEntry[] {
    return this.#options.journal.asked().filter(({ release }) => !this.#underWay.has(release));
  }

  async #answer(id: string): Promise<Bytes> {
    const { journal } = this.#options;
    const before = journal.find(id);
    if (before?.state === 'answered') return this.#again(before);
    if (before?.state === 'refused') throw final(before.refusal!);
    return before ? this.#interrupted(id) : this.#first(id);
  }

  /** What was handed over before, unless the room may not have it any more. */
  async #again({ release, wrapped }: JournalEntry): Promise<Bytes> {
    const { client, kms, now } = this.#options;
    const request = await releaseRequest(client, kms.did, release);
    const { record } = request;
    // One moment for both questions: at the very end of a grant they would contradict each other.
    const at = now();
    if (record.state === 'RECEIVED' || (record.state === 'GRANTED' && !hasExpired(record, at)))
      return wrapped!;
    checkUndecided(request, at);
    throw fail('INTERNAL', 'the ledger has forgotten a release');
  }

  async #first(id: string): Promise<Bytes> {
    const { client, crypto, vault, kms, now, patience } = this.#options;
    let request: ReleaseRequest | undefined;
    try {
      request = await releaseRequest(client, kms.did, id, Math.min(patience, REQUEST_PATIENCE));
      checkUndecided(request, now());
      const { dataKeyId, cleanroom, wrapKid } = request.record;
      const kept = vault.find(request.owner, dataKeyId);
      if (!kept) throw fail('DATA_KEY_NOT_HELD', `${request.owner} has imported no key ${dataKeyId}`);
      checkPolicy(request, kept.hostData);
      const to = await attestedKey(crypto, client, cleanroom, wrapKid);
      const wrapped = await this.#twoPhases(request, kept, to);
      this.#tell(id, request);
      return wrapped;
    } catch (error) {
      this.#tell(id, request, error);
      throw error;
    }
  }

  async #twoPhases(request: ReleaseRequest, kept: KeyImport, to: Bytes): Promise<Bytes> {
    const { client, journal } = this.#options;
    const { id: release, owner } = request;
    const nonce = client.drawNonce();
    journal.write({ release, owner, state: 'asked' });
    try {
      // Phase one: logged before anything is handed over. The ledger decides, and reserves the privacy budget.
      await this.#statements.release(owner, release, nonce);
      // Phase two: the decision is verified, here.
      await this.#allowed(request, nonce);
      const wrapped = await this.#wrap(request, kept, to);
      // Whoever asks again, after a crash too, gets this answer; only now is there one.
      journal.write({ release, owner, state: 'answered', wrapped });
      return wrapped;
    } catch (error) {
      const known = isLedgerError(error) ? error : fail('INTERNAL', 'internal error', { cause: error });
      const refusal = { code: known.code, detail: known.message };
      await this.#cancel({ release, owner, state: 'asked', refusal });
      throw error;
    }
  }

  /** Returns if the key may be handed over, now. @throws LedgerError with the reason why not */
  async #allowed({ id, record }: ReleaseRequest, nonce: Bytes): Promise<void> {
    const { client, journal, kms, now, patience } = this.#options;
    const { subject, version, dataKeyId, wrapKid } = record;
    const question: RequestOf<'key.release'> = {
      ...{ release: id, kms: kms.did, dataKeyId, subject, nonce, wrapKid, full: true },
      ...(version !== undefined && { version }),
    };
    const until = now() + patience;
    for (;;) {
      const { decision, reason, bundle } = await client.checkKeyRelease(question);
      if (decision === 'allow') {
        journal.archive(id, bundle);
        return;
      }
      // The keys of a pipeline are granted one after the other.
      const passing = reason === 'MOUNT_NOT_GRANTED' || reason === 'RELEASE_NOT_DECIDED';
      if (!passing || now() + PAUSE > until) {
        throw new LedgerError(reason ?? 'RELEASE_DENIED', describeReason(reason ?? '')?.text ?? 'denied');
      }
      await delay(PAUSE);
    }
  }

  async #wrap({ id, record }: ReleaseRequest, kept: KeyImport, to: Bytes): Promise<Bytes> {
    const { client, crypto, vault } = this.#options;
    const { cleanroom: recipient, dataKeyId: keyId } = record;
    const dataKey = await vault.open(kept);
    try {
      const purpose = { log: client.trust.origin, use: 'data', release: id, recipient, keyId } as const;
      return await wrapKey(crypto, to, purpose, dataKey);
    } finally {
      dataKey.fill(0);
    }
  }

  /** Nothing was handed over for this release, and nothing will be. If the ledger cannot be told, {@link settle} tries again. */
  async #cancel(entry: JournalEntry & Required<Pick<JournalEntry, 'refusal'>>): Promise<void> {
    const { journal } = this.#options;
    const { release, owner } = entry;
    journal.write(entry);
    try {
      await this.#statements.cancel(owner, release);
    } catch (error) {
      // There is no grant to cancel, or it has expired: settled as well.
      if (!isLedgerError(error) || describeReason(error.code)?.class !== 'refused') return;
      if (await this.#undecided(release)) return journal.forget(release);
    }
    journal.write({ ...entry, state: 'refused' });
  }

  /** Whether the ledger has decided nothing, so that the room may ask again. */
  async #undecided(release: string): Promise<boolean> {
    const { client, kms } = this.#options;
    try {
      return (await releaseRequest(client, kms.did, release)).record.state === 'REQUESTED';
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return false;
    }
  }

  #tell(release: string, request: ReleaseRequest | undefined, error?: unknown): void {
    const { cleanroom = null, dataKeyId = null } = request?.record ?? {};
    const why = isLedgerError(error) ? { code: error.code, detail: error.message } : undefined;
    const failed = error === undefined ? { code: null, detail: null } : { code: 'INTERNAL', detail: null };
    this.#options.observe?.({ release, cleanroom, dataKeyId, ...failed, ...why });
  }
}

/** Of a release that is over: trying again, as some codes suggest, makes no sense any more. */
function final({ code, detail }: { readonly code: string; readonly detail: string }): LedgerError {
  if (describeReason(code)?.class !== 'unavailable') return new LedgerError(code, detail);
  return new LedgerError('RELEASE_CANCELLED', `${code}: ${detail}`);
}
