/** A verification as the ladder of its steps: ✓ holds, ✗ fails, – not checked. One step a line. */
import type { LedgerError } from '../core/errors.ts';
import type { Step } from '../verify/index.ts';
import { printable } from './printable.ts';
import type { Json, Output } from './terminal.ts';

/** A step of a verification, or one that this command adds to it. */
export type Rung = Omit<Step, 'step'> & { readonly step: string };

/** What came of one thing that was verified. */
export interface Finding {
  /** Files by name. */
  readonly subject: string;
  readonly steps: readonly Rung[];
  readonly error: LedgerError | undefined;
  /** What is proven, in words; only without an error. */
  readonly proven: string;
  readonly json: { readonly [name: string]: Json | undefined };
}

const MARK = {
  ok: { sign: '✓', colour: 'green' },
  failed: { sign: '✗', colour: 'red' },
  skipped: { sign: '–', colour: 'dim' },
} as const;
/** Of the longest step name. */
const WIDTH = 16;

export function findingText(output: Output, { subject, steps, error, proven }: Finding): string {
  const verdict = error
    ? output.paint('red', `NOT VERIFIED: ${error.code}`)
    : `${output.paint('green', 'VERIFIED')}: ${proven}`;
  return `${output.paint('bold', subject)}\n${ladderText(output, steps, '  ')}\n  ${verdict}`;
}

function ladderText(output: Output, steps: readonly Rung[], indent: string): string {
  return steps
    .map(({ step, outcome, detail, code }) => {
      const { sign, colour } = MARK[outcome];
      const reason = code === undefined ? '' : `${code}: `;
      return `${indent}${output.paint(colour, sign)} ${step.padEnd(WIDTH)} ${reason}${printable(detail)}`;
    })
    .join('\n');
}

export function ladderJson(steps: readonly Rung[]): Json {
  return steps.map(({ step, outcome, detail, code }) => ({ step, outcome, detail, code }));
}
