/** A witness put together: its key file, the logs that it cosigns. */
import { join } from 'node:path';
import { type Bytes, equal } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { Logger } from '../platform/logger.ts';
import { parseLogList } from '../witness/index.ts';
import { type CosignerAddress, type RunningCosigner, serveCosigner } from './cosigner.ts';
import { cosignerKey } from './cosigner-key.ts';

const KEY = 'witness.skey';

export interface WitnessConfig extends CosignerAddress {
  /** Holds the key and the records; made if it is not there. */
  readonly dataDir: string;
  /** Of the key; needed when it is made, compared when it is there. */
  readonly name?: string;
  /** Text of the list of logs. */
  readonly logs: string | Bytes;
}

export interface RunningWitness extends RunningCosigner {
  /** Origins that it cosigns. */
  readonly origins: readonly string[];
  /** Rejects when the storage has failed: only a new start, which reads it back, knows what was promised. */
  readonly failed: Promise<never>;
}

/**
 * @throws CONFIG_INVALID, POLICY_MALFORMED, VKEY_MALFORMED; KEY_PURPOSE_CLASH its key is that of a log; LOG_LOCKED another
 * process has the folder open; STORAGE_FAILED, UNAVAILABLE
 */
export async function startWitness(config: WitnessConfig, logger: Logger): Promise<RunningWitness> {
  const crypto = nodeCrypto;
  const logs = parseLogList(config.logs);
  const own = cosignerKey(crypto, {
    ...{ dataDir: config.dataDir, what: 'witness', key: KEY, records: 'records' },
    ...{ name: config.name, option: '--name' },
  });
  for (const keys of logs.values()) {
    const clash = keys.find(({ key }) => equal(key, own.verifierKey.key));
    if (clash) throw fail('KEY_PURPOSE_CLASH', `the witness's key is that of the log ${clash.name}`);
  }
  let broken: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    broken = reject;
  });
  failed.catch(() => undefined); // whoever does not wait for it is told by every answer
  const options = { crypto, cosigner: own, logs };
  const running = await serveCosigner(options, join(config.dataDir, 'records'), config, logger, broken);
  return { ...running, origins: [...logs.keys()], failed };
}
