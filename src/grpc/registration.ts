/** aichain.v1.RegistrationService: statements in, receipts out. */
import { isLedgerError, type LedgerError } from '../core/errors.ts';
import { aichain } from '../proto/aichain.js';
import type { Ledger, Registration } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { registrationMessage, resultMessage } from './messages.ts';
import { duplex, type Method, unary } from './method.ts';
import type { CallContext } from './run.ts';
import { entryId, owned } from './wire.ts';

const v1 = aichain.v1;

export function registrationService(ledger: Ledger, limits: Limits): Record<string, Method> {
  return {
    Register: unary(
      { request: v1.RegisterRequest, response: v1.RegisterResponse },
      async ({ statement }, caller) => {
        limits.checkStatement(statement);
        await limits.admitStatements(caller.client, 1);
        return { registration: registrationMessage(await ledger.register(owned(statement), caller)) };
      },
    ),

    RegisterStream: duplex(
      {
        request: v1.RegisterStreamRequest,
        response: v1.RegisterStreamResponse,
        maxFields: limits.options.batchStatements + 1,
      },
      async ({ batchId, statements }, caller) => {
        const outcomes = await registerBatch(ledger, limits, statements, caller);
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
  caller: CallContext,
): Promise<Outcome[]> {
  if (statements.length === 0) return [];
  const refused = statements.map((statement) => refusal(() => limits.checkStatement(statement)));
  const admitted = statements.filter((_, i) => refused[i] === null).map(owned);
  let outcomes: Outcome[];
  try {
    limits.checkBatch(statements);
    await limits.admitStatements(caller.client, statements.length);
    outcomes = admitted.length > 0 ? await ledger.registerBatch(admitted, caller) : [];
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    outcomes = admitted.map(() => error);
  }
  let next = 0;
  return refused.map((error) => error ?? outcomes[next++]!);
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
