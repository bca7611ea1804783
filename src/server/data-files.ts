/** The files beside a log's storage that a backup holds: those that cannot be made anew. Never a key. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileContent } from '../backup/index.ts';
import { toHex } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { EVIDENCE_FOLDER } from './evidence.ts';
import { GENESIS } from './first-start.ts';
import { KEPT } from './witnesses.ts';

const SINGLE = [GENESIS, KEPT];
const DIGEST = /^[0-9a-f]{64}$/;

/** What there is now: before the log's rows are read, or the cosigned checkpoint could be ahead of them. */
export async function singleFiles(dataDir: string): Promise<FileContent[]> {
  const files = await Promise.all(
    SINGLE.map(async (path) => ({ path, bytes: await contentOf(join(dataDir, path)) })),
  );
  return files.flatMap(({ path, bytes }) => (bytes ? [{ path, bytes }] : []));
}

/** After the log's rows: whatever they name is there by then. */
export async function* evidenceFiles(dataDir: string): AsyncIterable<FileContent> {
  const names = await readdir(join(dataDir, EVIDENCE_FOLDER)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names.sort()) {
    const bytes = DIGEST.test(name) ? await contentOf(join(dataDir, EVIDENCE_FOLDER, name)) : undefined;
    if (bytes) yield { path: `${EVIDENCE_FOLDER}/${name}`, bytes };
  }
}

/** @throws BACKUP_MALFORMED no backup has such a path, or evidence is not what its name says */
export function assertDataFile(hasher: Hasher, { path, bytes }: FileContent): void {
  if (SINGLE.includes(path)) return;
  const [folder, name, ...rest] = path.split('/');
  if (folder !== EVIDENCE_FOLDER || name === undefined || rest.length > 0 || !DIGEST.test(name)) {
    throw fail('BACKUP_MALFORMED', 'the backup has a file under a path that is not one of a log');
  }
  if (toHex(hasher.sha256(bytes)) !== name) {
    throw fail('BACKUP_MALFORMED', `the evidence ${name} has other bytes than its name says`);
  }
}

async function contentOf(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fail('STORAGE_FAILED', `cannot read ${path}`, { cause });
  }
}
