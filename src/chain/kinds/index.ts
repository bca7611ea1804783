// The kinds of entry, one file for each subject. A kind is a declaration (../kind.ts): body, signer, refusals, rule.
// Adding one touches its subject's file and this list. Rules are pure; what all kinds share is in ../transition.ts.
import type { Kind } from '../kind.ts';
import { add as addKey, revoke as revokeKey } from './key.ts';
import { genesis } from './log.ts';
import { register as registerParticipant, verify as verifyParticipant } from './participant.ts';
import { publish as publishPolicy } from './policy.ts';

export const KINDS = [
  genesis,
  publishPolicy,
  registerParticipant,
  verifyParticipant,
  addKey,
  revokeKey,
] as const;

export type KindName = (typeof KINDS)[number]['name'];

const byName: ReadonlyMap<string, Kind> = new Map(KINDS.map((kind) => [kind.name, kind]));

export function kindNamed(name: string): Kind | undefined {
  return byName.get(name);
}
