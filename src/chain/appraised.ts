/**
 * What an appraisal changes: the evidence has one more result, and once a quorum of each contract affirms it, the room
 * has the keys that it vouches for. Who appraised late, or another machine's older evidence, never takes them away.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Context } from './kind.ts';
import { kidOf } from './public-key.ts';
import type { StateReader, Write } from './record.ts';
import { CLEANROOM, type CleanroomRecord, EVIDENCE, type EvidenceRecord } from './records/cleanroom.ts';
import type { ContractRecord } from './records/contract.ts';
import { APPRAISAL_POLICY } from './records/governance.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { areKeysOf, type RoomKids } from './room-key.ts';
import { KEY } from './state.ts';

/** What is appraised. */
export interface Appraised {
  /** URN of the room. */
  readonly id: string;
  readonly room: CleanroomRecord;
  readonly contracts: readonly ContractRecord[];
  /** SHA-256 of the evidence. */
  readonly digest: Bytes;
  readonly evidence: EvidenceRecord;
}
type Result = EvidenceRecord['results'][number];

export function appraised(
  ctx: Context,
  of: Appraised,
  result: Result,
): readonly Write[] | Refusal<'KID_TAKEN'> {
  const { id, room, digest, evidence } = of;
  const others = evidence.results.filter(
    ({ verifier, policy }) => verifier !== result.verifier || policy !== result.policy,
  );
  const now: EvidenceRecord = { ...evidence, results: [...others, result] };
  const attested = result.result === 'affirming' ? attestedBy(ctx, { ...of, evidence: now }) : { writes: [] };
  if (isRefusal(attested)) return attested;
  // Somebody was ready to trust this very evidence, or the room by another: it does not become trusted again.
  const retracted =
    result.result === 'contraindicated' &&
    (room.attestedHead !== undefined || evidence.results.some((before) => before.result === 'affirming'));
  const blocked = retracted && !room.blocked ? { blocked: { entry: ctx.index, at: ctx.time } } : {};
  const changed = { changed: ctx.index, changedAt: ctx.time };
  return [
    EVIDENCE.put(now, id, digest),
    CLEANROOM.put({ ...room, ...attested.change, ...blocked, ...changed }, id),
    ...attested.writes,
  ];
}

interface Attested {
  readonly change?: Partial<CleanroomRecord>;
  readonly writes: readonly Write[];
}

/** What changes for the room if the evidence is affirmed by now. */
function attestedBy(
  ctx: Context,
  { id, room, contracts, evidence }: Appraised,
): Attested | Refusal<'KID_TAKEN'> {
  const head = affirmedHead(ctx.read, contracts, evidence);
  if (head === undefined) return { writes: [] };
  const { signKey, wrapKey } = evidence;
  const kids = { signKid: kidOf(ctx.crypto, signKey), wrapKid: kidOf(ctx.crypto, wrapKey) };
  if (areKeysOf(room, kids)) {
    return { change: { attestedHead: Math.max(head, room.attestedHead ?? 0) }, writes: [] };
  }
  const first = room.attestedHead === undefined;
  if (!first && (room.granted || head <= room.attestedHead)) return { writes: [] };
  const keys = keyWrites(ctx, id, room, kids, signKey);
  if (isRefusal(keys)) return keys;
  return { change: { ...kids, attestedHead: head, state: 'ATTESTED' }, writes: keys };
}

/**
 * The age that a quorum of each contract vouches for: the latest time that all of some quorum name at least. Undefined:
 * not affirmed by all contracts. Only results by the policies that are current now count.
 */
function affirmedHead(
  read: StateReader,
  contracts: readonly ContractRecord[],
  { results }: EvidenceRecord,
): number | undefined {
  let oldest: number | undefined;
  for (const { verifiers, quorum, appraisalPolicy } of contracts) {
    const current = APPRAISAL_POLICY.read(read, appraisalPolicy)?.version;
    const heads = results
      .filter(({ result, verifier }) => result === 'affirming' && verifiers.includes(verifier))
      .filter(({ policy, version }) => policy === appraisalPolicy && version === current)
      .map(({ head }) => head)
      .sort((a, b) => b - a);
    const head = heads[quorum - 1];
    if (head === undefined) return undefined;
    oldest = Math.min(head, oldest ?? head);
  }
  return oldest;
}

/** The room signs with its new key from now on, and with the one before no more. */
function keyWrites(
  ctx: Context,
  id: string,
  { signKid: before }: CleanroomRecord,
  { signKid }: RoomKids,
  key: Bytes,
): readonly Write[] | Refusal<'KID_TAKEN'> {
  if (before && equal(before, signKid)) return [];
  // It was free when it was listed; who has it since has proven to have the same key.
  if (KEY.read(ctx.read, signKid)) return refuse('KID_TAKEN');
  const added = { added: ctx.index, addedAt: ctx.time, addedBy: null };
  const put = KEY.put({ owner: id, key, use: 'sig', alias: 'room', ...added }, signKid);
  const old = before && KEY.read(ctx.read, before);
  if (!old) return [put];
  const revoked = old.revoked ?? { entry: ctx.index, at: ctx.time, reason: 'rotation' as const };
  return [put, KEY.put({ ...old, revoked }, before)];
}
