// One case for each thing that can be refused, a file for each part of the judgement. A new kind adds a file here.

import attestation from './attestation.ts';
import type { RefusalCase } from './base.ts';
import cleanroom from './cleanroom.ts';
import contract from './contract.ts';
import contractTerms from './contract-terms.ts';
import dataset from './dataset.ts';
import delegate from './delegate.ts';
import envelope from './envelope.ts';
import foreign from './foreign.ts';
import governance from './governance.ts';
import key from './key.ts';
import keyRecovery from './key-recovery.ts';
import keyRelease from './key-release.ts';
import model from './model.ts';
import participant from './participant.ts';
import participantStanding from './participant-standing.ts';
import payment from './payment.ts';
import place from './place.ts';
import published from './published.ts';
import run from './run.ts';
import signer from './signer.ts';

export const REFUSALS: readonly RefusalCase[] = [
  ...envelope,
  ...foreign,
  ...place,
  ...signer,
  ...governance,
  ...published,
  ...delegate,
  ...participant,
  ...participantStanding,
  ...key,
  ...keyRecovery,
  ...dataset,
  ...contractTerms,
  ...contract,
  ...cleanroom,
  ...attestation,
  ...keyRelease,
  ...run,
  ...model,
  ...payment,
];
