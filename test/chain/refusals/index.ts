// One case for each thing that can be refused, a file for each part of the judgement. A new kind adds a file here.

import type { RefusalCase } from './base.ts';
import envelope from './envelope.ts';
import foreign from './foreign.ts';
import governance from './governance.ts';
import key from './key.ts';
import participant from './participant.ts';
import place from './place.ts';
import signer from './signer.ts';

export const REFUSALS: readonly RefusalCase[] = [
  ...envelope,
  ...foreign,
  ...place,
  ...signer,
  ...governance,
  ...participant,
  ...key,
];
