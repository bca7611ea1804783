/** What a consumer does before a contract that names a base model: seals its weights under a key of their own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Bytes, concat } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { sealedBase } from '../cleanroom/index.ts';
import { seal } from '../sealed-file.ts';
import type { ScenarioFiles } from './scenario-files.ts';
import type { Site } from './site.ts';

export interface SealedModel {
  /** URN. */
  readonly id: string;
  /** SHA-256 of the model's file, in the clear. */
  readonly digest: Bytes;
  readonly dataKeyId: string;
  /** Path of its key: 32 bytes. */
  readonly keyFile: string;
  /** Path of the sealed file. */
  readonly file: string;
}

/** As DEPA-Training's scenarios call the key of the consumer's file system. */
const DATA_KEY_ID = 'ModelFilesystemEncryptionKey';

/** @param id as the contract names it. @throws ARGUMENT_INVALID there is no model */
export async function sealModel(site: Site, { baseModel }: ScenarioFiles, id: string): Promise<SealedModel> {
  if (baseModel === undefined) {
    throw fail(
      'ARGUMENT_INVALID',
      `the contract names the base model ${id}: model/base_model.safetensors is missing`,
    );
  }
  const model = Uint8Array.from(readFileSync(baseModel));
  const key = site.crypto.randomBytes(32);
  const parts: Bytes[] = [];
  for await (const part of seal(key, sealedBase(id, DATA_KEY_ID), [model])) parts.push(part);
  const file = site.path('data', 'base_model.sealed');
  writeFileSync(file, concat(...parts));
  const keyFile = site.secret('base_model.datakey', key);
  key.fill(0);
  return { id, digest: site.crypto.sha256(model), dataKeyId: DATA_KEY_ID, keyFile, file };
}
