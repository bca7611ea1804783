/**
 * Whether a contract is in force at a time. The tests have one order, and the first that fails names the answer
 * (LIFECYCLE "inForce"); rules and gates ask the same function. Ends by time are derived here; nothing is stored then.
 */
import type { StateReader } from './record.ts';
import { CONTRACT, type ContractRecord } from './records/contract.ts';
import { DATASET } from './records/dataset.ts';
import { AGREEMENT } from './records/governance.ts';
import { type Refusal, refuse } from './refusal.ts';
import { isVoid } from './standing.ts';
import { PARTICIPANT } from './state.ts';
import { stateAt } from './stop.ts';

/** The contract itself, and its parties: what ends it for rooms that have their keys as well. */
export const CONTRACT_FAULTS = {
  CONTRACT_NOT_FOUND: 'There is no contract with this id.',
  CONTRACT_DECLINED: 'A signatory has declined the contract.',
  CONTRACT_LAPSED: 'The contract was not signed by everybody in time.',
  CONTRACT_NOT_FULLY_SIGNED: 'Not every signatory has signed the contract.',
  CONTRACT_SUPERSEDED: 'Another contract has taken the place of this one.',
  CONTRACT_COMPLETED: 'The contract has been completed.',
  CONTRACT_REVOKED: 'The contract has been revoked.',
  CONTRACT_NOT_STARTED: 'The contract’s term has not begun.',
  CONTRACT_EXPIRED: 'The contract’s term has ended.',
  PARTY_REVOKED: 'A signatory has been revoked, or has withdrawn.',
  PARTY_SUSPENDED: 'A signatory is suspended.',
  PARTY_VALIDITY_ENDED: 'The verification of a signatory has ended.',
  PARTY_AGREEMENT_LAPSED:
    'A signatory has not accepted the agreement that is now current, and its time is over.',
} as const;
const SIGNATURE_FAULTS = {
  SIGNING_KEY_REVOKED: 'A signature of the contract was made with a key that was compromised by then.',
} as const;
/** The datasets that it names. */
export const DATASET_FAULTS = {
  DATASET_WITHDRAWN: 'A dataset of the contract has been withdrawn.',
  DATASET_SUSPENDED: 'A dataset of the contract is suspended.',
  DATASET_EXPIRED: 'The retention of a dataset of the contract has ended.',
} as const;
export const IN_FORCE_FAULTS = { ...CONTRACT_FAULTS, ...SIGNATURE_FAULTS, ...DATASET_FAULTS } as const;
/** A grant stands when a signature turns out void, so whoever has its keys finishes. */
export const STILL_IN_FORCE_FAULTS = { ...CONTRACT_FAULTS, ...DATASET_FAULTS } as const;

type SignatureFault = keyof typeof SIGNATURE_FAULTS;
type DatasetFault = keyof typeof DATASET_FAULTS;
export type ContractFault = keyof typeof CONTRACT_FAULTS;
export type InForceFault = keyof typeof IN_FORCE_FAULTS;
export type StillInForceFault = keyof typeof STILL_IN_FORCE_FAULTS;

/** Contract, parties and their signatures, then datasets. @param time Unix milliseconds */
export function inForceFault(read: StateReader, id: string, time: number): Refusal<InForceFault> | undefined {
  return standsFault(read, id, time, voidFault) ?? datasetsFault(read, id, time);
}

/** The same for a room that has its keys: what a signature was worth, the grants have settled. */
export function stillInForceFault(
  read: StateReader,
  id: string,
  time: number,
): Refusal<StillInForceFault> | undefined {
  return contractFault(read, id, time) ?? datasetsFault(read, id, time);
}

/** The contract and its parties: what a release of what has been trained needs. @param time Unix milliseconds */
export function contractFault(
  read: StateReader,
  id: string,
  time: number,
): Refusal<ContractFault> | undefined {
  return standsFault(read, id, time, () => undefined);
}

/** @param signatureFault what else speaks against a signature than who made it */
function standsFault<Fault extends string>(
  read: StateReader,
  id: string,
  time: number,
  signatureFault: (read: StateReader, signature: Signature) => Refusal<Fault> | undefined,
): Refusal<ContractFault | Fault> | undefined {
  const contract = CONTRACT.read(read, id);
  if (!contract) return refuse('CONTRACT_NOT_FOUND', id);
  const fault = termFault(contract, time);
  if (fault) return fault;
  for (const signature of contract.signatures) {
    const of = partyFault(read, signature.did, time) ?? signatureFault(read, signature);
    if (of) return of;
  }
  return undefined;
}

type Signature = ContractRecord['signatures'][number];

function voidFault(read: StateReader, { did, kid, at }: Signature): Refusal<SignatureFault> | undefined {
  return isVoid(read, kid, at) ? refuse('SIGNING_KEY_REVOKED', did) : undefined;
}

function termFault(contract: ContractRecord, time: number): Refusal<ContractFault> | undefined {
  switch (stateAt(contract, time)) {
    case 'DECLINED':
      return refuse('CONTRACT_DECLINED');
    case 'PROPOSED':
    case 'PARTLY_SIGNED':
      return refuse(contract.lapses < time ? 'CONTRACT_LAPSED' : 'CONTRACT_NOT_FULLY_SIGNED');
    case 'SUPERSEDED':
      return refuse('CONTRACT_SUPERSEDED');
    case 'COMPLETED':
      return refuse('CONTRACT_COMPLETED');
    case 'REVOKED':
      return refuse('CONTRACT_REVOKED');
    case 'SIGNED':
      if (time < contract.start * 1000) return refuse('CONTRACT_NOT_STARTED');
      return time > contract.expiry * 1000 ? refuse('CONTRACT_EXPIRED') : undefined;
  }
}

function partyFault(read: StateReader, did: string, time: number): Refusal<ContractFault> | undefined {
  const party = PARTICIPANT.read(read, did);
  const state = party && stateAt(party, time);
  if (!party || state === 'REVOKED' || state === 'WITHDRAWN' || state === 'REJECTED') {
    return refuse('PARTY_REVOKED', did);
  }
  if (state === 'SUSPENDED') return refuse('PARTY_SUSPENDED', did);
  if (party.validUntil !== undefined && party.validUntil * 1000 < time)
    return refuse('PARTY_VALIDITY_ENDED', did);
  if (state !== 'ACTIVE') return refuse('PARTY_AGREEMENT_LAPSED', did);
  return agreementLapsed(read, party.agreement, time) ? refuse('PARTY_AGREEMENT_LAPSED', did) : undefined;
}

/** Whether a later version has come, and the time to accept it is over. */
function agreementLapsed(
  read: StateReader,
  accepted: { id: string; version: number } | undefined,
  time: number,
): boolean {
  const current = accepted && AGREEMENT.read(read, accepted.id);
  return current !== undefined && current.version > accepted!.version && current.acceptBy * 1000 < time;
}

function datasetsFault(read: StateReader, id: string, time: number): Refusal<DatasetFault> | undefined {
  for (const { id: dataset, version } of CONTRACT.read(read, id)!.datasets) {
    const record = DATASET.read(read, dataset, version);
    const state = record && stateAt(record, time);
    if (!record || state === 'WITHDRAWN') return refuse('DATASET_WITHDRAWN', dataset);
    if (state === 'SUSPENDED') return refuse('DATASET_SUSPENDED', dataset);
    if (record.retentionUntil !== undefined && record.retentionUntil * 1000 < time) {
      return refuse('DATASET_EXPIRED', dataset);
    }
  }
  return undefined;
}
