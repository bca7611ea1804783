/**
 * A server put together from its parts: keys, log, service, surfaces. It starts in the order in which it may be
 * relied on (verified before listening) and stops in the opposite one (not listening before drained).
 */
import { assertNotRestoring, type BackupServer } from '../backup/index.ts';
import { POLICY, readGenesis, rulesId } from '../chain/index.ts';
import { equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { thumbprint } from '../cose/index.ts';
import { DiskFloor, type LogObserver, TransparencyLog, workerThreads } from '../log/index.ts';
import { SIGNATURE_TYPE } from '../note/index.ts';
import type { Config } from '../platform/config.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { Logger } from '../platform/logger.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { writeFileAtomically } from '../platform/write-file.ts';
import { issuerLimit, LedgerService } from '../service/index.ts';
import { openLevelStorage } from '../storage/index.ts';
import { formatTrust } from '../verify/index.ts';
import { offerBackups } from './backup-socket.ts';
import { openEvidence } from './evidence.ts';
import {
  assertNeverStarted,
  developmentPolicy,
  firstEntry,
  isDevelopment,
  logKeys,
  makeDevelopmentSro,
  storageFolder,
  trustPath,
} from './first-start.ts';
import { highWaterMark } from './high-water.ts';
import type { KeyFiles } from './key-files.ts';
import { listen, rate, surfaceModules } from './surfaces.ts';
import { startCosigning, type Witnesses, witnessPolicy } from './witnesses.ts';

export interface RunningServer {
  readonly ledger: LedgerService;
  /** `http://127.0.0.1:8080`. */
  readonly http: string;
  /** `127.0.0.1:8081`. */
  readonly grpc: string;
  /** What a verifier needs to know, as text and as a file in the data folder. */
  readonly trust: string;
  readonly trustFile: string;
  /** Drains and stops. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * @throws CONFIG_INVALID, LOG_LOCKED, LOG_CORRUPT, ORIGIN_MISMATCH, RULES_MISMATCH, KEY_PURPOSE_CLASH, UNAVAILABLE (an
 * address cannot be bound)
 */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  const crypto = nodeCrypto;
  assertNotRestoring(config.dataDir);
  makeDevelopmentSro(crypto, config.dataDir);
  const keys = logKeys(crypto, config.dataDir, config.origin);
  const witnesses = witnessPolicy(config.witness, keys);
  const metrics = createMetrics({ process: true });
  // The surfaces' libraries are half of a short start: they load while the storage reads.
  const modules = surfaceModules();
  const log = await openLog(crypto, config, keys, logger, metrics);
  let stopRounds = async () => {};
  let backups: BackupServer | undefined;
  try {
    await ensureGenesis(crypto, config.dataDir, keys, log);
    checkKeyPurposes(crypto, keys, log, witnesses);
    const rounds = witnesses && (await startCosigning(crypto, config, witnesses, log, logger, metrics));
    stopRounds = async () => rounds?.close();
    const ledger = new LedgerService(crypto, log, {
      ...(rounds && { cosigning: rounds.cosigning }),
      decided: (step, { decision, reason }) => metrics.decided(step, decision, reason),
    });
    metrics.published(ledger.head().size);
    metrics.queueOf(() => log.queue);
    const trust = trustText(crypto, keys, ledger, witnesses);
    writeFileAtomically(trustPath(config.dataDir), trust);
    const evidence = await openEvidence(crypto, config, log, logger);
    const surfaces = await listen(await modules, config, { ledger, evidence }, logger, metrics);
    backups = await offerBackups(crypto, config.dataDir, log, logger);
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= (async () => {
        // Whoever waits for witnesses is told that it is over: what was registered stays logged.
        await Promise.all([surfaces.close(), stopRounds(), backups?.close()]);
        await log.close();
      })();
      return closing;
    };
    return { ledger, ...surfaces.addresses, trust, trustFile: trustPath(config.dataDir), close };
  } catch (error) {
    await stopRounds();
    await log.close();
    throw error;
  }
}

