/**
 * cleanroom.deploy: a clean room is set up under one contract or several, for certified code and one pipeline.
 * PROVISIONED → ATTESTED → KEYED → TRAINING → TRAINED → RELEASED → TERMINATED; ABORTED | FAILED; BLOCKED is derived.
 */
import { isOwnUrn } from '../identifier.ts';
import { IN_FORCE_FAULTS, inForceFault } from '../in-force.ts';
import { type Context, declareKind } from '../kind.ts';
import { recalledAmong } from '../model-ancestry.ts';
import { mountsOf, PIPELINE_FAULTS, pipelineFault, publicPipeline } from '../pipeline.ts';
import type { Write } from '../record.ts';
import { CLEANROOM, type CleanroomRecord, MAX_CONTRACTS } from '../records/cleanroom.ts';
import { CONTRACT, type ContractRecord } from '../records/contract.ts';
import { PAYMENT } from '../records/payment.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { codeFault } from '../room-standing.ts';
import { START_FAULTS } from '../run-standing.ts';
import { list, optional, seconds, struct, urn } from '../schema.ts';
import { digest } from '../state.ts';

const { CODE_REVOKED, MODEL_RECALLED } = START_FAULTS;

export const deploy = declareKind({
  name: 'cleanroom.deploy',
  rule:
    'The CCRP or the TDC of the contracts sets up a clean room for certified code and a pipeline within the contracts: ' +
    '→ PROVISIONED. It counts against their runs, and each of their payments is DUE for it.',
  signer: 'active',
  roles: ['CCRP', 'TDC'],
  body: struct({
    id: urn('cleanroom'),
    contracts: list(urn('contract'), { min: 1, max: MAX_CONTRACTS, unique: true }),
    code: urn('code'),
    /** Salted commitment to the whole pipeline. */
    pipeline: digest,
    public: publicPipeline,
    baseModel: optional(urn('model')),
    /** Unix seconds: what has not left the room by then never does. */
    deadline: seconds,
  }),
  subject: (body) => body.id,
  refusals: {
    CCRP_NOT_IN_CONTRACT: 'Who deploys is neither the CCRP nor the TDC of each contract.',
    TDC_DIFFERS: 'The contracts are not all for the same TDC.',
    CODE_REVOKED,
    CODE_NOT_IN_CONTRACT: 'A contract does not allow this code.',
    ...PIPELINE_FAULTS,
    MODEL_RECALLED,
    MAX_RUNS_REACHED: 'A contract allows no more runs.',
    ...IN_FORCE_FAULTS,
    DEADLINE_INVALID: 'The deadline is over, or after the end of a contract.',
  },
  shared: ['ID_MALFORMED', 'ID_TAKEN'],

  apply(ctx, body) {
    const { id, code, public: pipeline, baseModel, deadline } = body;
    if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'not an id of this log');
    if (CLEANROOM.read(ctx.read, id)) return refuse('ID_TAKEN', id);
    const contracts: ContractRecord[] = [];
    for (const contract of body.contracts) {
      const record = CONTRACT.read(ctx.read, contract);
      if (!record) return refuse('CONTRACT_NOT_FOUND', contract);
      contracts.push(record);
    }
    const deployer = ctx.signer.did;
    if (!contracts.every(({ ccrp, tdc }) => deployer === ccrp || deployer === tdc)) {
      return refuse('CCRP_NOT_IN_CONTRACT');
    }
    if (contracts.some(({ tdc }) => tdc !== contracts[0]!.tdc)) return refuse('TDC_DIFFERS');
    const revoked = codeFault(ctx.read, code, ctx.time);
    if (revoked) return revoked;
    if (!contracts.every((contract) => contract.code.includes(code))) return refuse('CODE_NOT_IN_CONTRACT');
    const mounts = mountsOf(ctx.read, contracts, pipeline, baseModel);
    if (isRefusal(mounts)) return mounts;
    const beyond = pipelineFault(ctx.read, contracts, pipeline);
    if (beyond) return beyond;
    const recalled = baseModel === undefined ? undefined : recalledAmong(ctx.read, [baseModel]);
    if (recalled !== undefined) return refuse('MODEL_RECALLED', recalled);
    if (contracts.some(({ runs, maxRuns }) => runs >= maxRuns)) return refuse('MAX_RUNS_REACHED');
    for (const contract of body.contracts) {
      const fault = inForceFault(ctx.read, contract, ctx.time);
      if (fault) return fault;
    }
    // Last: of a contract that has expired, that is the answer.
    if (deadline * 1000 <= ctx.time || contracts.some(({ expiry }) => deadline > expiry)) {
      return refuse('DEADLINE_INVALID');
    }

    const room: CleanroomRecord = {
      contracts: body.contracts,
      deployer,
      code,
      pipeline: body.pipeline,
      privacy: pipeline.privacy,
      mounts,
      ...(baseModel !== undefined && { baseModel }),
      deadline,
      entry: ctx.index,
      entryId: ctx.entryId,
      at: ctx.time,
      state: 'PROVISIONED',
      evidence: 0,
      changed: ctx.index,
      changedAt: ctx.time,
    };
    return [
      CLEANROOM.put(room, id),
      ...contracts.flatMap((contract, i) => joinContract(ctx, id, body.contracts[i]!, contract)),
    ];
  },
});

/** One more run of the contract, and its payments for this room. */
function joinContract(
  ctx: Context<'active'>,
  room: string,
  id: string,
  contract: ContractRecord,
): readonly Write[] {
  const { payments, tdc } = contract;
  const counted = {
    runs: contract.runs + 1,
    openRooms: contract.openRooms + 1,
    openPayments: contract.openPayments + payments.length,
  };
  const [state, changed, changedAt] = ['DUE', ctx.index, ctx.time] as const;
  return [
    CONTRACT.put({ ...contract, ...counted }, id),
    ...payments.map(({ payee, amount, currency }, row) =>
      PAYMENT.put({ payer: tdc, state, changed, changedAt, payee, amount, currency }, id, row, room),
    ),
  ];
}
