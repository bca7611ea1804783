/** What providers do before a contract: standardise their table, seal it under a key of its own, and hand over the sealed file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Bytes, concat, toHex, utf8 } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { seal } from '../sealed-file.ts';
import { COVID_STANDARDS, readCsv, standardise, writeCsv } from '../training/index.ts';
import type { Dataset } from './cast.ts';
import type { ScenarioFiles } from './scenario-files.ts';
import type { Site } from './site.ts';

export interface SealedDataset {
  /** SHA-256 of the sealed file. */
  readonly ciphertext: Bytes;
  readonly size: number;
  /** SHA-256 of salt and table: what the provider can be held to later. */
  readonly plaintext: Bytes;
  /** Path of its key: 32 bytes. */
  readonly keyFile: string;
  /** Path. */
  readonly file: string;
}

/** @param owner what contract.json calls who has the table. @throws ARGUMENT_INVALID no table; DATA_MALFORMED */
export async function sealDataset(
  site: Site,
  { tables }: ScenarioFiles,
  owner: string,
  { id, version, name, dataKeyId }: Dataset,
): Promise<SealedDataset> {
  const path = tables.get(owner);
  if (path === undefined) throw fail('ARGUMENT_INVALID', `data/${owner} has no table`);
  const raw = readCsv(Uint8Array.from(readFileSync(path)));
  // Another scenario's providers have done it before: the pipeline finds the columns that it names, or says which it does not.
  const standard = COVID_STANDARDS[name];
  const table = utf8(writeCsv(standard ? standardise(site.crypto, raw, standard) : raw));
  const key = site.crypto.randomBytes(32);
  const parts: Bytes[] = [];
  for await (const part of seal(key, { subject: id, version, dataKeyId }, [table])) parts.push(part);
  const sealed = concat(...parts);
  const file = site.path('data', `${name}.sealed`);
  writeFileSync(file, sealed);
  const keyFile = site.secret(`${name}.datakey`, key);
  key.fill(0);
  const salt = site.crypto.randomBytes(32);
  site.secret(`${name}.salt`, `${toHex(salt)}\n`);
  const [plaintext, ciphertext] = [site.crypto.sha256(concat(salt, table)), site.crypto.sha256(sealed)];
  return { ciphertext, size: sealed.length, plaintext, keyFile, file };
}
