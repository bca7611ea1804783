/**
 * Whether a contract may take the place of another. Nobody who signed the old one is left out, nothing of the old one
 * is still under way, and its runs count on.
 */
import type { Context } from './kind.ts';
import { CONTRACT, type ContractRecord } from './records/contract.ts';
import { type Refusal, refuse } from './refusal.ts';

/** Of a proposal: it may wait for the rooms of the old one to end. */
export function supersedesFault(
  ctx: Pick<Context, 'read'>,
  { supersedes, signatories }: Pick<ContractRecord, 'supersedes' | 'signatories'>,
): Refusal<'SUPERSEDES_INVALID'> | undefined {
  if (supersedes === undefined) return undefined;
  const old = CONTRACT.read(ctx.read, supersedes);
  // One that is to be revoked at a later time is not in its term either: its revocation would be lost.
  if (old?.state !== 'SIGNED') return refuse('SUPERSEDES_INVALID', old?.state ?? 'no such contract');
  const missing = old.signatories.find((did) => !signatories.includes(did));
  return missing === undefined ? undefined : refuse('SUPERSEDES_INVALID', `${missing} has to sign as well`);
}

/** The old contract, at the moment in which the new one is fully signed. */
export function superseded(
  ctx: Pick<Context, 'read'>,
  record: ContractRecord,
): ContractRecord | undefined | Refusal<'SUPERSEDES_INVALID'> {
  const fault = supersedesFault(ctx, record);
  if (fault || record.supersedes === undefined) return fault;
  const old = CONTRACT.read(ctx.read, record.supersedes)!;
  return old.openRooms === 0 ? old : refuse('SUPERSEDES_INVALID', 'a clean room has not ended');
}
