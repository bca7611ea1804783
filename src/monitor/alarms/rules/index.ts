// What an SRO watches for, one subject a file. Adding a rule touches its file and this list. Rules see accepted entries
// and what was before them (../chronicle.ts); they share no code with the rules of the log, which they are to check.
import type { WatchRule } from '../rule.ts';
import {
  keyAfterStop,
  keyDenied,
  keyLate,
  keyTwice,
  keyUnpaid,
  keyUnrequested,
  keyWithoutAttestation,
} from './key-release.ts';
import { modelAfterStop, modelToStranger, modelUnpaid, modelWithoutRun } from './model.ts';
import { roomAfterStop, roomBeyondContract, roomWithoutContract } from './room.ts';
import {
  budgetOver,
  outputNotPrivate,
  runAfterStop,
  runOverPipeline,
  runWithoutReservation,
  spendDecreased,
} from './run.ts';

export const WATCH_RULES: readonly WatchRule[] = [
  roomWithoutContract,
  roomAfterStop,
  roomBeyondContract,
  keyUnrequested,
  keyWithoutAttestation,
  keyUnpaid,
  keyAfterStop,
  keyTwice,
  keyDenied,
  keyLate,
  runWithoutReservation,
  runAfterStop,
  runOverPipeline,
  spendDecreased,
  budgetOver,
  outputNotPrivate,
  modelWithoutRun,
  modelAfterStop,
  modelUnpaid,
  modelToStranger,
];
