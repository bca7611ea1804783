/** Records of key releases: REQUESTED → GRANTED → RECEIVED; DENIED | CANCELLED; EXPIRED is derived. */
import { privacy } from '../privacy.ts';
import { recordType } from '../record.ts';
import {
  bytes,
  did,
  type Infer,
  list,
  milliseconds,
  oneOf,
  optional,
  struct,
  text,
  uint,
  urn,
} from '../schema.ts';
import { digest, kid } from '../state.ts';
import { charge, dataKeyId, MAX_CHARGES } from './dataset.ts';

/** Drawn by the KMS for one release, at least 16 random bytes. */
export const nonce = bytes({ min: 16, max: 64 });

export const RELEASE_STATES = ['REQUESTED', 'GRANTED', 'RECEIVED', 'DENIED', 'CANCELLED'] as const;

const releaseRecord = struct({
  cleanroom: urn('cleanroom'),
  contract: urn('contract'),
  /** The dataset, with its version, or the base model. */
  subject: urn('dataset', 'model'),
  version: optional(uint({ min: 1 })),
  kms: did,
  dataKeyId,
  /** Thumbprint of the attested key that the data key has to be wrapped to. */
  wrapKid: kid,
  state: oneOf(...RELEASE_STATES),
  /** Of the decision. */
  nonce: optional(nonce),
  denial: optional(text({ max: 64 })),
  /** What the grant reserves, of each of these budgets; zero for what is not personal, and once it is settled. */
  reserve: privacy,
  charges: list(charge, { max: MAX_CHARGES }),
  /** The expired grant whose place this one has taken, and whose reserve it has taken over. */
  replaces: optional(urn('release')),
  /** Unix milliseconds: a GRANT that has not been received by then counts as spent. */
  expires: optional(milliseconds),
  /** SHA-256 of the wrapped key. */
  wrapped: optional(digest),
  /** Entry of the request, and of the last change. */
  entry: uint(),
  changed: uint(),
  changedAt: milliseconds,
});
export type ReleaseRecord = Infer<typeof releaseRecord>;
export const RELEASE = recordType<[id: string], ReleaseRecord>('release', releaseRecord);

/** The release that stands for a room and data key: the last one that was granted. */
const releasedRecord = struct({ release: urn('release') });
export const RELEASED = recordType<
  [cleanroom: string, kms: string, dataKeyId: string],
  Infer<typeof releasedRecord>
>('released', releasedRecord);
