/** The high-water mark of a server's log: where it is kept, and whether that is apart from the log at all. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { MarkFile } from '../backup/index.ts';
import type { Crypto } from '../core/crypto.ts';
import type { PublishedMark } from '../log/index.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import type { KeyFiles } from './key-files.ts';

/** Undefined: none is configured. */
export function highWaterMark(
  crypto: Crypto,
  { dataDir, highWaterFile }: Pick<Config, 'dataDir' | 'highWaterFile'>,
  keys: KeyFiles,
  logger: Logger,
): PublishedMark | undefined {
  if (highWaterFile === undefined) return undefined;
  const disk = deviceOf(dirname(highWaterFile));
  if (disk !== undefined && disk === deviceOf(dataDir)) {
    logger.warn(
      { highWaterFile },
      'the high-water mark is on the same disk as the log: both are lost together',
    );
  }
  return new MarkFile(crypto, highWaterFile, keys.log.checkpoint.verifierKey);
}

function deviceOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.dev;
}
