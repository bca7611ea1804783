/** The gates over gRPC: method and messages of each step. The members of a message are those of the step's request. */
import type { GateStep, RequestOf } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { aichain } from '../proto/aichain.js';

const v1 = aichain.v1;

interface Answered {
  readonly answer?: aichain.v1.GateAnswer | aichain.v1.GateAnswer.$Shape | null;
}

interface Method {
  readonly method: string;
  /** `never`: of each step its own; what it takes are the members of the step's request. */
  readonly request: { encode(message: never): { finish(): Bytes } };
  readonly response: { decode(bytes: Bytes): Answered };
}

const METHODS: Readonly<Record<GateStep, Method>> = {
  'dataset.register': {
    method: 'CheckDataset',
    request: v1.CheckDatasetRequest,
    response: v1.CheckDatasetResponse,
  },
  'contract.activate': {
    method: 'CheckContract',
    request: v1.CheckContractRequest,
    response: v1.CheckContractResponse,
  },
  'cleanroom.deploy': {
    method: 'CheckCleanroom',
    request: v1.CheckCleanroomRequest,
    response: v1.CheckCleanroomResponse,
  },
  'key.release': {
    method: 'CheckKeyRelease',
    request: v1.CheckKeyReleaseRequest,
    response: v1.CheckKeyReleaseResponse,
  },
  'run.start': {
    method: 'CheckRunStart',
    request: v1.CheckRunStartRequest,
    response: v1.CheckRunStartResponse,
  },
  'budget.spend': {
    method: 'CheckBudgetSpend',
    request: v1.CheckBudgetSpendRequest,
    response: v1.CheckBudgetSpendResponse,
  },
  'model.release': {
    method: 'CheckModelRelease',
    request: v1.CheckModelReleaseRequest,
    response: v1.CheckModelReleaseResponse,
  },
  'payment.settle': {
    method: 'CheckPayment',
    request: v1.CheckPaymentRequest,
    response: v1.CheckPaymentResponse,
  },
};

/** @param from size of the tree that the answer has to extend */
export function gateCall<Step extends GateStep>(
  step: Step,
  request: RequestOf<Step>,
  from: number | undefined,
): { readonly method: string; readonly message: Bytes; decode(bytes: Bytes): Answered } {
  const { method, request: asked, response } = METHODS[step];
  const members = { ...(request as object), ...(from !== undefined && { fromSize: from }) };
  const message = asked.encode(members as never).finish();
  return { method, message, decode: (bytes) => response.decode(bytes) };
}
