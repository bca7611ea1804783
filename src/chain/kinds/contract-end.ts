/** contract.revoke and contract.complete: SIGNED → REVOKED | COMPLETED. */
import { CONTRACT_FAULTS } from '../in-force.ts';
import { declareKind } from '../kind.ts';
import { CONTRACT, type ContractRecord } from '../records/contract.ts';
import { refuse } from '../refusal.ts';
import { optional, struct, uint, urn } from '../schema.ts';
import { effectiveFrom, reason, stateAt } from '../stop.ts';

const { CONTRACT_NOT_FOUND } = CONTRACT_FAULTS;

export const revoke = declareKind({
  name: 'contract.revoke',
  rule:
    'Ends a contract before its term: a party that its revocation terms name, with their notice, or the SRO, with none. ' +
    'A revocation that is to come may be overtaken by an earlier one, never put off.',
  signer: 'active',
  body: struct({
    id: urn('contract'),
    reason,
    /** Which of the revocation terms is invoked, from 0; left out: the one of the signer’s with the longest notice. */
    term: optional(uint()),
    effectiveFrom: optional(effectiveFrom),
  }),
  subject: ({ id }) => id,
  refusals: {
    CONTRACT_NOT_FOUND,
    REVOKE_NOT_PERMITTED: 'The contract’s terms do not let the signer revoke it.',
    REVOKE_NOTICE_TOO_SHORT: 'The revocation would take effect before the notice of the contract’s terms.',
  },
  shared: ['EFFECTIVE_FROM_PAST', 'STATE_WRONG'],

  apply(ctx, body) {
    const contract = CONTRACT.read(ctx.read, body.id);
    if (!contract) return refuse('CONTRACT_NOT_FOUND');
    const notice = ctx.principal.roles.includes('SRO') ? 0 : noticeOf(contract, ctx.principal.did, body.term);
    if (notice === undefined) return refuse('REVOKE_NOT_PERMITTED');
    const from = body.effectiveFrom;
    if (from !== undefined && from * 1000 < ctx.time) return refuse('EFFECTIVE_FROM_PAST');
    const at = from === undefined ? ctx.time : from * 1000;
    if (at < ctx.time + notice * 1000) return refuse('REVOKE_NOTICE_TOO_SHORT', `${notice} seconds`);
    if (stateAt(contract, ctx.time) !== 'SIGNED') return refuse('STATE_WRONG', contract.state);
    if (contract.state === 'REVOKED' && at >= contract.lastStop!.at)
      return refuse('STATE_WRONG', 'revoked before');
    const lastStop = { entry: ctx.index, at, before: 'SIGNED' };
    const changed = { changed: ctx.index, changedAt: ctx.time };
    return [CONTRACT.put({ ...contract, state: 'REVOKED', ...changed, lastStop }, body.id)];
  },
});

/** Seconds; undefined: no term allows it. */
function noticeOf({ revocation }: ContractRecord, did: string, term: number | undefined): number | undefined {
  const allowed = revocation.filter(({ who }, i) => who === did && (term === undefined || term === i));
  return allowed.length === 0 ? undefined : Math.max(...allowed.map(({ notice }) => notice));
}

export const complete = declareKind({
  name: 'contract.complete',
  rule:
    'A party, or the contract service, closes a contract whose runs are used up or whose term is over, once nothing of ' +
    'it is open. To end it earlier, it has to be revoked.',
  signer: 'active',
  body: struct({ id: urn('contract') }),
  subject: ({ id }) => id,
  refusals: {
    CONTRACT_NOT_FOUND,
    OPEN_RUNS: 'A clean room of the contract has not ended.',
    OPEN_PAYMENTS: 'A payment of the contract is due or held.',
  },
  shared: ['ROLE_NOT_HELD', 'STATE_WRONG'],

  apply(ctx, { id }) {
    const contract = CONTRACT.read(ctx.read, id);
    if (!contract) return refuse('CONTRACT_NOT_FOUND');
    const { tdc, tdps, ccrp, paymentService, maxRuns, runs, expiry, openRooms, openPayments } = contract;
    const { did, roles } = ctx.principal;
    const service =
      paymentService === undefined ? roles.includes('CONTRACT_SERVICE') : did === paymentService;
    if (!service && ![tdc, ...tdps, ccrp].includes(did)) return refuse('ROLE_NOT_HELD', 'no party');
    if (contract.state !== 'SIGNED') return refuse('STATE_WRONG', contract.state);
    if (openRooms > 0) return refuse('OPEN_RUNS');
    if (openPayments > 0) return refuse('OPEN_PAYMENTS');
    // Else any party could end it without the notice that its terms ask for.
    if (runs < maxRuns && ctx.time <= expiry * 1000) return refuse('STATE_WRONG', 'it has runs left');
    return [CONTRACT.put({ ...contract, state: 'COMPLETED', changed: ctx.index, changedAt: ctx.time }, id)];
  },
});
