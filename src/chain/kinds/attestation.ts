/** cleanroom.attest and cleanroom.appraise: what a clean room is, and who has looked into it. */
import { equal } from '../../core/bytes.ts';
import { type Appraised, appraised } from '../appraised.ts';
import { type Context, declareKind } from '../kind.ts';
import { KID_TAKEN } from '../listed-key.ts';
import type { Write } from '../record.ts';
import {
  CLEANROOM,
  type CleanroomRecord,
  EVIDENCE,
  EVIDENCE_ID,
  type EvidenceRecord,
  MAX_EVIDENCE,
} from '../records/cleanroom.ts';
import { CONTRACT, type ContractRecord } from '../records/contract.ts';
import { ANCHORS, APPRAISAL_POLICY, CODE, hostData, teeType } from '../records/governance.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { roomStateAt } from '../room-end.ts';
import { roomKeys } from '../room-key.ts';
import {
  bool,
  bytes,
  type Infer,
  list,
  oneOf,
  optional,
  seconds,
  struct,
  text,
  uint,
  urn,
} from '../schema.ts';
import { coseKey, digest } from '../state.ts';

const MAX_PROOF = 512;
const MAX_CHECKS = 64;

export const attest = declareKind({
  name: 'cleanroom.attest',
  rule:
    'The deployer lists evidence about its clean room, and the keys that the evidence vouches for. It counts for nothing ' +
    'before verifiers have appraised it; until the first GRANT another may follow, with other keys.',
  signer: 'active',
  body: struct({
    id: urn('cleanroom'),
    tee: teeType,
    /** SHA-256 of the evidence; the evidence itself is in the evidence store. */
    evidence: digest,
    /** What the room signs with, and what data keys are to be wrapped to. */
    signKey: coseKey,
    wrapKey: coseKey,
    /** The signing key's proof, over the room, its deployment, the evidence and the wrapping key. */
    pop: optional(bytes({ min: 1, max: MAX_PROOF })),
  }),
  subject: (body) => body.id,
  refusals: { KID_TAKEN },
  shared: [
    'ROLE_NOT_HELD',
    'STATE_WRONG',
    'ID_TAKEN',
    'KEY_MALFORMED',
    'KEY_WEAK',
    'ALG_NOT_ALLOWED',
    'POP_MISSING',
  ],

  apply(ctx, body) {
    const { id, evidence, tee, signKey, wrapKey } = body;
    const room = CLEANROOM.read(ctx.read, id);
    if (!room) return refuse('STATE_WRONG', 'no such clean room');
    if (room.deployer !== ctx.signer.did) return refuse('ROLE_NOT_HELD', 'not the deployer');
    const state = roomStateAt(room, ctx.time);
    if (state !== 'PROVISIONED' && state !== 'ATTESTED') return refuse('STATE_WRONG', state);
    if (EVIDENCE.read(ctx.read, id, evidence)) return refuse('ID_TAKEN', 'this evidence is listed already');
    if (room.evidence >= MAX_EVIDENCE) return refuse('STATE_WRONG', `no more than ${MAX_EVIDENCE} times`);
    const keys = roomKeys(ctx, { id, room, evidence, signKey, wrapKey, pop: body.pop });
    if (isRefusal(keys)) return keys;
    const record: EvidenceRecord = { tee, signKey, wrapKey, entry: ctx.index, results: [] };
    const listed = { evidence: room.evidence + 1, changed: ctx.index, changedAt: ctx.time };
    return [EVIDENCE.put(record, id, evidence), CLEANROOM.put({ ...room, ...listed }, id)];
  },
});

/**
 * What whoever affirms has to have looked at (ATTESTATION "Checks"): names of checks begin with one of these. Which checks
 * there are is for appraisers; a result that is silent about a whole part of the evidence cannot be held to anything.
 */
const AFFIRMED = [
  ...['report', 'product', 'chain', 'vek', 'tcb', 'chip', 'guest', 'platform', 'launch'],
  ...['host-data', 'binding', 'freshness'],
];

const published = <Id>(id: Id) => ({ id, version: uint({ min: 1 }), digest });

const appraisal = struct({
  id: urn('cleanroom'),
  /** SHA-256 of the evidence, as it was listed. */
  evidence: digest,
  /** SHA-256 of what the hardware signed: one report is one room’s, whatever else is put around it. */
  evidenceId: digest,
  policy: struct(published(urn('appraisal-policy'))),
  anchors: struct(published(urn('anchors'))),
  /** Time of the head of this log that the evidence names, Unix seconds: it is no older than that. */
  head: seconds,
  /** What the evidence says of the room’s policy. */
  hostData,
  result: oneOf('affirming', 'warning', 'contraindicated'),
  checks: list(struct({ name: text({ max: 64 }), passed: bool, value: optional(text({ max: 256 })) }), {
    max: MAX_CHECKS,
  }),
});
type Appraisal = Infer<typeof appraisal>;

