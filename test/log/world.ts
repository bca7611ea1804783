/** A log with everything real but the clock and, where a test says so, the disk. */
import {
  DEFAULT_POLICY,
  listSigningKeys,
  rulesId,
  signForeign,
  signGenesis,
  signStatement,
} from '../../src/chain/index.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import type { PrivateKey, SignatureAlgorithm } from '../../src/core/crypto.ts';
import { thumbprint } from '../../src/cose/index.ts';
import { type LogKeys, type LogOptions, type MakeVerifier, TransparencyLog } from '../../src/log/index.ts';
import { KeyDirectory, type VerifyRequest, verifyPacked } from '../../src/log/verify-batch.ts';
import { noteSigner } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage } from '../../src/storage/index.ts';

export const ORIGIN = 'test.example/log';
export const SRO = 'did:web:sro.example';
export { crypto };

const checkpointKey = crypto.generatePrivateKey('Ed25519');
const receiptKey = crypto.generatePrivateKey('ES256');
export const sroKey = crypto.generatePrivateKey('ES256');

export const KEYS: LogKeys = {
  checkpoint: noteSigner(crypto, ORIGIN, checkpointKey),
  receipt: { key: receiptKey, kid: thumbprint(crypto, receiptKey.publicKey), service: `https://${ORIGIN}` },
};

const seconds = () => Math.floor(Date.now() / 1000);

export const GENESIS = signGenesis(crypto, {
  origin: ORIGIN,
  simulated: true,
  sro: SRO,
  keys: [sroKey],
  recoveryKid: new Uint8Array(32).fill(7),
  checkpointKey: checkpointKey.publicKey,
  receiptKey: receiptKey.publicKey,
  issuedAt: seconds(),
});

/** Verifies on the test's own thread: opening a log then costs nothing, and tests can open hundreds. */
export const inPlace: MakeVerifier = (all) => {
  const keys = new KeyDirectory(crypto);
  const learn = (learned: ReturnType<typeof all>) => {
    for (const [kid, coseKey] of learned) keys.add(kid, coseKey);
  };
  learn(all());
  const verify = async (request: VerifyRequest) => verifyPacked(crypto, keys, request);
  return { size: 1, free: true, load: { all: 0, least: 0 }, verify, learn, close: async () => {} };
};

export function options(overrides: Partial<LogOptions> = {}): LogOptions {
  const storage = memoryStorage();
  return {
    crypto,
    origin: ORIGIN,
    rules: rulesId(crypto),
    keys: KEYS,
    openStorage: async () => storage,
    limits: { maxQueued: 10_000, maxQueuedBytes: 64 * 2 ** 20, maxStatementBytes: 2 ** 20 },
    verifier: inPlace,
    maxBatch: 1024,
    scrubInterval: 0,
    ...overrides,
  };
}

/** An open log that has its genesis. */
export async function startedLog(overrides: Partial<LogOptions> = {}): Promise<TransparencyLog> {
  const log = await TransparencyLog.open(options(overrides));
  if (log.empty) await log.initialise(GENESIS);
  return log;
}

export interface Member {
  readonly did: string;
  readonly key: PrivateKey;
}

let members = 0;

/** A new participant and the statement that registers it. */
export function newMember(algorithm: SignatureAlgorithm = 'ES256'): Member & { register: Bytes } {
  members += 1;
  const did = `did:web:member-${members}.example`;
  const key = crypto.generatePrivateKey(algorithm);
  const register = signStatement(crypto, key, {
    log: ORIGIN,
    kind: 'participant.register',
    issuer: did,
    issuedAt: seconds(),
    body: {
      did,
      roles: ['TDC'],
      keys: listSigningKeys(crypto, { log: ORIGIN, owner: did, keys: [key] }),
      organisation: crypto.randomBytes(32),
      jurisdiction: 'IN',
      endpoints: [],
    },
  });
  return { did, key, register };
}

/** The SRO's verification of the participant that was registered by entry `index`. */
export function verification(did: string, index: number, entry: Bytes): Bytes {
  return signStatement(crypto, sroKey, {
    log: ORIGIN,
    kind: 'participant.verify',
    issuer: SRO,
    issuedAt: seconds(),
    refs: [{ rel: 'after', index, entry }],
    body: { did, decision: 'verified', roles: ['TDC'], evidence: crypto.randomBytes(32) },
  });
}

/** A verified participant of the log. */
export async function joined(log: TransparencyLog, algorithm: SignatureAlgorithm = 'ES256'): Promise<Member> {
  const { did, key, register } = newMember(algorithm);
  const { index, entryId } = await log.submit(register);
  await log.submit(verification(did, index, entryId));
  return { did, key };
}

/** A foreign statement, different for each `n`. */
export function foreign({ did, key }: Member, n: number, payload = `statement ${n}`): Bytes {
  return signForeign(crypto, key, {
    issuer: did,
    subject: `urn:example:${n}`,
    contentType: 'text/plain',
    payload: utf8(payload),
  });
}

export function policy(version: number): Bytes {
  return signStatement(crypto, sroKey, {
    log: ORIGIN,
    kind: 'policy.publish',
    issuer: SRO,
    issuedAt: seconds(),
    body: { ...DEFAULT_POLICY, version },
  });
}
