/**
 * Every type of record of the state map (LIFECYCLE "Records"), one file for each subject. What a record holds is what
 * rules and gates decide by; everything else about a subject is in its entries.
 */
import type { RecordType } from '../record.ts';
import { DELEGATION, GENESIS, KEY, PARTICIPANT, POLICY } from '../state.ts';
import { AFFIRMATION, CLEANROOM, EVIDENCE, EVIDENCE_ID } from './cleanroom.ts';
import { CONTRACT } from './contract.ts';
import { BUDGET, CIPHERTEXT, DATA_KEY, DATASET } from './dataset.ts';
import { AGREEMENT, ANCHORS, APPRAISAL_POLICY, CODE, OBLIGATIONS, RECOVERY } from './governance.ts';
import { MODEL } from './model.ts';
import { PAYMENT } from './payment.ts';
import { RELEASE, RELEASED } from './release.ts';
import { RUN } from './run.ts';

export const RECORDS: readonly Pick<RecordType<unknown, []>, 'type' | 'schema' | 'decode'>[] = [
  GENESIS,
  POLICY,
  AGREEMENT,
  ANCHORS,
  APPRAISAL_POLICY,
  CODE,
  PARTICIPANT,
  KEY,
  RECOVERY,
  OBLIGATIONS,
  DELEGATION,
  DATASET,
  CIPHERTEXT,
  DATA_KEY,
  BUDGET,
  CONTRACT,
  CLEANROOM,
  AFFIRMATION,
  EVIDENCE,
  EVIDENCE_ID,
  RELEASE,
  RELEASED,
  RUN,
  MODEL,
  PAYMENT,
];
