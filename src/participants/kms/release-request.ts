/** What the ledger says of a release before anything is done about it: what was asked for, by which room, and whose the key is. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  CLEANROOM,
  type CleanroomRecord,
  CODE,
  DATASET,
  MODEL,
  RELEASE,
  type ReleaseRecord,
} from '../../chain/index.ts';
import { hasExpired } from '../../chain/release-fault.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { knownState } from './known-state.ts';

export interface ReleaseRequest {
  /** URN. */
  readonly id: string;
  readonly record: ReleaseRecord;
  readonly room: CleanroomRecord;
  /** DID of who owns the dataset or base model. */
  readonly owner: string;
  /** SHA-256 of each policy that the room's code may run under. */
  readonly hostData: readonly Bytes[];
}

/** Milliseconds: heads are cosigned a moment after the entry is logged, and the room may be faster than that. */
const PAUSE = 500;

/** @throws RELEASE_NOT_FOUND after `patience` milliseconds; RELEASE_MISMATCH of another KMS; as the ledger’s facts */
export async function releaseRequest(
  client: LedgerClient,
  kms: string,
  id: string,
  patience = 0,
): Promise<ReleaseRequest> {
  const record = await found(client, id, Date.now() + patience);
  if (record.kms !== kms) throw new LedgerError('RELEASE_MISMATCH', 'of another key management service');
  const { cleanroom, subject, version } = record;
  const keys = [
    CLEANROOM.key(cleanroom),
    version === undefined ? MODEL.key(subject) : DATASET.key(subject, version),
  ];
  const { read } = await knownState(client, keys);
  const room = CLEANROOM.read(read, cleanroom);
  const owner =
    version === undefined ? MODEL.read(read, subject)?.owner : DATASET.read(read, subject, version)?.provider;
  if (!room || owner === undefined) throw fail('INTERNAL', 'a release without a room, or of nothing');
  const code = await knownState(client, [CODE.key(room.code)]);
  return { id, record, room, owner, hostData: CODE.read(code.read, room.code)?.hostData ?? [] };
}

async function found(client: LedgerClient, id: string, until: number): Promise<ReleaseRecord> {
  for (;;) {
    const { read } = await knownState(client, [RELEASE.key(id)]);
    const record = RELEASE.read(read, id);
    if (record) return record;
    if (Date.now() + PAUSE > until) {
      throw new LedgerError('RELEASE_NOT_FOUND', 'no clean room has asked for a release with this id');
    }
    await delay(PAUSE);
  }
}

/** What speaks against asking the ledger: it has decided already, and not on a nonce of this process. */
export function checkUndecided({ record }: ReleaseRequest, now: number): void {
  const { state, denial } = record;
  if (state === 'REQUESTED') return;
  const code = {
    DENIED: denial ?? 'RELEASE_DENIED',
    CANCELLED: 'RELEASE_CANCELLED',
    RECEIVED: 'RELEASE_ALREADY_RECEIVED',
    GRANTED: hasExpired(record, now) ? 'RELEASE_EXPIRED' : 'NONCE_MISMATCH',
  }[state];
  throw new LedgerError(code, `the release is ${state}`);
}

/**
 * Which of the policies that its code is certified for a room runs under is for its verifiers; the owner has to have imported
 * the key for each of them. @throws KEY_POLICY_NOT_MET
 */
export function checkPolicy({ hostData, room }: ReleaseRequest, imported: readonly Bytes[]): void {
  const covered = hostData.every((one) => imported.some((other) => equal(one, other)));
  if (hostData.length > 0 && covered) return;
  throw fail('KEY_POLICY_NOT_MET', `the key was not imported for all host data of ${room.code}`);
}
