/** A monitor put together: the log over HTTP, its own storage, worker threads, alarms, and the replayer if it is one. */
import { join } from 'node:path';
import { type ClientTls, HttpTiles } from '../client/index.ts';
import { utf8 } from '../core/bytes.ts';
import { type AlarmOutputs, RuleWatch, type RunningAlarms, startAlarms } from '../monitor/alarms/index.ts';
import { Monitor, type MonitorStatus, type Peer } from '../monitor/index.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { Logger } from '../platform/logger.ts';
import { openLevelStorage, type Storage } from '../storage/index.ts';
import type { Trust } from '../verify/index.ts';
import { RemoteWitness } from '../witness/index.ts';
import type { RunningCosigner } from './cosigner.ts';
import { isReplayer, type ReplayerConfig, startReplayer } from './replayer.ts';

export interface MonitorConfig {
  /** What stands before `/checkpoint` and `/tile/`. */
  readonly url: string;
  /** How the log is recognised, and what it is shown, over https. */
  readonly tls?: ClientTls | undefined;
  readonly trust: Trust;
  /** Holds what was replayed, the alarms with their evidence, and the replayer's key. */
  readonly dataDir: string;
  /** Where witnesses of the log show what they have cosigned. */
  readonly peers: readonly string[];
  /** Where to cosign what was replayed: with a name, and always once there is a key. */
  readonly cosign: Omit<ReplayerConfig, 'dataDir'>;
  readonly workers: number;
  /** Milliseconds between two looks at the log. */
  readonly interval?: number;
  /** Entry up to which times are accepted that were not those of the own clock. */
  readonly acceptTime?: number;
  /** Who else is told of alarms, and where they and the metrics are looked at. */
  readonly outputs?: Pick<AlarmOutputs, 'lines' | 'webhook' | 'grpc' | 'http'>;
}

export interface RunningMonitor {
  readonly alarms: RunningAlarms['alarms'];
  /** Ports that alarms are told on. */
  readonly ports: { readonly grpc?: number; readonly http?: number };
  readonly status: MonitorStatus;
  readonly replayer: RunningCosigner | undefined;
  /** Rejects when it cannot go on: only a new start, which reads back what is stored, can. */
  readonly failed: Promise<never>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const PEER_TIMEOUT = 10_000;

/**
 * @throws CONFIG_INVALID, RULES_MISMATCH; KEY_PURPOSE_CLASH; LOG_LOCKED another process has the folder open; LOG_CORRUPT what
 * is stored does not fit together; STORAGE_FAILED, UNAVAILABLE
 */
export async function startMonitor(config: MonitorConfig, logger: Logger): Promise<RunningMonitor> {
  const { url, tls, trust, dataDir } = config;
  const crypto = nodeCrypto;
  const stop = new AbortController();
  const closers: (() => Promise<unknown>)[] = [];
  const close = once(async () => {
    stop.abort();
    // Last opened, first closed: nothing is used by what is still there.
    for (const closer of closers.reverse()) await closer();
  });
  let broken: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    broken = reject;
  });
  failed.catch(() => undefined);
  try {
    const log = new HttpTiles(url, { signal: stop.signal, ...(tls && { tls }) });
    closers.push(() => log.close());
    const open = async (name: string): Promise<Storage> => {
      const storage = await openLevelStorage(join(dataDir, name));
      closers.push(() => storage.close());
      return storage;
    };
    const storage = await open('replay');
    const told = await startAlarms({
      ...{ crypto, trust, dataDir, storage: await open('alarms'), ...config.outputs },
      processMetrics: true,
      counted: ({ code, severity, index, detail }) =>
        logger[severity === 'critical' ? 'error' : 'warn']({ alarm: code, index }, detail),
    });
    closers.push(() => told.close());
    told.failed.catch(broken);
    const { alarms, metrics, grpcPort, httpPort } = told;
    const peers = config.peers.map((peer) => peerAt(peer, trust.origin, stop.signal, closers));
    const monitor = await Monitor.open({
      ...{ crypto, trust, log, peers, storage, threads: config.workers, sink: told.sink },
      watcher: new RuleWatch(),
      ...(config.interval !== undefined && { interval: config.interval }),
      ...(config.acceptTime !== undefined && { acceptTime: config.acceptTime }),
      observe: {
        replayed: (progress) => {
          metrics.seen(progress.seen);
          metrics.replayed(progress.size);
          logger.debug(progress, 'replayed');
        },
        event: (level, message, details) => logger[level](details, message),
      },
    });
    closers.push(() => monitor.close());
    const cosigns = config.cosign.name !== undefined || isReplayer(dataDir);
    const replayer = cosigns
      ? await startReplayer(crypto, { ...config.cosign, dataDir }, { monitor, trust }, logger, broken)
      : undefined;
    if (replayer) closers.push(() => replayer.close());
    const watching = monitor.run(stop.signal).catch(broken);
    closers.push(() => watching);
    return {
      alarms,
      ports: {
        ...(grpcPort !== undefined && { grpc: grpcPort }),
        ...(httpPort !== undefined && { http: httpPort }),
      },
      get status() {
        return monitor.status;
      },
      ...{ replayer, failed, close },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function peerAt(url: string, origin: string, signal: AbortSignal, closers: (() => Promise<unknown>)[]): Peer {
  const witness = new RemoteWitness(url);
  closers.push(() => witness.close());
  const hash = nodeCrypto.sha256(utf8(origin));
  return {
    name: url,
    head: () => witness.lastCosigned(hash, AbortSignal.any([signal, AbortSignal.timeout(PEER_TIMEOUT)])),
  };
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
