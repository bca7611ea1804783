/**
 * The witnesses of the server's log: who they are, by the policy file and the settings, and how they are reached. The
 * last cosigned checkpoint is kept in the data folder, beside the storage: what it holds must be in the log.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { equal, fromUtf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { type CheckpointKeeper, Cosigning, type TransparencyLog } from '../log/index.ts';
import { parsePolicy, type TrustPolicy } from '../note/index.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { writeFileAside } from '../platform/write-file.ts';
import { RemoteWitness } from '../witness/index.ts';
import type { KeyFiles } from './key-files.ts';

/** File in the data folder. */
export const KEPT = 'cosigned.checkpoint';
/** Milliseconds that a start waits for witnesses which might know more of this log than the log itself. */
const FIRST_ANSWERS = 3000;

export interface Witnesses {
  readonly policy: TrustPolicy;
  /** The policy file. */
  readonly text: string;
  /** By the names of the policy. */
  readonly urls: ReadonlyMap<string, string>;
  readonly replayers: readonly string[];
}

/** Undefined: the log has no witnesses. @throws CONFIG_INVALID, POLICY_MALFORMED, KEY_PURPOSE_CLASH */
export function witnessPolicy(
  { policy: path, urls: given, replayers }: Config['witness'],
  { log, origin }: KeyFiles,
): Witnesses | undefined {
  if (path === undefined) {
    if (given.length === 0 && replayers.length === 0) return undefined;
    throw fail('CONFIG_INVALID', 'witness.urls and witness.replayers need a policy: witness.policy');
  }
  const text = policyText(path);
  const policy = parsePolicy(text);
  const own = log.checkpoint.verifierKey;
  if (
    policy.logs.length > 0 &&
    !policy.logs.some(({ key }) => key.name === origin && equal(key.key, own.key))
  ) {
    throw fail('CONFIG_INVALID', `the policy ${path} is for other logs than ${origin}`);
  }
  if (policy.witnesses.some(({ key }) => equal(key.key, own.key))) {
    throw fail('KEY_PURPOSE_CLASH', `the policy ${path} has the log's own key as a witness`);
  }
  const urls = new Map<string, string>();
  for (const { name, url } of policy.witnesses) if (url !== undefined) urls.set(name, url);
  for (const each of given) {
    const split = each.indexOf('=');
    urls.set(each.slice(0, split), each.slice(split + 1));
  }
  const named = new Set(policy.witnesses.map(({ name }) => name));
  const stranger = [...urls.keys(), ...replayers].find((name) => !named.has(name));
  if (stranger !== undefined) throw fail('CONFIG_INVALID', `the policy ${path} has no witness ${stranger}`);
  return { policy, text, urls, replayers };
}

function policyText(path: string): string {
  try {
    return fromUtf8(readFileSync(path));
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot read the policy ${path}`, { cause });
  }
}

/** @throws CONFIG_INVALID also a URL that is none; LOG_CORRUPT the log is behind what was cosigned, or of another history */
export async function startCosigning(
  crypto: Crypto,
  { dataDir, witness: { renewSeconds } }: Config,
  { policy, urls }: Witnesses,
  log: TransparencyLog,
  logger: Logger,
  metrics: Metrics,
): Promise<{ readonly cosigning: Cosigning; close(): Promise<void> }> {
  const remote = new Map<string, RemoteWitness>();
  for (const [name, url] of urls) {
    try {
      remote.set(name, new RemoteWitness(url));
    } catch (cause) {
      throw fail('CONFIG_INVALID', `the witness ${name} has no http or https URL`, { cause });
    }
  }
  const cosigning = await Cosigning.start(log, {
    ...{ crypto, policy, connections: remote, renewal: renewSeconds * 1000 },
    keeper: keptIn(join(dataDir, KEPT)),
    observe: {
      event: (level, message, details) => logger[level](details, message),
      asked: (health, code) => metrics.witnessed(health, code),
      cosigned: (size, freshness) => metrics.cosigned(size, freshness),
    },
  });
  const close = async () => {
    await cosigning.close();
    await Promise.all([...remote.values()].map((witness) => witness.close()));
  };
  try {
    await cosigning.firstAnswers(FIRST_ANSWERS);
  } catch (error) {
    await close();
    throw error;
  }
  return { cosigning, close };
}

function keptIn(path: string): CheckpointKeeper {
  return {
    async read() {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw fail('CONFIG_INVALID', `cannot read ${path}`, { cause: error });
      }
    },
    write: (note) => writeFileAside(path, note),
  };
}
