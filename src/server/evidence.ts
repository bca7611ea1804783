/** The evidence store of a data folder, with the rights that the operator gave. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { EvidenceFiles } from '../evidence/index.ts';
import type { TransparencyLog } from '../log/index.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import { EvidenceAccess, EvidenceService } from '../service/index.ts';

/** In the data folder. */
export const EVIDENCE_FOLDER = 'evidence';
/** What a file takes of a disk at least, and of the store. */
const BLOCK = 4096;

/** @throws CONFIG_INVALID the access file; STORAGE_FAILED */
export async function openEvidence(
  crypto: Crypto,
  { dataDir, evidence }: Pick<Config, 'dataDir' | 'evidence'>,
  log: TransparencyLog,
  logger: Logger,
): Promise<EvidenceService> {
  const { accessFile, ...limits } = evidence;
  const access = accessFile === undefined ? EvidenceAccess.nobody(crypto) : readAccess(crypto, accessFile);
  const files = await EvidenceFiles.open(crypto, join(dataDir, EVIDENCE_FOLDER), {
    ...limits,
    blockBytes: BLOCK,
  });
  return new EvidenceService({
    ...{ log, files, access },
    // Who has seen which machine's evidence is worth a line, always.
    observe: ({ what, digest, client }) =>
      logger[what === 'denied' ? 'warn' : 'info']({ digest, client }, `evidence ${what}`),
  });
}

function readAccess(crypto: Crypto, path: string): EvidenceAccess {
  try {
    return EvidenceAccess.parse(crypto, readFileSync(path, 'utf8'));
  } catch (cause) {
    if (isLedgerError(cause)) throw fail('CONFIG_INVALID', `${path}: ${cause.message}`, { cause });
    throw fail('CONFIG_INVALID', `cannot read ${path}`, { cause });
  }
}
