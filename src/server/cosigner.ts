/** What every cosigner is: its records on LevelDB, and its HTTP interface in front of them. */
import { isLedgerError } from '../core/errors.ts';
import { formatVerifierKey } from '../note/index.ts';
import type { Logger } from '../platform/logger.ts';
import { openLevelStorage } from '../storage/index.ts';
import {
  CosignedRecords,
  createWitnessServer,
  Witness,
  type WitnessObserver,
  type WitnessOptions,
} from '../witness/index.ts';

export interface CosignerAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Path before both resources; '' for none. */
  readonly prefix: string;
}

export interface RunningCosigner {
  readonly verifierKey: string;
  /** Submission and monitoring prefix. */
  readonly url: string;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/**
 * @param records folder of what was cosigned
 * @param broken told when only a new start, which reads it back, knows what was promised
 * @throws LOG_LOCKED another process has the folder open; STORAGE_FAILED, UNAVAILABLE
 */
export async function serveCosigner(
  options: Omit<WitnessOptions, 'records'>,
  records: string,
  { host, port, prefix }: CosignerAddress,
  logger: Logger,
  broken: (error: unknown) => void,
): Promise<RunningCosigner> {
  const { crypto, cosigner } = options;
  const storage = await openLevelStorage(records);
  try {
    const witness = new Witness({
      ...options,
      records: await CosignedRecords.open(crypto, storage, cosigner.verifierKey),
    });
    const server = createWitnessServer(witness, prefix, observer(logger, broken));
    const bound = await server.listen(host, port);
    const name = host.includes(':') ? `[${host}]` : host;
    let closing: Promise<void> | undefined;
    return {
      verifierKey: formatVerifierKey(cosigner.verifierKey),
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
      // A head that contradicts what was cosigned may be a log's misbehaviour: that is what a witness is there to see.
      const level = status === 422 ? 'warn' : 'debug';
      logger[level]({ operation, status, code }, detail || 'answered');
    },
    failed(error) {
      logger.error({ err: error }, 'a request for a cosignature could not be answered');
      if (isLedgerError(error, 'STORAGE_FAILED') || isLedgerError(error, 'LOG_CORRUPT')) broken(error);
    },
  };
}
