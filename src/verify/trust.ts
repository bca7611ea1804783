/**
 * The trust file, `trust.json`: which log is meant, by which keys, witnessed by whom. It is the root of every
 * verification and comes from the verifier's own side; nothing in it is ever learnt from what is being verified.
 */
import { type Bytes, equal, fromBase64url, toBase64url } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeCoseKey, encodeCoseKey, isEncryptionKey } from '../cose/index.ts';
import {
  formatVerifierKey,
  parsePolicy,
  parseVerifierKey,
  SIGNATURE_TYPE,
  type TrustPolicy,
  type VerifierKey,
} from '../note/index.ts';

export interface Trust {
  readonly origin: string;
  /** Entry id of entry 0, 32 bytes. */
  readonly genesis: Bytes;
  /** Ed25519 note key; its name is the origin. */
  readonly checkpointKey: VerifierKey;
  /** P-256: what receipts are signed with. */
  readonly receiptKey: PublicKey;
  /** The issuer that receipts must name; any when left out. */
  readonly service?: string;
  /** Which cosignatures are enough. Without it the operator's own word is all there is. */
  readonly policy?: TrustPolicy;
  /** The C2SP tlog-policy file that `policy` was read from. */
  readonly policyText?: string;
  /** Names of the policy's cosigners that compute the state themselves; the others only witness. */
  readonly replayers?: readonly string[];
  /** Ids of the rules that are accepted, 32 bytes each; any when left out. */
  readonly rules?: readonly Bytes[];
  /** How old the view may be that an answer about the present rests on. */
  readonly freshnessSeconds?: number;
}

const MEMBERS = [
  'v',
  'origin',
  'genesis',
  'checkpointKey',
  'receiptKey',
  'service',
  'policy',
  'replayers',
  'rules',
  'freshnessSeconds',
] as const;
type Members = Partial<Record<(typeof MEMBERS)[number], unknown>>;

const MAX_LENGTH = 2 << 20;
const MAX_SERVICE = 512;
const MAX_RULES = 64;
/** About thirty years: a longer one is a mistake in the unit. */
const MAX_FRESHNESS = 1_000_000_000;

/**
 * @throws TRUST_MALFORMED not the JSON object with exactly the members of {@link Trust} as FORMATS lists them, a
 * member twice or unknown, or keys that do not belong together
 * @example const trust = parseTrust(nodeCrypto, await readFile('trust.json', 'utf8'));
 */
export function parseTrust(crypto: Crypto, text: string): Trust {
  const members = readMembers(text);
  if (members.v !== 1) throw malformed('v is not 1');
  const origin = string(members.origin, 'origin');
  const genesis = base64url(members.genesis, 'genesis', 32);
  const checkpointKey = part('checkpointKey', () => readCheckpointKey(members.checkpointKey, origin));
  const receiptKey = part('receiptKey', () => readReceiptKey(crypto, members.receiptKey));
  const service = optional(members.service, readService);
  const policyText = optional(members.policy, (value) => string(value, 'policy'));
  const policy = optional(policyText, (value) => part('policy', () => readPolicy(value, checkpointKey)));
  const replayers = optional(members.replayers, (value) => readReplayers(value, policy));
  const rules = optional(members.rules, readRules);
  const freshnessSeconds = optional(members.freshnessSeconds, readFreshness);
  return {
    ...{ origin, genesis, checkpointKey, receiptKey },
    ...(service !== undefined && { service }),
    ...(policy && policyText !== undefined && { policy, policyText }),
    ...(replayers && { replayers }),
    ...(rules && { rules }),
    ...(freshnessSeconds !== undefined && { freshnessSeconds }),
  };
}

/** The file's text. @throws TRUST_MALFORMED when {@link parseTrust} would not read it back */
export function formatTrust(crypto: Crypto, trust: Omit<Trust, 'policy'>): string {
  const members = {
    v: 1,
    origin: trust.origin,
    genesis: toBase64url(trust.genesis),
    checkpointKey: formatVerifierKey(trust.checkpointKey),
    receiptKey: toBase64url(encodeCoseKey(trust.receiptKey)),
    service: trust.service,
    policy: trust.policyText,
    replayers: trust.replayers,
    rules: trust.rules?.map(toBase64url),
    freshnessSeconds: trust.freshnessSeconds,
  } satisfies Members;
  const text = `${JSON.stringify(members, null, 2)}\n`;
  parseTrust(crypto, text);
  return text;
}

