/** Every reason that a verdict can give: those of the frame, the shared ones, and each kind's own refusals. */
import { CODES, type CodeClass, type CoreCode } from '../core/codes.ts';
import { GATES } from './gates/index.ts';
import type { Kind, OwnReason } from './kind.ts';
import { KINDS } from './kinds/index.ts';
import type { FrameReason, SharedReason } from './refusal.ts';

export type KindReason = OwnReason<(typeof KINDS)[number]>;
export type Reason = FrameReason | SharedReason | KindReason;

/** Of gates and kinds; where both have one, it is the rule that the words are of. */
const OWN: ReadonlyMap<string, string> = new Map([
  ...GATES.flatMap((gate) => Object.entries(gate.reasons)),
  ...KINDS.flatMap((kind: Kind) => Object.entries({ ...kind.denials, ...kind.refusals })),
]);

/** What a code means and what its class is, whether it is a kind's own or of the catalogue. */
export function describeReason(code: string): { class: CodeClass; text: string } | undefined {
  const own = OWN.get(code);
  if (own !== undefined) return { class: 'refused', text: own };
  const core = Object.hasOwn(CODES, code) ? CODES[code as CoreCode] : undefined;
  return core && { class: core[0], text: core[1] };
}