function openLog(
  crypto: Crypto,
  config: Config,
  keys: KeyFiles,
  logger: Logger,
  metrics: Metrics,
): Promise<TransparencyLog> {
  const { issuerPerSecond, burst } = config.rateLimit;
  const issuer = rate(issuerPerSecond, burst);
  const publishedMark = highWaterMark(crypto, config, keys, logger);
  return TransparencyLog.open({
    crypto,
    origin: keys.origin,
    rules: rulesId(crypto),
    keys: keys.log,
    openStorage: () => openLevelStorage(storageFolder(config.dataDir)),
    limits: {
      maxQueued: config.maxQueued,
      maxQueuedBytes: config.maxQueuedBytes,
      maxStatementBytes: config.maxStatementBytes,
    },
    verifier: workerThreads(config.workers),
    maxBatch: config.maxBatch,
    diskFloor: new DiskFloor(config.dataDir, config.diskFloorBytes),
    ...(publishedMark && { publishedMark }),
    observe: observer(logger, metrics),
    ...(issuer && { issuerLimit: issuerLimit(issuer) }),
  });
}

function observer(logger: Logger, metrics: Metrics): LogObserver {
  return {
    committed: (commit) => metrics.committed(commit),
    refused: (code) => metrics.registered(code),
    existed: () => metrics.registered('EXISTED'),
    verified: (seconds) => metrics.verified(seconds),
    event: (level, message, details) => logger[level](details, message),
  };
}

/** Entry 0, and in a log for development the first policy. A start that was killed between the two is completed. */
async function ensureGenesis(
  crypto: Crypto,
  dataDir: string,
  keys: KeyFiles,
  log: TransparencyLog,
): Promise<void> {
  if (log.empty) {
    assertNeverStarted(dataDir);
    await log.initialise(firstEntry(crypto, dataDir, keys, Date.now()));
  }
  if (isDevelopment(dataDir) && !log.snapshot.state.get(POLICY.key())) {
    await log.submit(developmentPolicy(crypto, dataDir, keys, Date.now()));
  }
}

/**
 * The keys are those that the genesis names: others would sign heads that no verifier of this log accepts. And
 * FORMATS §4: no key serves two purposes, or a signature made for one could be used for the other.
 */
function checkKeyPurposes(
  crypto: Crypto,
  keys: KeyFiles,
  log: TransparencyLog,
  witnesses: Witnesses | undefined,
): void {
  const { checkpoint, receipt } = keys.log;
  const checkpointKid = thumbprint(crypto, { algorithm: 'Ed25519', bytes: checkpoint.verifierKey.key });
  const genesis = readGenesis((key) => log.snapshot.state.get(key));
  if (!genesis || !equal(genesis.checkpointKid, checkpointKid) || !equal(genesis.receiptKid, receipt.kid)) {
    throw fail('CONFIG_INVALID', 'the key files are not those of this log: its genesis names other keys');
  }
  const clash = [checkpointKid, receipt.kid].find((kid) => log.hasSigningKey(kid));
  if (clash) {
    throw fail('KEY_PURPOSE_CLASH', `a participant has registered the log's own key ${toHex(clash)}`);
  }
  const cosigner = witnesses?.policy.witnesses.find(({ key: { type, key: bytes } }) => {
    const isEd25519 = type === SIGNATURE_TYPE.ED25519_COSIGNATURE;
    return isEd25519 && log.hasSigningKey(thumbprint(crypto, { algorithm: 'Ed25519', bytes }));
  });
  if (cosigner) {
    throw fail('KEY_PURPOSE_CLASH', `a participant has registered the key of the witness ${cosigner.name}`);
  }
}

function trustText(
  crypto: Crypto,
  keys: KeyFiles,
  ledger: LedgerService,
  witnesses: Witnesses | undefined,
): string {
  return formatTrust(crypto, {
    origin: ledger.origin,
    genesis: ledger.genesis,
    checkpointKey: keys.log.checkpoint.verifierKey,
    receiptKey: keys.log.receipt.key.publicKey,
    service: keys.log.receipt.service,
    rules: [ledger.rules],
    ...(witnesses && { policyText: witnesses.text }),
    ...(witnesses && witnesses.replayers.length > 0 && { replayers: witnesses.replayers }),
  });
}
