/**
 * What a key release hangs on, and which stops deny it: for saying afterwards how fast a stop took effect. What is read
 * here of a release, its room and its contracts never changes once it is written, so any later state gives the same.
 */
import type { StateReader } from './record.ts';
import { CLEANROOM } from './records/cleanroom.ts';
import { CONTRACT } from './records/contract.ts';
import { RELEASE } from './records/release.ts';
import { KEY } from './state.ts';

/** Every participant and object whose stop can deny the release, and the release's own. */
export function releaseUpstream(read: StateReader, id: string): ReadonlySet<string> {
  const found = new Set<string>();
  const release = RELEASE.read(read, id);
  const room = release && CLEANROOM.read(read, release.cleanroom);
  if (!release || !room) return found;
  for (const name of [release.subject, release.contract, release.kms, release.cleanroom]) found.add(name);
  for (const name of [room.code, room.deployer, ...room.contracts]) found.add(name);
  for (const { subject } of room.mounts) found.add(subject);
  for (const contract of room.contracts) {
    const record = CONTRACT.read(read, contract);
    for (const did of [...(record?.signatories ?? []), ...(record?.verifiers ?? [])]) found.add(did);
    for (const dataset of record?.datasets ?? []) found.add(dataset.id);
  }
  return found;
}

interface ReleaseStop {
  /** Reasons of denials that it causes. */
  readonly reasons: readonly string[];
  /** Whom it stops, where that is not the subject of the entry. */
  readonly subject?: (read: StateReader, body: unknown) => string | undefined;
}

const BLOCKED = 'CLEANROOM_BLOCKED';
const PARTY: ReleaseStop = { reasons: ['PARTY_SUSPENDED', 'PARTY_REVOKED', BLOCKED] };
const DATASET: ReleaseStop = { reasons: ['DATASET_SUSPENDED', 'DATASET_WITHDRAWN', BLOCKED] };

/** By kind. */
export const RELEASE_STOPS: Readonly<Record<string, ReleaseStop>> = {
  'participant.suspend': PARTY,
  'participant.revoke': PARTY,
  'participant.withdraw': PARTY,
  'dataset.suspend': DATASET,
  'dataset.withdraw': DATASET,
  'contract.revoke': { reasons: ['CONTRACT_REVOKED', BLOCKED] },
  'code.revoke': { reasons: ['CODE_REVOKED', BLOCKED] },
  'model.recall': { reasons: [BLOCKED] },
  'key.revoke': {
    reasons: ['SIGNING_KEY_REVOKED', 'APPRAISAL_STALE', BLOCKED],
    subject: (read, body) => KEY.read(read, (body as { kid: Uint8Array }).kid)?.owner,
  },
};
