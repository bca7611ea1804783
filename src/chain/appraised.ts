/**
 * What an appraisal changes: the evidence has one more result, and once a quorum of each contract affirms it, the room
 * has the keys that it vouches for. Who appraised late, or another machine's older evidence, never takes them away.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import { affirmation, affirmationFault, wasAffirmed } from './affirmation.ts';
import type { Context } from './kind.ts';
import { kidOf } from './public-key.ts';
import type { Write } from './record.ts';
import {
  AFFIRMATION,
  CLEANROOM,
  type CleanroomRecord,
  EVIDENCE,
  type EvidenceRecord,
} from './records/cleanroom.ts';
import type { ContractRecord } from './records/contract.ts';
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
  const affirmed = wasAffirmed(evidence);
  const now: EvidenceRecord = {
    ...{ ...evidence, results: [...others, result] },
    // A warning in between does not undo it.
    ...(affirmed && { affirmed: 'yes' as const }),
  };
  const appraisedNow = { ...of, evidence: now };
  const attested =
    result.result === 'affirming' ? attestedBy(ctx, appraisedNow) : withdrawnBy(ctx, appraisedNow, result);
  if (isRefusal(attested)) return attested;
  // Somebody was ready to trust this very evidence, or the room by another: it does not become trusted again.
  const retracted = result.result === 'contraindicated' && (room.attestedHead !== undefined || affirmed);
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
  { id, room, contracts, digest, evidence }: Appraised,
): Attested | Refusal<'KID_TAKEN'> {
  // With the last data key it is settled who vouched for them: what is affirmed later did not open anything.
  if (room.state !== 'PROVISIONED' && room.state !== 'ATTESTED') return { writes: [] };
  const affirmed = affirmation(ctx.read, contracts, evidence);
  if (!affirmed) return { writes: [] };
  const { head, by } = affirmed;
  const vouched = AFFIRMATION.put({ evidence: digest, by }, id);
  const { signKey, wrapKey } = evidence;
  const kids = { signKid: kidOf(ctx.crypto, signKey), wrapKid: kidOf(ctx.crypto, wrapKey) };
  const { attestedHead: last = -1 } = room;
  const first = room.attestedHead === undefined;
  // What does not hold any more is no reason to keep to it.
  const later = head > last || affirmationFault(ctx.read, id) !== undefined;
  if (areKeysOf(room, kids)) {
    return later ? { change: { attestedHead: head }, writes: [vouched] } : { writes: [] };
  }
  if (!first && (room.granted || !later)) return { writes: [] };
  const keys = keyWrites(ctx, id, room, kids, signKey);
  if (isRefusal(keys)) return keys;
  return { change: { ...kids, attestedHead: head, state: 'ATTESTED' }, writes: [vouched, ...keys] };
}

/**
 * Who now says less of the evidence than it had affirmed vouches for it no more: a quorum of the others does, or nobody
 * until it is affirmed anew. The keys stay the room's; no data key comes to them meanwhile.
 */
function withdrawnBy(
  ctx: Context,
  { id, room, contracts, digest, evidence }: Appraised,
  { verifier, policy, result }: Result,
): Attested {
  const before = AFFIRMATION.read(ctx.read, id);
  // What is contraindicated blocks the room for good. Once all data keys are there, who vouched for them is what happened.
  const vouched =
    before !== undefined &&
    result === 'warning' &&
    room.state === 'ATTESTED' &&
    equal(before.evidence, digest) &&
    before.by.some((each) => each.policy === policy && KEY.read(ctx.read, each.kid)?.owner === verifier);
  if (!vouched) return { writes: [] };
  const others = affirmation(ctx.read, contracts, evidence);
  return {
    ...(others && { change: { attestedHead: others.head } }),
    writes: [AFFIRMATION.put({ evidence: digest, by: others?.by ?? [] }, id)],
  };
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