export const appraise = declareKind({
  name: 'cleanroom.appraise',
  rule:
    'A verifier of the contracts says what the evidence is worth. Once a quorum of each contract affirms one piece of ' +
    'evidence, its keys are the room’s: PROVISIONED → ATTESTED. A contraindicated result after an affirming one blocks ' +
    'the room for good. Age runs from the head that the evidence names. Who affirms says what came of each part of the ' +
    'evidence; what was affirmed counts while policy and anchors are current, until its verifier says less, and not at ' +
    'all if the verifier’s key was compromised.',
  signer: 'active',
  roles: ['VERIFIER'],
  body: appraisal,
  subject: (body) => body.id,
  refusals: {
    VERIFIER_NOT_IN_CONTRACT: 'Who appraises is a verifier of none of the room’s contracts.',
    EVIDENCE_UNKNOWN: 'The room has not listed this evidence.',
    EVIDENCE_REPLAYED: 'The evidence is that of another clean room.',
    APPRAISAL_POLICY_NOT_CURRENT:
      'The appraisal policy is not the contract’s, or not the version that is current.',
    ANCHORS_NOT_CURRENT: 'The anchors are not the current ones for this type of evidence.',
    HOST_DATA_MISMATCH: 'The host data in the evidence is not that of the code.',
    KID_TAKEN,
  },
  shared: ['STATE_WRONG', 'NUMBER_MALFORMED', 'SCHEMA_INVALID'],

  apply(ctx, body) {
    const { id, result } = body;
    const room = CLEANROOM.read(ctx.read, id);
    if (!room) return refuse('STATE_WRONG', 'no such clean room');
    const contracts = room.contracts.map((contract) => CONTRACT.read(ctx.read, contract)!);
    const verifier = ctx.signer.did;
    const own = contracts.filter(({ verifiers }) => verifiers.includes(verifier));
    if (own.length === 0 || verifier === room.deployer) return refuse('VERIFIER_NOT_IN_CONTRACT');
    const evidence = EVIDENCE.read(ctx.read, id, body.evidence);
    if (!evidence) return refuse('EVIDENCE_UNKNOWN');
    const seen = EVIDENCE_ID.read(ctx.read, body.evidenceId);
    // That evidence is another's is worth logging; only who affirms it would let it count twice.
    if (seen && seen.cleanroom !== id && result !== 'contraindicated') {
      return refuse('EVIDENCE_REPLAYED', seen.cleanroom);
    }
    const fault = judgementFault(ctx, body, { room, own, evidence });
    if (fault) return fault;
    const state = roomStateAt(room, ctx.time);
    if (state === 'TERMINATED' || state === 'ABORTED' || state === 'FAILED')
      return refuse('STATE_WRONG', state);
    if (body.head * 1000 > ctx.time) return refuse('NUMBER_MALFORMED', 'a head to come');

    const found: Appraised = { id, room, contracts, digest: body.evidence, evidence };
    const { policy, anchors } = body;
    const writes = appraised(ctx, found, {
      ...{ verifier, kid: ctx.kid, at: ctx.time, policy: policy.id, version: policy.version },
      anchors: { id: anchors.id, version: anchors.version },
      ...{ result, head: body.head * 1000 },
    });
    return isRefusal(writes) ? writes : [...writes, ...claim(body)];
  },
});

/** By the policy of a contract that the verifier is of, as it is now; affirming only what is as certified. */
function judgementFault(
  ctx: Context,
  body: Appraisal,
  of: { room: CleanroomRecord; own: readonly ContractRecord[]; evidence: EvidenceRecord },
) {
  const agreed = of.own.some(({ appraisalPolicy }) => appraisalPolicy === body.policy.id);
  if (!agreed || !isCurrentPolicy(ctx, body)) return refuse('APPRAISAL_POLICY_NOT_CURRENT');
  if (!areCurrentAnchors(ctx, body, of.evidence)) return refuse('ANCHORS_NOT_CURRENT');
  if (body.result !== 'affirming') return undefined;
  const certified = CODE.read(ctx.read, of.room.code)?.hostData ?? [];
  if (!certified.some((known) => equal(known, body.hostData))) return refuse('HOST_DATA_MISMATCH');
  const failed = body.checks.find(({ passed }) => !passed);
  if (failed) return refuse('SCHEMA_INVALID', `affirming, but ${failed.name} failed`);
  const unsaid = AFFIRMED.find((group) => !body.checks.some(({ name }) => name.startsWith(`${group}.`)));
  return unsaid && refuse('SCHEMA_INVALID', `affirming, but it says nothing of ${unsaid}`);
}

/** Only what a verifier affirms becomes the room’s: else anybody’s replay could take a report from the room it is of. */
function claim({ id, evidenceId, result }: Appraisal): readonly Write[] {
  return result === 'affirming' ? [EVIDENCE_ID.put({ cleanroom: id }, evidenceId)] : [];
}

function isCurrentPolicy({ read }: Context, { policy }: Appraisal): boolean {
  const current = APPRAISAL_POLICY.read(read, policy.id);
  return current?.version === policy.version && equal(current.digest, policy.digest);
}

function areCurrentAnchors({ read }: Context, { anchors }: Appraisal, { tee }: EvidenceRecord): boolean {
  const current = ANCHORS.read(read, anchors.id);
  return current?.version === anchors.version && equal(current.digest, anchors.digest) && current.tee === tee;
}
