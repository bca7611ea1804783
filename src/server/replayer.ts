/** A replayer put together: a witness of one log that cosigns only what its monitor has replayed. */
import { join } from 'node:path';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import type { Monitor } from '../monitor/index.ts';
import { formatVerifierKey } from '../note/index.ts';
import type { Logger } from '../platform/logger.ts';
import { openLevelStorage } from '../storage/index.ts';
import type { Trust } from '../verify/index.ts';
import { CosignedRecords, createWitnessServer, Witness, type WitnessObserver } from '../witness/index.ts';
import { cosignerKey, hasCosignerKey } from './cosigner-key.ts';

const KEY = 'replayer.skey';
const RECORDS = 'cosigned';

export interface ReplayerConfig {
  /** The monitor's; holds the key and what was cosigned, too. */
  readonly dataDir: string;
  /** Of the key; needed when it is made, compared when it is there. */
  readonly name?: string;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Path before both resources; '' for none. */
  readonly prefix: string;
}

export interface RunningReplayer {
  readonly verifierKey: string;
  /** Submission and monitoring prefix. */
  readonly url: string;
  close(): Promise<void>;
}

/** Whether this monitor has cosigned before: then it goes on to. */
export function isReplayer(dataDir: string): boolean {
  return hasCosignerKey({ dataDir, key: KEY });
}

/** @throws CONFIG_INVALID; KEY_PURPOSE_CLASH its key is the log's; LOG_LOCKED, STORAGE_FAILED, UNAVAILABLE */
export async function startReplayer(
  crypto: Crypto,
  { dataDir, name, host, port, prefix }: ReplayerConfig,
  { monitor, trust }: { monitor: Monitor; trust: Trust },
  logger: Logger,
  broken: (error: unknown) => void,
): Promise<RunningReplayer> {
  const own = cosignerKey(crypto, {
    ...{ dataDir, what: 'replayer', key: KEY, records: RECORDS, name, option: '--cosign' },
  });
  if (equal(own.verifierKey.key, trust.checkpointKey.key)) {
    throw fail('KEY_PURPOSE_CLASH', `the replayer's key is that of the log ${trust.origin}`);
  }
  const storage = await openLevelStorage(join(dataDir, RECORDS));
  try {
    const records = await CosignedRecords.open(crypto, storage, own.verifierKey);
    const witness = new Witness({
      ...{ crypto, cosigner: own, records },
      logs: new Map([[trust.origin, [trust.checkpointKey]]]),
      approve: (checkpoint, note) => monitor.approve(checkpoint, note),
      contradicted: (note) => monitor.shown(note),
    });
    const server = createWitnessServer(witness, prefix, observer(logger, broken));
    const bound = await server.listen(host, port);
    const name = host.includes(':') ? `[${host}]` : host;
    let closing: Promise<void> | undefined;
    return {
      verifierKey: formatVerifierKey(own.verifierKey),
      url: `http://${name}:${bound}${prefix}`,
      close: () => {
        closing ??= server.close().then(() => storage.close());
        return closing;
      },
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

function observer(logger: Logger, broken: (error: unknown) => void): WitnessObserver {
  return {
    answered(operation, status, code, detail) {
      const level = status === 422 ? 'warn' : 'debug';
      logger[level]({ operation, status, code }, detail || 'answered');
    },
    failed(error) {
      logger.error({ err: error }, 'a request for a cosignature could not be answered');
      if (isLedgerError(error, 'STORAGE_FAILED') || isLedgerError(error, 'LOG_CORRUPT')) broken(error);
    },
  };
}
