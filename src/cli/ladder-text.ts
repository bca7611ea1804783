/** A verification as the ladder of its steps: ✓ holds, ✗ fails, – not checked. One step a line. */
import type { Step } from '../verify/index.ts';
import { printable } from './printable.ts';
import type { Json, Output } from './terminal.ts';

const MARK = {
  ok: { sign: '✓', colour: 'green' },
  failed: { sign: '✗', colour: 'red' },
  skipped: { sign: '–', colour: 'dim' },
} as const;
/** Of the longest step name. */
const WIDTH = 17;

export function ladderText(output: Output, steps: readonly Step[], indent = ''): string {
  return steps
    .map(({ step, outcome, detail, code }) => {
      const { sign, colour } = MARK[outcome];
      const reason = code === undefined ? '' : `${code}: `;
      return `${indent}${output.paint(colour, sign)} ${step.padEnd(WIDTH)} ${reason}${printable(detail)}`;
    })
    .join('\n');
}

export function ladderJson(steps: readonly Step[]): Json {
  return steps.map(({ step, outcome, detail, code }) => ({ step, outcome, detail, code }));
}
