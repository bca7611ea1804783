/** aichain.v1.RegistrationService: statements in, receipts out. */
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { copiedTogether } from '../core/slab.ts';
import { aichain } from '../proto/aichain.js';
import type { Ledger, Registration } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { inTime, waitUntil } from '../service/wait.ts';
import { registrationMessage, resultMessage } from './messages.ts';
import { duplex, type Method, unary } from './method.ts';
import type { CallContext } from './run.ts';
import { entryId, owned } from './wire.ts';

const v1 = aichain.v1;

export function registrationService(ledger: Ledger, limits: Limits): Record<string, Method> {
  return {
    Register: unary(
      { request: v1.RegisterRequest, response: v1.RegisterResponse },
      async ({ statement, wait }, caller) => {
        limits.checkStatement(statement);
        const until = witnessedUntil(wait, caller, limits);
        await limits.admitStatements(caller.client, 1);
        const registration = await ledger.register(owned(statement), caller, until);
        return { registration: registrationMessage(inTime(registration)) };
      },
    ),

    RegisterStream: duplex(
      {
        request: v1.RegisterStreamRequest,
        response: v1.RegisterStreamResponse,
        maxFields: limits.options.batchStatements + 2,
      },
      async ({ batchId, statements, wait }, caller) => {
        const outcomes = await registerBatch(ledger, limits, statements, wait, caller);
        return { batchId, results: outcomes.map(resultMessage) };
      },
    ),

    GetRegistration: unary(
      { request: v1.GetRegistrationRequest, response: v1.GetRegistrationResponse },
      async (request) => ({
        registration: registrationMessage(await ledger.receipt(entryId(request.entryId))),
      }),
    ),
  };
}

type Outcome = Registration | LedgerError;

/**
 * One outcome for each statement. What hits the whole batch (rate, overload, closing) is the outcome of each of its
 * statements: the stream goes on, and the sender knows which statements to send again.
 */
async function registerBatch(
  ledger: Ledger,
  limits: Limits,
  statements: readonly Uint8Array[],
  wait: aichain.v1.Wait,
  caller: CallContext,
): Promise<Outcome[]> {
  if (statements.length === 0) return [];
  const refused = statements.map((statement) => refusal(() => limits.checkStatement(statement)));
  const admitted = copiedTogether(statements.filter((_, i) => refused[i] === null));
  let outcomes: Outcome[];
  try {
    limits.checkBatch(statements);
    const until = witnessedUntil(wait, caller, limits);
    await limits.admitStatements(caller.client, statements.length);
    const answers = admitted.length > 0 ? await ledger.registerBatch(admitted, caller, until) : [];
    outcomes = answers.map((answer) => (isLedgerError(answer) ? answer : late(answer)));
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    outcomes = admitted.map(() => error);
  }
  let next = 0;
  return refused.map((error) => error ?? outcomes[next++]!);
}

function late(registration: Registration): Outcome {
  return refusal(() => inTime(registration)) ?? registration;
}

/**
 * Until when a head that meets the quorum is waited for; undefined: it is not. @throws ARGUMENT_INVALID no such wait
 */
function witnessedUntil(
  wait: aichain.v1.Wait,
  { deadline }: CallContext,
  limits: Limits,
): number | undefined {
  if (wait === v1.Wait.WAIT_WITNESSED) {
    return waitUntil(Math.min(deadline, Date.now() + limits.options.deadline));
  }
  if (wait !== v1.Wait.WAIT_UNSPECIFIED && wait !== v1.Wait.WAIT_LOGGED) {
    throw fail('ARGUMENT_INVALID', 'nothing is known that would be waited for by this number');
  }
  return undefined;
}

function refusal(check: () => void): LedgerError | null {
  try {
    check();
    return null;
  } catch (error) {
    if (isLedgerError(error)) return error;
    throw error;
  }
}
