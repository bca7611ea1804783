/**
 * A whole training cycle on one machine: every service a process of its own, over sockets with mutual TLS; every participant signs
 * for itself; every step is taken because the ledger proves that it may be.
 */
import { readFileSync } from 'node:fs';
import { LedgerClient } from '../../client/index.ts';
import { fromUtf8 } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { parseTrust } from '../../verify/index.ts';
import { createSimulator } from '../cleanroom/index.ts';
import { Cycle } from './cycle.ts';
import { outcomeOf, type ScenarioOutcome } from './outcome.ts';
import { Processes } from './processes.ts';
import { readScenario } from './scenario-files.ts';
import { Site } from './site.ts';
import { STEPS } from './steps/index.ts';
import { startWatchedLog } from './watched-log.ts';

export interface ScenarioOptions {
  readonly crypto: Crypto;
  /** In DEPA-Training's shape. */
  readonly scenario: string;
  /** Folder with what the scenario lacks, if it does not lie in the scenario itself. */
  readonly overlay?: string;
  /** An empty folder. */
  readonly out: string;
  readonly program: readonly [command: string, ...args: string[]];
  readonly signal: AbortSignal;
  /** Told of every step: who, and what. */
  readonly observe: (who: string, what: string) => void;
}

/** @throws what stopped it, by its code */
export function runScenario(options: ScenarioOptions): Promise<ScenarioOutcome> {
  return withCycle(options, async (cycle) => {
    for (const step of STEPS) await step.run(cycle);
    return outcomeOf(cycle);
  });
}

/** A log, and participants who are about to begin; everything ends with the work. */
export async function withCycle<T>(options: ScenarioOptions, work: (cycle: Cycle) => Promise<T>): Promise<T> {
  const { crypto, out, program, signal, observe } = options;
  const files = readScenario(options.scenario, options.overlay);
  const site = new Site(crypto, out, Date.now());
  await using processes = new Processes({ program, logs: site.path('logs'), signal });
  // Takes as long as the log, on another core.
  const simulator = createSimulator(crypto, site.path('platform.simulator'));
  simulator.catch(() => undefined);
  const log = await startWatchedLog(site, processes);
  observe('log', `${log.url}, cosigned by a witness and a replaying monitor`);
  const trust = parseTrust(crypto, fromUtf8(Uint8Array.from(readFileSync(log.trust))));
  using client = await LedgerClient.connect({
    ...{ http: log.url, tls: site.tls('participants'), trust, deadlineMs: 30_000, retries: 8 },
  });
  const cycle = await Cycle.begin({ site, processes, log, client, files, simulator, observe });
  try {
    return await work(cycle);
  } finally {
    await cycle.close();
  }
}
