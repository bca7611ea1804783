/** The service's values as protobuf messages. */
import { isLedgerError } from '../core/errors.ts';
import type { aichain } from '../proto/aichain.js';
import type { Entry, Registration, SignedHead } from '../service/ledger.ts';
import { answerOf } from '../service/status.ts';

type Result = aichain.v1.RegistrationResult.$Properties;

export function headMessage(head: SignedHead): aichain.v1.SignedHead.$Properties {
  return { size: head.size, root: head.root, time: head.time, checkpoint: head.checkpoint };
}

export function registrationMessage(registration: Registration): aichain.v1.Registration.$Properties {
  const { index, entryId, receipt, existed, witnessed } = registration;
  return { index, entryId, receipt, existed, head: witnessed ? headMessage(witnessed) : null };
}

/** One statement's outcome, a failure being a value like any other. */
export function resultMessage(outcome: Registration | Error): Result {
  if (!(outcome instanceof Error)) return { registration: registrationMessage(outcome) };
  const { code, message, retryAfter } = answerOf(isLedgerError(outcome) ? outcome : null);
  return { failure: { code, message, retryAfter: retryAfter ?? null } };
}

export function entryMessage(entry: Entry): aichain.v1.Entry.$Properties {
  return { index: entry.index, leafData: entry.leafData, statement: entry.statement };
}
