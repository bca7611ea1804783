/**
 * A log with everything that a careful party asks for: a witness, and a monitor that replays it and cosigns. All of it real,
 * in this process, on free ports; the clock is the machine's.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import {
  type RunningMonitor,
  type RunningServer,
  startMonitor,
  startServer,
  startWitness,
} from '../../src/server/index.ts';
import { parseTrust, type Trust } from '../../src/verify/index.ts';
import { keptPort } from '../kept-port.ts';

export interface WitnessedServer {
  readonly server: RunningServer;
  readonly monitor: RunningMonitor;
  /** Asks for both: what the server writes. */
  readonly trust: Trust;
  close(): Promise<void>;
}

/** @param folder an empty one, for everything; @param more flags of the log's server */
export async function serveWitnessed(folder: string, more: object = {}): Promise<WitnessedServer> {
  const logger = createLogger({ level: 'error' });
  const dataDir = join(folder, 'log');
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  const start = (flags: object) => {
    const small = { dataDir, grpcPort: '0', workers: '1', diskFloorBytes: '0' };
    return startServer(loadConfig({ flags: { ...small, ...more, ...flags }, env: {} }), logger);
  };
  try {
    // The first start makes the log: its keys are what the others need to know.
    const httpPort = `${await keptPort()}`;
    const first = await start({ httpPort });
    await first.close();
    const trust = parseTrust(nodeCrypto, first.trust);
    const loopback = { host: '127.0.0.1', port: 0, prefix: '' };
    const witness = await startWitness(
      {
        ...loopback,
        dataDir: join(folder, 'witness'),
        name: 'witness.example',
        logs: `log ${first.ledger.verifierKey}\n`,
      },
      logger,
    );
    closers.push(() => witness.close());
    const monitor = await startMonitor(
      {
        ...{ url: first.http, trust, dataDir: join(folder, 'monitor'), peers: [witness.url], workers: 1 },
        cosign: { ...loopback, name: 'replayer.example' },
      },
      logger,
    );
    closers.push(() => monitor.close());
    const replayer = monitor.replayer!;
    const policy = join(folder, 'policy');
    writeFileSync(
      policy,
      [
        `witness w ${witness.verifierKey} ${witness.url}`,
        `witness r ${replayer.verifierKey} ${replayer.url}`,
        'group both all w r',
        'quorum both',
        '',
      ].join('\n'),
    );
    const server = await start({
      ...{ httpPort, witnessPolicy: policy, witnessReplayers: 'r' },
    });
    closers.push(() => server.close());
    return { server, monitor, trust: parseTrust(nodeCrypto, server.trust), close };
  } catch (error) {
    await close();
    throw error;
  }
}
