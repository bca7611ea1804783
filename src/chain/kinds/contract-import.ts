/** contract.import: a contract that its parties have signed with today's DEPA contract service: → PROPOSED. */
import { equal } from '../../core/bytes.ts';
import {
  type ContractBody,
  contractTerms,
  PARTY_FAULTS,
  partiesFault,
  propose,
  TERMS_FAULTS,
  TERMS_SHARED,
} from '../contract-terms.ts';
import {
  CONTRACT_DIGEST_MISMATCH,
  type MultiSigned,
  readMultiSigned,
  type TextSigner,
} from '../contract-text.ts';
import { type Context, declareKind } from '../kind.ts';
import { signatureKey } from '../public-key.ts';
import { CONTRACT } from '../records/contract.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { bytes, struct } from '../schema.ts';
import { keyFault } from '../standing.ts';
import { KEY, PARTICIPANT } from '../state.ts';

const MAX_MULTI_SIGNED = 512 * 1024;

export const importContract = declareKind({
  name: 'contract.import',
  rule:
    'A contract service brings a multi-signed contract, with the terms as the machine judges by them. Its signatures ' +
    'are evidence: each signatory still accepts the terms by contract.sign.',
  signer: 'active',
  roles: ['CONTRACT_SERVICE'],
  body: struct({ ...contractTerms, multiSigned: bytes({ min: 1, max: MAX_MULTI_SIGNED }) }),
  subject: ({ id }) => id,
  refusals: {
    MULTISIG_SIGNER_MISSING: 'A participant of the multi-signed contract has not signed it.',
    MULTISIG_SIGNER_EXTRA:
      'Somebody signed the multi-signed contract who is no participant of it, or signed twice.',
    MULTISIG_SIGNATURE_INVALID:
      'A signature of the multi-signed contract is not by a good key that the signer has registered under this alias.',
    PARTICIPANT_LIST_MISMATCH:
      'The participants of the multi-signed contract are not the TDC, every TDP, and at most the CCRP beside them.',
    CONTRACT_DIGEST_MISMATCH,
    ...PARTY_FAULTS,
    ...TERMS_FAULTS,
  },
  shared: ['COSE_MALFORMED', 'HEADER_MISSING', 'PLACEHOLDER_VALUE', 'SECRET_IN_BODY', ...TERMS_SHARED],

  apply(ctx, body) {
    const signed = readMultiSigned(body.multiSigned);
    if (isRefusal(signed)) return signed;
    const fault = signersFault(ctx, signed) ?? participantsFault(signed, body);
    if (fault) return fault;
    const stated =
      equal(ctx.crypto.sha256(signed.text), body.text) && signed.contentType === body.contentType;
    if (!stated) return refuse('CONTRACT_DIGEST_MISMATCH');
    const { multiSigned, ...terms } = body;
    const party = partiesFault(ctx, terms);
    if (party) return party;
    const record = propose(ctx, terms);
    if (isRefusal(record)) return record;
    return [CONTRACT.put({ ...record, imported: ctx.crypto.sha256(multiSigned) }, body.id)];
  },
});

/** Everybody who is listed has signed, once, and nobody else. */
function signersFault(ctx: Context, { participants, signers }: MultiSigned) {
  const missing = participants.find((did) => !signers.some((signer) => signer.did === did));
  if (missing !== undefined) return refuse('MULTISIG_SIGNER_MISSING', missing);
  const extra = signers.find(
    ({ did }, i) => !participants.includes(did) || signers.findIndex((other) => other.did === did) < i,
  );
  if (extra) return refuse('MULTISIG_SIGNER_EXTRA', extra.did);
  const invalid = signers.find((signer) => !isVerified(ctx, signer));
  return invalid && refuse('MULTISIG_SIGNATURE_INVALID', `${invalid.did}, ${invalid.keyAlias}`);
}

/** By the one live key of this alias: a signature does not say when it was made, so no ended key will do. */
function isVerified(ctx: Context, { did, keyAlias, isBy }: TextSigner): boolean {
  for (const kid of PARTICIPANT.read(ctx.read, did)?.keys ?? []) {
    const key = KEY.read(ctx.read, kid);
    if (key?.use !== 'sig' || key.alias !== keyAlias || keyFault(ctx.read, key, ctx.time)) continue;
    const publicKey = signatureKey(ctx.crypto, kid, key.key);
    return !isRefusal(publicKey) && isBy(publicKey);
  }
  return false;
}

/** Today's contracts are signed by those who bring data and who trains; the CCRP may be among them. */
function participantsFault(
  { participants }: MultiSigned,
  { parties }: ContractBody,
): Refusal<'PARTICIPANT_LIST_MISMATCH'> | undefined {
  const needed = [parties.tdc, ...parties.tdps];
  const missing = needed.find((did) => !participants.includes(did));
  if (missing !== undefined) return refuse('PARTICIPANT_LIST_MISMATCH', `${missing} is not in it`);
  const other = participants.find((did) => !needed.includes(did) && did !== parties.ccrp);
  return other === undefined ? undefined : refuse('PARTICIPANT_LIST_MISMATCH', `${other} is no party`);
}
