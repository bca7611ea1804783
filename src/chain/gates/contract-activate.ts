/** contract.activate: is this contract, by the text that the asker holds, signed by everybody and in force? */
import { equal } from '../../core/bytes.ts';
import { IN_FORCE_FAULTS, inForceFault } from '../in-force.ts';
import { CONTRACT } from '../records/contract.ts';
import { refuse } from '../refusal.ts';
import { bool, optional, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { declareGate } from './gate.ts';

export const activate = declareGate({
  step: 'contract.activate',
  question: 'Is the contract with this text fully signed and in force?',
  members: {
    contract: urn('contract'),
    /** SHA-256 of the contract's text. */
    text: digest,
    /** Bring every signatory's signed acceptance along. */
    full: optional(bool),
  },
  reasons: {
    ...IN_FORCE_FAULTS,
    CONTRACT_DIGEST_MISMATCH: 'The contract has another text.',
  },
  decide({ read, at }, { contract: id, text }) {
    const contract = CONTRACT.read(read, id);
    if (contract && !equal(contract.text, text)) return refuse('CONTRACT_DIGEST_MISMATCH');
    return inForceFault(read, id, at);
  },
  /** The keys of the signatories are among the reads: whether a signature was voided is asked of each. */
  evidence({ read }, { contract: id, full }) {
    const signatures = full ? (CONTRACT.read(read, id)?.signatures ?? []) : [];
    return signatures.map(({ entry }) => entry);
  },
});
