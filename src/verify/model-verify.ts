/**
 * Where does this model come from, and may it still be used? From files alone: the digests of the model's files, and the
 * evidence that was collected about it. States are derived here, from proven records; who answers for each step is shown by
 * the entries that they signed.
 */
import { parseStatement, type StateReader } from '../chain/index.ts';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { verifyEvidence } from './bundle-entries.ts';
import { verifyEffect } from './effect.ts';
import { climbState, type FactsEvidence, GENESIS_KEY, readGenesis } from './facts.ts';
import { climbCheckpoint, type SignedTreeHead } from './head.ts';
import { climb, type Ladder, type Verification } from './ladder.ts';
import { decodeModelEvidence, type ModelEvidence } from './model-evidence.ts';
import { type Logged, type ModelRecords, missingEntry, modelRecords } from './model-records.ts';
import { climbModel, type ModelFiles } from './model-steps.ts';
import { climbReplay } from './replayers.ts';
import type { Trust } from './trust.ts';

export interface ModelQuestion {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly evidence: Bytes;
  /** What the verifier holds; without it nothing is said about any file. */
  readonly files?: ModelFiles;
  /** The verifier's clock, Unix milliseconds. Without it the answer is as of then: how old it is does not count. */
  readonly now?: number;
  /** The state is believed on the operator's word. */
  readonly insecureTrustOperator?: boolean;
}

export interface VerifiedModel extends ModelRecords {
  readonly head: SignedTreeHead;
  readonly witnessed: boolean;
  /** A log for development: what it says binds nobody. */
  readonly simulated: boolean;
  /** What a user should know: sources, parties, code and contracts that have been stopped. */
  readonly flags: readonly string[];
}

/**
 * Fails with MODEL_UNKNOWN where the files are not the model's, MODEL_RECALLED, BUNDLE_MALFORMED, BUNDLE_INCOMPLETE, or what is
 * wrong with a proof.
 * @example proven(verifyModel({ crypto, trust, evidence, files: await digestModel(crypto, path), now: Date.now() })).flags
 */
export function verifyModel(question: ModelQuestion): Verification<VerifiedModel> {
  const { crypto, trust, files, now, insecureTrustOperator = false } = question;
  return climb((ladder) => {
    const evidence = climbForm(ladder, question.evidence);
    const head = climbCheckpoint(ladder, question, evidence.checkpoint);
    const witnessed = climbReplay(ladder, trust, head, insecureTrustOperator);
    const claimed: FactsEvidence = { ...evidence, crypto, trust, ...(now !== undefined && { now }) };
    const tip = climbState(ladder, claimed, head);
    const read = readerOf(evidence);
    const logged = climbEntries(ladder, crypto, evidence, head, read);
    const records = ladder.step('release', () => {
      const value = recordsOf(read, logged, evidence.model, Math.max(tip.time, now ?? tip.time));
      return { value, detail: releaseText(value, logged) };
    });
    const flags = climbModel(ladder, records, logged, files);
    return { ...records, head, witnessed, flags, simulated: genesisOf(evidence).simulated };
  });
}

function climbForm(ladder: Ladder, bytes: Bytes): ModelEvidence {
  return ladder.step('bundle', () => {
    const value = decodeModelEvidence(bytes);
    const { model, facts, entries } = value;
    // Facts are of the trusted log only where its genesis is one of them.
    genesisOf(value);
    return { value, detail: `about ${model}, with ${facts.length} facts and ${entries.length} entries` };
  });
}

function genesisOf({ facts }: ModelEvidence) {
  const genesis = facts.find(({ key }) => equal(key, GENESIS_KEY));
  if (!genesis) throw fail('BUNDLE_INCOMPLETE', 'the genesis record is not among the facts');
  return readGenesis(genesis.value);
}

function climbEntries(
  ladder: Ladder,
  crypto: Crypto,
  { entries }: ModelEvidence,
  head: SignedTreeHead,
  read: StateReader,
): Logged[] {
  return ladder.step('entries', () => {
    const value = entries.map((entry) => {
      const { index, statement, effect } = entry;
      verifyEvidence(crypto, head, entry, read);
      const { time } = verifyEffect(crypto, head, index, effect);
      return { index, time, statement: parseStatement(crypto, statement) };
    });
    return { value, detail: `${entries.length} logged, accepted, and signed by keys that were good` };
  });
}

/** @throws MODEL_UNKNOWN, BUNDLE_INCOMPLETE; FACT_INVALID a record that other rules than ours wrote */
function recordsOf(read: StateReader, logged: readonly Logged[], id: string, at: number): ModelRecords {
  try {
    const records = modelRecords(read, logged, id, at);
    if (!records) throw fail('MODEL_UNKNOWN', `the log has no ${id}`);
    const missing = missingEntry(records, logged);
    if (missing !== undefined) throw fail('BUNDLE_INCOMPLETE', `${missing} is not among the entries`);
    return records;
  } catch (cause) {
    if (!isLedgerError(cause, 'INTERNAL')) throw cause;
    throw fail('FACT_INVALID', 'a record cannot be read', { cause });
  }
}

function releaseText({ model: { id, record } }: ModelRecords, logged: readonly Logged[]): string {
  const { time, statement } = logged.find(({ index }) => index === record.entry)!;
  const by = record.run === undefined ? `by ${statement.issuer}` : `to ${record.owner}`;
  const when = new Date(time).toISOString();
  return `${id}: entry ${record.entry}, ${statement.chain!.kind} ${by}, ${when}; SHA-256 ${toHex(record.digest)}`;
}

/** @throws BUNDLE_INCOMPLETE */
function readerOf({ facts }: ModelEvidence): StateReader {
  const values = new Map(facts.map(({ key, value }) => [toHex(key), value]));
  return (key) => {
    const value = values.get(toHex(key));
    if (value === undefined) {
      throw fail('BUNDLE_INCOMPLETE', 'a record that is needed is neither proven nor disproved');
    }
    return value ?? undefined;
  };
}