function readMembers(text: string): Members {
  if (text.length > MAX_LENGTH) throw malformed('longer than 2 MiB');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not an object');
  for (const name of Object.keys(value)) {
    if (!(MEMBERS as readonly string[]).includes(name)) throw malformed(`the member ${name} is not known`);
  }
  checkOnce(text);
  return value as Members;
}

/** JSON.parse takes the last of two members with one name; people read the first. The object is flat. */
function checkOnce(text: string): void {
  const seen = new Set<string>();
  for (const [, name] of text.matchAll(/("(?:[^"\\]|\\.)*")(?=\s*:)|"(?:[^"\\]|\\.)*"/g)) {
    if (name === undefined) continue;
    const decoded = JSON.parse(name) as string;
    if (seen.has(decoded)) throw malformed(`the member ${decoded} is there twice`);
    seen.add(decoded);
  }
}

function readCheckpointKey(value: unknown, origin: string): VerifierKey {
  const key = parseVerifierKey(string(value, 'checkpointKey'));
  if (key.type !== SIGNATURE_TYPE.ED25519) throw malformed('the checkpoint key is not an Ed25519 note key');
  if (key.name !== origin) throw malformed(`the checkpoint key is that of ${key.name}`);
  return key;
}

function readReceiptKey(crypto: Crypto, value: unknown): PublicKey {
  const bytes = base64url(value, 'receiptKey');
  const key = decodeCoseKey(bytes);
  if (isEncryptionKey(key) || key.algorithm !== 'ES256')
    throw malformed('the receipt key is not a P-256 key');
  if (!equal(encodeCoseKey(key), bytes)) throw malformed('the receipt key is not in its canonical form');
  return crypto.importPublicKey(key.algorithm, key.bytes);
}

function readService(value: unknown): string {
  const service = string(value, 'service');
  if (service.length > MAX_SERVICE) throw malformed(`service is longer than ${MAX_SERVICE}`);
  return service;
}

function readPolicy(text: string, checkpointKey: VerifierKey): TrustPolicy {
  const policy = parsePolicy(text);
  const isLog = ({ key }: { key: VerifierKey }) => equal(key.key, checkpointKey.key);
  if (
    policy.logs.length > 0 &&
    !policy.logs.some((log) => isLog(log) && log.key.name === checkpointKey.name)
  ) {
    throw malformed('the policy is for other logs');
  }
  // The log would vouch for itself.
  if (policy.witnesses.some(isLog)) throw malformed('the checkpoint key is a witness of the policy');
  return policy;
}

function readReplayers(value: unknown, policy: TrustPolicy | undefined): string[] {
  if (!Array.isArray(value) || value.length === 0) throw malformed('replayers are not a list of names');
  const names = value.map((item) => string(item, 'replayers'));
  if (new Set(names).size !== names.length) throw malformed('a replayer is there twice');
  const stranger = names.find((name) => !policy?.witnesses.some((witness) => witness.name === name));
  if (stranger !== undefined) throw malformed(`the replayer ${stranger} is not a witness of the policy`);
  return names;
}

function readRules(value: unknown): Bytes[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_RULES) {
    throw malformed(`rules are not a list of 1 to ${MAX_RULES} ids`);
  }
  return value.map((item) => base64url(item, 'rules', 32));
}

function readFreshness(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > MAX_FRESHNESS) {
    throw malformed(`freshnessSeconds is not a whole number from 1 to ${MAX_FRESHNESS}`);
  }
  return value;
}

function optional<T, U>(value: T | undefined, read: (value: T) => U): U | undefined {
  return value === undefined ? undefined : read(value);
}

function string(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '' || !value.isWellFormed())
    throw malformed(`${name} is not text`);
  return value;
}

function base64url(value: unknown, name: string, length?: number): Bytes {
  const bytes = part(name, () => fromBase64url(string(value, name)));
  if (length !== undefined && bytes.length !== length) throw malformed(`${name} is not ${length} bytes`);
  return bytes;
}

/** Gives what is wrong with one member the code of the whole file. */
function part<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isLedgerError(cause) || cause.code === 'TRUST_MALFORMED') throw cause;
    throw malformed(`${name}: ${cause.message}`, cause);
  }
}

function malformed(message: string, cause?: unknown) {
  return fail('TRUST_MALFORMED', message, { cause });
}
