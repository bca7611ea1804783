// The gates, one file for each step. Adding one touches its file and this list.

import { spend as spendBudget } from './budget-spend.ts';
import { deploy as deployCleanroom } from './cleanroom-deploy.ts';
import { activate as activateContract } from './contract-activate.ts';
import { register as registerDataset } from './dataset-register.ts';
import type { Gate } from './gate.ts';
import { release as releaseKey } from './key-release.ts';
import { release as releaseModel } from './model-release.ts';
import { settle as settlePayment } from './payment-settle.ts';
import { start as startRun } from './run-start.ts';

export const GATES = [
  registerDataset,
  activateContract,
  deployCleanroom,
  releaseKey,
  startRun,
  spendBudget,
  releaseModel,
  settlePayment,
] as const;

type AnyGate = (typeof GATES)[number];
export type GateStep = AnyGate['step'];
/** What is asked before a step. @example RequestOf<'key.release'> */
export type RequestOf<Step extends GateStep> =
  Extract<AnyGate, { step: Step }> extends Gate<string, infer Request> ? Request : never;
/** Every reason for which a gate denies. */
export type GateReason = { [G in AnyGate as G['step']]: keyof G['reasons'] & string }[GateStep];

const byStep: ReadonlyMap<string, Gate> = new Map(GATES.map((gate) => [gate.step, gate as Gate]));

export function gateNamed(step: string): Gate | undefined {
  return byStep.get(step);
}
