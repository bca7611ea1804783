/** contract.sign and contract.decline: PROPOSED → PARTLY_SIGNED → SIGNED, or DECLINED. One answer for each signatory. */
import { equal } from '../../core/bytes.ts';
import { TERMS_FAULTS } from '../contract-terms.ts';
import { CONTRACT_DIGEST_MISMATCH } from '../contract-text.ts';
import { CONTRACT_FAULTS } from '../in-force.ts';
import { type Context, declareKind } from '../kind.ts';
import { oblige } from '../obligations.ts';
import { type Write, withWrites } from '../record.ts';
import { CONTRACT, type ContractRecord } from '../records/contract.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { type Infer, struct, uint, urn } from '../schema.ts';
import { isVoid } from '../standing.ts';
import { digest } from '../state.ts';
import { superseded } from '../supersession.ts';

const answer = struct({
  id: urn('contract'),
  version: uint({ min: 1 }),
  /** Entry id of the proposal: terms that differ are another proposal. */
  proposal: digest,
  /** SHA-256 of the contract’s text. */
  text: digest,
});

const ANSWER_FAULTS = {
  CONTRACT_NOT_FOUND: CONTRACT_FAULTS.CONTRACT_NOT_FOUND,
  PROPOSAL_MISMATCH: 'The entry id or the version is not that of the proposal.',
  CONTRACT_DIGEST_MISMATCH,
  NOT_A_SIGNATORY: 'The contract does not ask for the signer’s signature.',
  ALREADY_SIGNED: 'The signer has signed the contract.',
  CONTRACT_CLOSED: 'The contract is signed or declined; nobody can answer it any more.',
  PROPOSAL_LAPSED: 'The time to sign the proposal is over.',
} as const;

export const sign = declareKind({
  name: 'contract.sign',
  rule:
    'A signatory accepts a proposal; the last one makes the contract SIGNED. A signature by a key that was ' +
    'compromised by then does not count. A contract that it supersedes ends then, and its runs count on.',
  signer: 'active',
  body: answer,
  subject: ({ id }) => id,
  refusals: { ...ANSWER_FAULTS, SUPERSEDES_INVALID: TERMS_FAULTS.SUPERSEDES_INVALID },
  shared: ['STATE_WRONG'],

  apply(ctx, body) {
    const contract = open(ctx, body);
    if (isRefusal(contract)) return contract;
    // Who is about to withdraw has said that nothing obliges it any more.
    const { state, lastStop } = ctx.principal;
    if (state === 'WITHDRAWN' && lastStop && lastStop.at <= contract.expiry * 1000) {
      return refuse('STATE_WRONG', 'the signer withdraws before the contract ends');
    }
    const own = { did: ctx.principal.did, kid: ctx.kid, entry: ctx.index, at: ctx.time };
    const signatures = [...standing(ctx, contract), own];
    const changed = { changed: ctx.index, changedAt: ctx.time };
    if (signatures.length < contract.signatories.length) {
      return [CONTRACT.put({ ...contract, signatures, state: 'PARTLY_SIGNED', ...changed }, body.id)];
    }
    const old = superseded(ctx, contract);
    if (old && isRefusal(old)) return old;
    const runs = old ? old.runs : contract.runs;
    const writes: Write[] = [
      CONTRACT.put({ ...contract, signatures, runs, state: 'SIGNED', ...changed }, body.id),
    ];
    if (old) writes.push(CONTRACT.put({ ...old, state: 'SUPERSEDED', ...changed }, contract.supersedes!));
    const obliged = oblige(withWrites(ctx.read, writes), contract.signatories, body.id, ctx.time);
    return isRefusal(obliged) ? obliged : [...writes, ...obliged];
  },
});

export const decline = declareKind({
  name: 'contract.decline',
  rule: 'A signatory that has not signed a proposal ends it: → DECLINED.',
  signer: 'active',
  body: answer,
  subject: ({ id }) => id,
  refusals: ANSWER_FAULTS,

  apply(ctx, body) {
    const contract = open(ctx, body);
    if (isRefusal(contract)) return contract;
    const changed = { changed: ctx.index, changedAt: ctx.time };
    return [CONTRACT.put({ ...contract, state: 'DECLINED', ...changed }, body.id)];
  },
});

/** The contract that the signer can answer. */
function open(
  ctx: Context<'active'>,
  { id, version, proposal, text }: Infer<typeof answer>,
): ContractRecord | Refusal<keyof typeof ANSWER_FAULTS> {
  const { did } = ctx.principal;
  const contract = CONTRACT.read(ctx.read, id);
  if (!contract) return refuse('CONTRACT_NOT_FOUND');
  if (version !== contract.version || !equal(proposal, contract.proposal)) return refuse('PROPOSAL_MISMATCH');
  if (!equal(text, contract.text)) return refuse('CONTRACT_DIGEST_MISMATCH');
  if (!contract.signatories.includes(did)) return refuse('NOT_A_SIGNATORY');
  if (standing(ctx, contract).some((signature) => signature.did === did)) return refuse('ALREADY_SIGNED');
  if (contract.state !== 'PROPOSED' && contract.state !== 'PARTLY_SIGNED') {
    return refuse('CONTRACT_CLOSED', contract.state);
  }
  return contract.lapses < ctx.time ? refuse('PROPOSAL_LAPSED') : contract;
}

/** The signatures that count: whose key was stolen by then can sign again, as long as the proposal is open. */
function standing({ read }: Context, { signatures }: ContractRecord) {
  return signatures.filter(({ kid, at }) => !isVoid(read, kid, at));
}
