/** A witness put together: its key file, its records on LevelDB, its HTTP interface. */
import { join } from 'node:path';
import { type Bytes, equal } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { formatVerifierKey } from '../note/index.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { Logger } from '../platform/logger.ts';
import { openLevelStorage } from '../storage/index.ts';
import {
  CosignedRecords,
  createWitnessServer,
  parseLogList,
  Witness,
  type WitnessObserver,
} from '../witness/index.ts';
import { cosignerKey } from './cosigner-key.ts';

const KEY = 'witness.skey';

export interface WitnessConfig {
  /** Holds the key and the records; made if it is not there. */
  readonly dataDir: string;
  /** Of the key; needed when it is made, compared when it is there. */
  readonly name?: string;
  /** Text of the list of logs. */
  readonly logs: string | Bytes;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Path before both resources; '' for none. */
  readonly prefix: string;
}

export interface RunningWitness {
  readonly verifierKey: string;
  /** Submission and monitoring prefix. */
  readonly url: string;
  /** Origins that it cosigns. */
  readonly origins: readonly string[];
  /** Rejects when the storage has failed: only a new start, which reads it back, knows what was promised. */
  readonly failed: Promise<never>;
  /** Safe to call twice. */
  close(): Promise<void>;
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
  const storage = await openLevelStorage(join(config.dataDir, 'records'));
  let broken: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    broken = reject;
  });
  failed.catch(() => undefined); // whoever does not wait for it is told by every answer
  try {
    const records = await CosignedRecords.open(crypto, storage, own.verifierKey);
    const witness = new Witness({ crypto, cosigner: own, logs, records });
    const server = createWitnessServer(witness, config.prefix, observer(logger, broken));
    const port = await server.listen(config.host, config.port);
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= server.close().then(() => storage.close());
      return closing;
    };
    return {
      verifierKey: formatVerifierKey(own.verifierKey),
      url: `http://${host}:${port}${config.prefix}`,
      origins: [...logs.keys()],
      failed,
      close,
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

function observer(logger: Logger, broken: (error: unknown) => void): WitnessObserver {
  return {
    answered(operation, status, code, detail) {
      // A head that contradicts what was cosigned may be a log's misbehaviour: that is what a witness is there to see.
      const level = status === 422 ? 'warn' : 'debug';
      logger[level]({ operation, status, code }, detail || 'answered');
    },
    failed(error) {
      logger.error({ err: error }, 'a request could not be answered');
      if (isLedgerError(error, 'STORAGE_FAILED')) broken(error);
    },
  };
}
