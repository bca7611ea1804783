/** Records of models: BASE | RELEASED → DEPLOYED → RETIRED; any → RECALLED. */
import { recordType } from '../record.ts';
import { did, type Infer, list, milliseconds, oneOf, optional, struct, uint, urn } from '../schema.ts';
import { digest, kid } from '../state.ts';
import { lastStop } from '../stop.ts';
import { MAX_CONTRACTS } from './cleanroom.ts';
import { dataKeyId, word } from './dataset.ts';

export const MAX_MODEL_PARENTS = 8;

export const MODEL_STATES = ['BASE', 'RELEASED', 'RECEIVED', 'DEPLOYED', 'RETIRED', 'RECALLED'] as const;

const modelRecord = struct({
  owner: did,
  /** Digest of the files: what `aichain model verify` looks for. */
  digest,
  format: word,
  parents: list(urn('model'), { max: MAX_MODEL_PARENTS }),
  /** Of a released model. */
  run: optional(urn('run')),
  contracts: list(urn('contract'), { max: MAX_CONTRACTS }),
  /** SHA-256 of what was encrypted to the owner, and the key that it was wrapped to. */
  ciphertext: optional(digest),
  wrapKid: optional(kid),
  /** Of a base model whose weights are secret: who has its key. */
  kms: optional(struct({ did, dataKeyId })),
  state: oneOf(...MODEL_STATES),
  entry: uint(),
  changed: uint(),
  changedAt: milliseconds,
  /** The recall. */
  lastStop: optional(lastStop),
});
export type ModelRecord = Infer<typeof modelRecord>;
export const MODEL = recordType<[id: string], ModelRecord>('model', modelRecord);
