/** Climbs the ladder for each question that the files raise. Pure: the files are read, the time is given. */
import { type Bytes, equal, toBase64, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeTransparentStatement, readHashEnvelope, verifyPreimage } from '../cose/index.ts';
import { parseCheckpoint, parseNote } from '../note/index.ts';
import { climbCheckpoint, climbQuorum } from '../verify/head.ts';
import {
  type SignedTreeHead,
  type Trust,
  type Verification,
  type VerifiedEffect,
  type VerifiedRegistration,
  verifyCheckpoints,
  verifyFacts,
  verifyRegistration,
} from '../verify/index.ts';
import { climb } from '../verify/ladder.ts';
import { factText } from './describe-log.ts';
import type { Evidence, StatementQuestion } from './evidence.ts';
import type { Finding, Rung } from './ladder-text.ts';
import type { Json } from './terminal.ts';

/** @param now Unix milliseconds */
export function verifyQuestions(crypto: Crypto, trust: Trust, evidence: Evidence, now: number): Finding[] {
  const { statements, facts, checkpoints } = evidence;
  return [
    ...statements.map((question) => statementFinding(crypto, trust, evidence, question)),
    ...facts.map(({ name, file }) => factsFinding(crypto, trust, name, file, now)),
    ...(statements.length === 0 && checkpoints.length > 0
      ? [checkpointFinding(crypto, trust, evidence)]
      : []),
  ];
}

function statementFinding(
  crypto: Crypto,
  trust: Trust,
  { checkpoints, consistency, issuerKey, payload }: Evidence,
  { name, statement, receipt, tlogProof, effect }: StatementQuestion,
): Finding {
  const verification = verifyRegistration({
    ...{ crypto, trust, statement },
    ...(receipt && { receipt }),
    ...(tlogProof && { tlogProof }),
    ...(effect && { effect }),
    ...(issuerKey && { issuerKey }),
    ...(checkpoints[0] && { checkpoint: checkpoints[0].note }),
    ...(consistency && { consistency: consistency.path }),
  });
  const climbed = finding(
    name,
    verification,
    (proven) => registrationText(trust, proven),
    ({ index, entryId, witnessed, effect: seen, head }) => ({
      ...{ index, entryId: toBase64url(entryId), treeSize: head.size, witnessed },
      effect: seen ? effectJson(seen) : null,
    }),
  );
  if (climbed.error) return consistency ? climbed : unconnected(climbed);
  return payload ? withPayload(crypto, climbed, statement, payload) : climbed;
}

function registrationText({ origin }: Trust, { index, witnessed, effect }: VerifiedRegistration): string {
  const parts = [
    `entry ${index} of ${origin}`,
    effect ? `accepted at ${new Date(effect.time).toISOString()}` : 'logged, effect unknown',
    witnessed ? 'witnessed' : 'not witnessed',
  ];
  return parts.join('; ');
}

function effectJson({ outcome, reason, stateIndex, time }: VerifiedEffect): Json {
  return { outcome, reason, stateIndex, time };
}

/** One more step: the verified statement is about `payload`. */
function withPayload(crypto: Crypto, climbed: Finding, statement: Bytes, payload: Bytes): Finding {
  const step = (outcome: Rung['outcome'], detail: string, code?: string): Rung[] => [
    ...climbed.steps,
    { step: 'payload', outcome, detail, ...(code !== undefined && { code }) },
  ];
  try {
    const { sign1 } = decodeTransparentStatement(statement);
    const envelope = readHashEnvelope(sign1);
    if (envelope) verifyPreimage(crypto, envelope, payload);
    else if (!sign1.payload || !equal(sign1.payload, payload)) {
      throw fail('PREIMAGE_MISMATCH', 'the file is not the payload of the statement');
    }
    return { ...climbed, steps: step('ok', `the file of ${payload.length} bytes is what was signed`) };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return { ...climbed, error, json: {}, steps: step('failed', error.message, error.code) };
  }
}

function factsFinding(
  crypto: Crypto,
  trust: Trust,
  name: string,
  file: Evidence['facts'][number]['file'],
  now: number,
): Finding {
  return finding(
    name,
    verifyFacts({ crypto, trust, ...file, now }),
    ({ facts, tip }) =>
      [
        `the state of ${trust.origin} at ${new Date(tip.time).toISOString()}`,
        ...facts.map(
          ({ key, value }) => `  ${factText(key)} = ${value === null ? 'absent' : factText(value)}`,
        ),
      ].join('\n'),
    ({ facts, tip, head, witnessed }) => ({
      ...{ treeSize: head.size, time: tip.time, witnessed },
      facts: facts.map(({ key, value }) => ({
        key: factText(key),
        value: value === null ? null : factText(value),
      })),
    }),
  );
}

function checkpointFinding(crypto: Crypto, trust: Trust, { checkpoints, consistency }: Evidence): Finding {
  const [first, second] = checkpoints;
  const json = ({ head, witnessed }: { head: SignedTreeHead; witnessed: boolean }) => ({
    ...{ treeSize: head.size, root: toBase64(head.root), witnessed },
  });
  if (!second) {
    const alone = climb((ladder) => {
      const head = climbCheckpoint(ladder, { crypto, trust }, first!.note);
      return { head, witnessed: climbQuorum(ladder, trust, head) };
    });
    return finding(first!.name, alone, ({ head }) => `a tree of ${head.size} of ${trust.origin}`, json);
  }
  const [older, newer] = sizeOf(first!.note) <= sizeOf(second.note) ? [first!, second] : [second, first!];
  const path = consistency?.path ?? [];
  const both = verifyCheckpoints({ crypto, trust, older: older.note, newer: newer.note, path });
  const climbed = finding(
    `${older.name}, ${newer.name}`,
    both,
    ({ head }) => `the tree of ${head.size} extends that of ${sizeOf(older.note)}: one history`,
    json,
  );
  return consistency ? climbed : unconnected(climbed);
}

/** A consistency proof that was not given convicts nobody: its absence must not look like a fork. */
function unconnected(climbed: Finding): Finding {
  const last = climbed.steps.at(-1);
  if (last?.step !== 'consistency' || last.outcome !== 'failed') return climbed;
  if (last.code !== 'CONSISTENCY_INVALID' && last.code !== 'PROOF_MALFORMED') return climbed;
  const detail = 'the trees differ in size: give the proof between them (`aichain prove consistency`)';
  const error = fail('ARGUMENT_INVALID', detail);
  return { ...climbed, error, steps: [...climbed.steps.slice(0, -1), { ...last, detail, code: error.code }] };
}

/** As the note claims, to put two of them in order. */
function sizeOf(note: string): number {
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch {
    return 0; // the ladder will say what is wrong with it
  }
}

function finding<T>(
  subject: string,
  verification: Verification<T>,
  text: (proven: T) => string,
  json: (proven: T) => Finding['json'],
): Finding {
  const { steps } = verification;
  if (!verification.verified) return { subject, steps, error: verification.error, proven: '', json: {} };
  const { value } = verification;
  return { subject, steps, error: undefined, proven: text(value), json: json(value) };
}
