/** aichain.v1.GateService: one Check for each step. The members of a request are those that the step's gate declares. */
import type { Cbor } from '../core/cbor.ts';
import { aichain } from '../proto/aichain.js';
import type { GateAnswer, Ledger } from '../service/ledger.ts';
import { type Method, type Shape, unary } from './method.ts';
import { exact, owned } from './wire.ts';

const v1 = aichain.v1;

/** Members of the largest request: a run's mounts are a field each. */
const MAX_FIELDS = 40;

interface CheckRequest {
  readonly fromSize: number | null;
}
type Answered = { answer?: aichain.v1.GateAnswer.$Properties | null };

export function gateService(ledger: Ledger): Record<string, Method> {
  const check = <Request extends CheckRequest>(
    step: string,
    shape: Shape<Request, Answered>,
    members: readonly (keyof Request & string)[],
  ) =>
    unary<Request, Answered>({ ...shape, maxFields: MAX_FIELDS }, async (request) => {
      const fromSize = request.fromSize === null ? undefined : exact(request.fromSize, 'from_size');
      return { answer: answerMessage(await ledger.gate(step, requestOf(request, members), fromSize)) };
    });
  return {
    CheckDataset: check(
      'dataset.register',
      { request: v1.CheckDatasetRequest, response: v1.CheckDatasetResponse },
      ['dataset', 'version', 'provider', 'ciphertext', 'kms', 'dataKeyId'],
    ),
    CheckContract: check(
      'contract.activate',
      { request: v1.CheckContractRequest, response: v1.CheckContractResponse },
      ['contract', 'text', 'full'],
    ),
    CheckCleanroom: check(
      'cleanroom.deploy',
      { request: v1.CheckCleanroomRequest, response: v1.CheckCleanroomResponse },
      ['cleanroom', 'deployer', 'code', 'pipeline'],
    ),
    CheckKeyRelease: check(
      'key.release',
      { request: v1.CheckKeyReleaseRequest, response: v1.CheckKeyReleaseResponse },
      ['release', 'kms', 'subject', 'version', 'dataKeyId', 'nonce', 'wrapKid', 'full'],
    ),
    CheckRunStart: check(
      'run.start',
      { request: v1.CheckRunStartRequest, response: v1.CheckRunStartResponse },
      ['cleanroom', 'run', 'pipeline', 'mounts'],
    ),
    CheckBudgetSpend: check(
      'budget.spend',
      { request: v1.CheckBudgetSpendRequest, response: v1.CheckBudgetSpendResponse },
      ['run', 'epsilon', 'delta'],
    ),
    CheckModelRelease: check(
      'model.release',
      { request: v1.CheckModelReleaseRequest, response: v1.CheckModelReleaseResponse },
      ['model', 'run', 'ciphertext', 'to', 'wrapKid'],
    ),
    CheckPayment: check(
      'payment.settle',
      { request: v1.CheckPaymentRequest, response: v1.CheckPaymentResponse },
      ['contract', 'row', 'cleanroom', 'service', 'payee', 'amount', 'currency'],
    ),
  };
}

/** What was sent, as the gate's data. What is not of the step's form, the gate refuses. */
function requestOf<Request>(request: Request, members: readonly (keyof Request & string)[]): Cbor {
  const items = new Map<string, Cbor>();
  for (const name of members) {
    const item = itemOf(request[name], name);
    if (item !== undefined) items.set(name, item);
  }
  return items;
}

function itemOf(value: unknown, name: string): Cbor | undefined {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Uint8Array) return owned(value);
  if (typeof value === 'number') return exact(value, name);
  if (Array.isArray(value)) return value.map((item) => mountItem(item));
  return value as string | boolean;
}

function mountItem({ dataset, version, ciphertext }: aichain.v1.MountedDataset): Cbor {
  return { dataset, version: exact(version, 'version'), ciphertext: owned(ciphertext) };
}

function answerMessage({ decision, reason, detail, at, bundle }: GateAnswer) {
  const word =
    decision === 'allow' ? v1.GateDecision.GATE_DECISION_ALLOW : v1.GateDecision.GATE_DECISION_DENY;
  return { decision: word, reason: reason ?? '', detail: detail ?? '', at, bundle };
}
