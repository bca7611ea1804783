/** A mirror put together: its copy on LevelDB, its log over HTTP, both surfaces. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rulesId } from '../chain/index.ts';
import type { ClientTls } from '../client/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { type EvidenceKeeper, HttpUpstream, Mirror } from '../mirror/index.ts';
import type { Config } from '../platform/config.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { Logger } from '../platform/logger.ts';
import { createMetrics } from '../platform/metrics.ts';
import { createFile, makeFolder, writeFileAside } from '../platform/write-file.ts';
import { LedgerService } from '../service/index.ts';
import { openLevelStorage } from '../storage/index.ts';
import type { Trust } from '../verify/index.ts';
import { keyFolder, storageFolder } from './first-start.ts';
import { listen, type SurfaceConfig, type Surfaces, surfaceModules } from './surfaces.ts';
import { KEPT } from './witnesses.ts';

const EVIDENCE = 'misbehaviour';
/** Milliseconds between two lines about how far a long copy has come. */
const PROGRESS = 5000;

export interface MirrorConfig extends SurfaceConfig, Pick<Config, 'dataDir' | 'workers'> {
  /** What stands before `/checkpoint` at the log, or at a mirror of it. */
  readonly url: string;
  readonly trust: Trust;
  /** How the log is recognised, and what it is shown, over https. */
  readonly upstreamTls?: ClientTls | undefined;
}

export interface RunningMirror {
  /** Size of the head that is served. */
  readonly size: number;
  readonly http: string;
  readonly grpc: string;
  /** Resolves when the mirror was closed; rejects when it follows its log no more, evidence having been kept. */
  readonly ended: Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Copies the log up to its checkpoint, and ends.
 * @returns size of the copy
 * @throws as {@link startMirror}
 */
export async function copyOnce(config: MirrorConfig, logger: Logger, signal: AbortSignal): Promise<number> {
  const { mirror, close } = await openMirror(nodeCrypto, config, logger, signal, () => undefined);
  try {
    return (await mirror.catchUp(signal)).size;
  } finally {
    await close();
  }
}

/**
 * Serves as soon as there is a head that the log has signed, which a new mirror has to copy first.
 * @throws CONFIG_INVALID; LOG_LOCKED another process has the folder open; LOG_CORRUPT, STORAGE_FAILED; FORK, STATE_INVALID and
 * whatever else is wrong with the log
 */
export async function startMirror(
  config: MirrorConfig,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningMirror> {
  const crypto = nodeCrypto;
  const metrics = createMetrics({ process: true });
  const modules = surfaceModules();
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const opened = await openMirror(crypto, config, logger, stopped, (size) => metrics.published(size));
  const { mirror } = opened;
  let surfaces: Surfaces | undefined;
  try {
    await mirror.follow(stopped, 'ready');
    signal.throwIfAborted();
    const ledger = new LedgerService(crypto, mirror.log, {
      decided: (step, { decision, reason }) => metrics.decided(step, decision, reason),
    });
    surfaces = await listen(await modules, config, { ledger }, logger, metrics);
  } catch (error) {
    await opened.close();
    throw error;
  }
  const { addresses, close: closeSurfaces } = surfaces;
  const ended = mirror.follow(stopped);
  ended.catch(() => undefined); // whoever does not wait for it reads it in the status
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      stop.abort();
      await closeSurfaces();
      await ended.catch(() => undefined);
      await opened.close();
    })();
    return closing;
  };
  return { size: mirror.log.head.size, ...addresses, ended, close };
}

async function openMirror(
  crypto: Crypto,
  { url, trust, dataDir, workers, upstreamTls: tls }: MirrorConfig,
  logger: Logger,
  signal: AbortSignal,
  reached: (size: number) => void,
): Promise<{ readonly mirror: Mirror; close(): Promise<void> }> {
  if (existsSync(keyFolder(dataDir))) {
    throw fail(
      'CONFIG_INVALID',
      `${dataDir} is the folder of a log, with its keys: a mirror needs one of its own`,
    );
  }
  makeFolder(dataDir);
  const upstream = new HttpUpstream(url, { signal, ...(tls && { tls }) });
  const storage = await openLevelStorage(storageFolder(dataDir));
  let told = performance.now();
  try {
    const mirror = await Mirror.open({
      ...{ crypto, trust, upstream, storage },
      rules: rulesId(crypto),
      threads: workers,
      evidence: keeperIn(join(dataDir, EVIDENCE)),
      // The name under which a log keeps it too: one that is started on this folder sees whether it is behind.
      announced: (checkpoint) => writeFileAside(join(dataDir, KEPT), checkpoint),
      observe: {
        event: (level, message, details) => logger[level](details, message),
        reached,
        progress(size, of) {
          if (performance.now() - told < PROGRESS) return;
          told = performance.now();
          logger.info({ size, of }, 'copying');
        },
      },
    });
    return {
      mirror,
      close: async () => {
        await upstream.close();
        await mirror.close();
      },
    };
  } catch (error) {
    await upstream.close();
    await storage.close();
    throw error;
  }
}

function keeperIn(folder: string): EvidenceKeeper {
  return {
    async keep(name: string, content: Bytes) {
      const path = join(folder, name);
      makeFolder(folder);
      try {
        createFile(path, content, 0o644);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      return path;
    },
  };
}
