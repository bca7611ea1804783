// The kinds of entry, one file for each subject. A kind is a declaration (../kind.ts): body, signer, refusals, rule.
// Adding one touches its subject's file and this list. Rules are pure; what all kinds share is in ../transition.ts.
import type { Kind } from '../kind.ts';
import { accept as acceptAgreement, publish as publishAgreement } from './agreement.ts';
import { publish as publishAnchors } from './anchors.ts';
import { publish as publishAppraisalPolicy } from './appraisal-policy.ts';
import { appraise as appraiseRoom, attest as attestRoom } from './attestation.ts';
import { deploy as deployRoom } from './cleanroom.ts';
import { abort as abortRoom, terminate as terminateRoom } from './cleanroom-end.ts';
import { certify as certifyCode, revoke as revokeCode } from './code.ts';
import { proposeContract } from './contract.ts';
import { complete as completeContract, revoke as revokeContract } from './contract-end.ts';
import { importContract } from './contract-import.ts';
import { decline as declineContract, sign as signContract } from './contract-signing.ts';
import { register as registerDataset, update as updateDataset } from './dataset.ts';
import {
  reinstate as reinstateDataset,
  suspend as suspendDataset,
  withdraw as withdrawDataset,
} from './dataset-standing.ts';
import { grant as grantDelegation, revoke as revokeDelegation } from './delegate.ts';
import { add as addKey, revoke as revokeKey } from './key.ts';
import { object as objectToKey, recover as recoverKey } from './key-recovery.ts';
import {
  cancel as cancelRelease,
  receive as receiveKey,
  release as releaseKey,
  request as requestKey,
} from './key-release.ts';
import { genesis } from './log.ts';
import { derive as deriveModel, register as registerModel, release as releaseModel } from './model.ts';
import {
  deploy as deployModel,
  recall as recallModel,
  receive as receiveModel,
  retire as retireModel,
} from './model-use.ts';
import { register as registerParticipant, verify as verifyParticipant } from './participant.ts';
import {
  reinstate as reinstateParticipant,
  revoke as revokeParticipant,
  suspend as suspendParticipant,
  withdraw as withdrawParticipant,
} from './participant-standing.ts';
import {
  fail as failPayment,
  hold as holdPayment,
  refund as refundPayment,
  settle as settlePayment,
} from './payment.ts';
import { publish as publishPolicy } from './policy.ts';
import { complete as completeRun, fail as failRun, log as logRun, start as startRun } from './run.ts';

export const KINDS = [
  genesis,
  publishPolicy,
  publishAgreement,
  publishAnchors,
  publishAppraisalPolicy,
  certifyCode,
  revokeCode,
  grantDelegation,
  revokeDelegation,
  registerParticipant,
  verifyParticipant,
  acceptAgreement,
  addKey,
  revokeKey,
  recoverKey,
  objectToKey,
  suspendParticipant,
  reinstateParticipant,
  revokeParticipant,
  withdrawParticipant,
  registerDataset,
  updateDataset,
  suspendDataset,
  reinstateDataset,
  withdrawDataset,
  proposeContract,
  signContract,
  declineContract,
  importContract,
  revokeContract,
  completeContract,
  deployRoom,
  attestRoom,
  appraiseRoom,
  abortRoom,
  terminateRoom,
  requestKey,
  releaseKey,
  cancelRelease,
  receiveKey,
  startRun,
  logRun,
  completeRun,
  failRun,
  registerModel,
  releaseModel,
  receiveModel,
  deployModel,
  retireModel,
  deriveModel,
  recallModel,
  holdPayment,
  settlePayment,
  refundPayment,
  failPayment,
] as const;

export type KindName = (typeof KINDS)[number]['name'];

const byName: ReadonlyMap<string, Kind> = new Map(KINDS.map((kind) => [kind.name, kind]));

export function kindNamed(name: string): Kind | undefined {
  return byName.get(name);
}
