/** The model that training starts from: the one that the contract names, as its owner has registered it; sealed, where its weights are secret. */
import type { ContractRecord } from '../../chain/index.ts';
import { MODEL } from '../../chain/records/model.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { openWhole, type SealedFor, statedIn } from '../sealed-file.ts';
import type { DataKey } from './data-keys.ts';
import type { Site } from './site.ts';

export interface BaseModel {
  /** URN. */
  readonly id: string;
  /** SHA-256 of the model's file, as it is registered. */
  readonly digest: Bytes;
  /** As it was given: sealed, if `dataKeyId` says with which key. */
  readonly file: Bytes;
  readonly dataKeyId: string | undefined;
}

const MAX_MODEL = 512 * 1024 * 1024;

/** What a base model is sealed for: a model has no versions. */
export function sealedBase(model: string, dataKeyId: string): SealedFor {
  return { subject: model, version: 1, dataKeyId };
}

/** Before anything is logged. @throws ARGUMENT_INVALID the contract has none; FORMAT_NOT_SUPPORTED; MOUNT_DIGEST_MISMATCH another file */
export async function mountBase(
  site: Site,
  { baseModel: id }: Pick<ContractRecord, 'baseModel'>,
  file: Bytes,
): Promise<BaseModel> {
  const record = id === undefined ? undefined : await site.state.read(MODEL, id);
  if (id === undefined || !record) throw fail('ARGUMENT_INVALID', 'the contract names no base model');
  if (record.format !== 'safetensors')
    throw new LedgerError('FORMAT_NOT_SUPPORTED', `${id}: ${record.format}`);
  const { digest, kms } = record;
  const right = kms ? (await statedIn([file])).subject === id : equal(site.crypto.sha256(file), digest);
  if (!right) throw new LedgerError('MOUNT_DIGEST_MISMATCH', `the file is not that of ${id}`);
  return { id, digest, file, dataKeyId: kms?.dataKeyId };
}

/** safetensors. @throws MOUNT_NOT_KEYED, SEALED_FILE_INVALID; MOUNT_DIGEST_MISMATCH what was sealed is another model */
export async function openBase(site: Site, base: BaseModel, keys: readonly DataKey[]): Promise<Bytes> {
  const { id, digest, file, dataKeyId } = base;
  if (dataKeyId === undefined) return file;
  const found = keys.find(({ subject, version }) => subject === id && version === undefined);
  if (!found) throw new LedgerError('MOUNT_NOT_KEYED', id);
  const opened = await openWhole(found.key, sealedBase(id, dataKeyId), [file], MAX_MODEL);
  if (equal(site.crypto.sha256(opened), digest)) return opened;
  opened.fill(0);
  throw new LedgerError('MOUNT_DIGEST_MISMATCH', `what was sealed is not ${id}`);
}
