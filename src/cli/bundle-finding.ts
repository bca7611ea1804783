/** What was found of a proof bundle, in words and as JSON; and what a script is told by the exit code. */
import { LedgerError } from '../core/errors.ts';
import type { Trust, Verification, VerifiedBundle } from '../verify/index.ts';
import type { Finding } from './ladder-text.ts';
import { ladderJson } from './ladder-text.ts';
import type { Json } from './terminal.ts';

export function bundleFinding(
  subject: string,
  { origin }: Trust,
  verification: Verification<VerifiedBundle>,
): Finding {
  const { steps } = verification;
  if (!verification.verified) return { subject, steps, error: verification.error, proven: '', json: {} };
  const { outcome, recorded, step, at, head, witnessed, operatorTrusted, simulated } = verification.value;
  const said = recorded.reason === null ? recorded.decision : `${recorded.decision}: ${recorded.reason}`;
  const words = {
    allow: `ALLOW ${step}`,
    deny: `DENY ${step}: ${recorded.reason}`,
    'as of': `as of then, and not of now: ${step} was answered with ${said}`,
    report: `a report, and no answer to a question of yours: ${step}, ${said}`,
  };
  const parts = [
    words[outcome],
    `by the state of ${origin} at ${new Date(at).toISOString()}`,
    ...(operatorTrusted ? ['INSECURE: on the operator’s word alone'] : []),
    ...(simulated ? ['a log for development, which binds nobody'] : []),
  ];
  return {
    ...{ subject, steps, error: undefined, proven: parts.join('; ') },
    json: {
      ...{ step, outcome, recorded, at, treeSize: head.size, witnessed, operatorTrusted, simulated },
    },
  };
}

export function bundleJson({ subject, steps, error, json }: Finding): Json {
  return {
    file: subject,
    verified: error === undefined,
    code: error?.code,
    ...json,
    steps: ladderJson(steps),
  };
}

/** A denial ends a script as an error does: `&&` must not go on. @throws the reason of the denial */
export function throwDenial({ outcome, recorded, step }: VerifiedBundle): void {
  if (outcome === 'deny') throw new LedgerError(recorded.reason!, `${step} is denied`);
}
