/** contract.propose: → PROPOSED. What is proposed cannot be changed; signatories name it by its entry id. */
import {
  contractBody,
  PARTY_FAULTS,
  partiesFault,
  propose,
  TERMS_FAULTS,
  TERMS_SHARED,
} from '../contract-terms.ts';
import { declareKind } from '../kind.ts';
import { CONTRACT } from '../records/contract.ts';
import { isRefusal, refuse } from '../refusal.ts';

export const proposeContract = declareKind({
  name: 'contract.propose',
  rule:
    'A party proposes a contract, which the TDC, every TDP and, if the policy asks for it, the CCRP have to sign in ' +
    'time. One run has to fit into what the budgets were allocated and into the policy.',
  signer: 'active',
  body: contractBody,
  subject: ({ id }) => id,
  refusals: {
    ...PARTY_FAULTS,
    PROPOSER_NOT_PARTY: 'The signer is no party of the contract.',
    ...TERMS_FAULTS,
  },
  shared: TERMS_SHARED,

  apply(ctx, body) {
    const fault = partiesFault(ctx, body);
    if (fault) return fault;
    const { tdc, tdps, ccrp, collab } = body.parties;
    if (![tdc, ...tdps, ccrp, collab].includes(ctx.principal.did)) return refuse('PROPOSER_NOT_PARTY');
    const record = propose(ctx, body);
    return isRefusal(record) ? record : [CONTRACT.put(record, body.id)];
  },
});
