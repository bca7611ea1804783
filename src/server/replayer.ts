/** A replayer put together: a witness of one log that cosigns only what its monitor has replayed. */
import { join } from 'node:path';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import type { Monitor } from '../monitor/index.ts';
import type { Logger } from '../platform/logger.ts';
import type { Trust } from '../verify/index.ts';
import { type CosignerAddress, type RunningCosigner, serveCosigner } from './cosigner.ts';
import { cosignerKey, hasCosignerKey } from './cosigner-key.ts';

const KEY = 'replayer.skey';
const RECORDS = 'cosigned';

export interface ReplayerConfig extends CosignerAddress {
  /** The monitor's; holds the key and what was cosigned, too. */
  readonly dataDir: string;
  /** Of the key; needed when it is made, compared when it is there. */
  readonly name?: string;
}

/** Whether this monitor has cosigned before: then it goes on to. */
export function isReplayer(dataDir: string): boolean {
  return hasCosignerKey({ dataDir, key: KEY });
}

/** @throws CONFIG_INVALID; KEY_PURPOSE_CLASH its key is the log's; LOG_LOCKED, STORAGE_FAILED, UNAVAILABLE */
export async function startReplayer(
  crypto: Crypto,
  { dataDir, name, ...address }: ReplayerConfig,
  { monitor, trust }: { monitor: Monitor; trust: Trust },
  logger: Logger,
  broken: (error: unknown) => void,
): Promise<RunningCosigner> {
  const own = cosignerKey(crypto, {
    ...{ dataDir, what: 'replayer', key: KEY, records: RECORDS, name, option: '--cosign' },
  });
  if (equal(own.verifierKey.key, trust.checkpointKey.key)) {
    throw fail('KEY_PURPOSE_CLASH', `the replayer's key is that of the log ${trust.origin}`);
  }
  return serveCosigner(
    {
      ...{ crypto, cosigner: own, logs: new Map([[trust.origin, [trust.checkpointKey]]]) },
      approve: (checkpoint, note) => monitor.approve(checkpoint, note),
      contradicted: (note) => monitor.shown(note),
    },
    join(dataDir, RECORDS),
    address,
    logger,
    broken,
  );
}
