/**
 * How fast a monitor replays a log: tiles checked, signatures verified, every state entry compared, everything kept on
 * disk; against what verifying alone would reach on the same cores.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Alarm } from '../../src/monitor/index.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { ceilingLine } from '../judged.ts';
import type { Measure, Suite } from '../main.ts';
import { ownProcessorSeconds } from '../process-status.ts';
import { TiledLog } from '../tiled-log.ts';

// As it is shipped: what runs sources gives every function its name again at each call.
const built = async <T>(module: string): Promise<T> =>
  (await import(new URL(`../../dist/${module}`, import.meta.url).href)) as T;
const { Monitor } = await built<typeof import('../../src/monitor/index.ts')>('monitor/index.js');
const { openLevelStorage } = await built<typeof import('../../src/storage/index.ts')>('storage/index.js');
const { nodeCrypto: crypto } =
  await built<typeof import('../../src/platform/crypto-node.ts')>('platform/crypto-node.js');

/** Statements between two state entries, as a log under load has them. */
const BATCH = 256;
/** DONE WHEN of the monitor: of the verify ceiling. */
const SHARE = 0.7;
const MOST = 200_000;
/** Statements from which the share is judged: threads start, and code is compiled. */
const LONG = 100_000;
/** Ten times what the slowest machine has taken so far. */
const MOST_MS = 300_000;

export const suite: Suite = {
  describe: `replays a log of foreign P-256 statements, ${BATCH} in a batch, alone on the machine`,
  entries: { most: MOST },
  async run({ entries: count, progress, beside }) {
    const cores = availableParallelism();
    const log = new TiledLog();
    for (let done = 0; done < count; done += BATCH) {
      log.commit(Array.from({ length: Math.min(BATCH, count - done) }, (_, i) => log.statement(done + i)));
    }
    await log.warm();
    progress(`a log of ${log.size} leaves`);
    const folder = temporaryFolder('monitor');
    try {
      const of = 'P-256 verify';
      const { result, ceilings } = await beside('replay', [of], () => replay(log, count, folder, cores));
      const { rate, cpu } = result;
      const name = count >= LONG ? 'replayed' : `replayed; judged from ${LONG.toLocaleString('en')} on`;
      const replayed = {
        name,
        value: rate,
        unit: '/s',
        cpu: cpu * 1e6,
        ...(count >= LONG && { share: SHARE }),
      };
      return [
        ceilingLine('the ceiling around it', ceilings[of]),
        { ...replayed, of, ceiling: ceilings[of] },
      ] satisfies Measure[];
    } finally {
      removeFolder(folder);
    }
  },
};

async function replay(log: TiledLog, count: number, folder: string, threads: number) {
  const alarms: Alarm[] = [];
  const storage = await openLevelStorage(join(folder, 'replay'));
  const monitor = await Monitor.open({
    ...{ crypto, trust: log.trust, log, storage, threads },
    sink: { raise: async (alarm) => void alarms.push(alarm) },
  });
  try {
    const cpu = ownProcessorSeconds();
    const started = performance.now();
    await monitor.look(AbortSignal.timeout(MOST_MS));
    const seconds = (performance.now() - started) / 1000;
    const used = ownProcessorSeconds() - cpu;
    // The log is honest. Of one that it has convicted a monitor replays nothing more.
    const [alarm] = alarms;
    if (alarm) throw new Error(`the monitor has raised ${alarm.code}: ${alarm.detail}`);
    if (monitor.status.replayed !== log.size)
      throw new Error(`replayed ${monitor.status.replayed} of ${log.size}`);
    return { rate: count / seconds, cpu: used / count };
  } finally {
    await monitor.close();
    await storage.close();
  }
}
