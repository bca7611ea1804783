/** The policy of the log: limits that the SRO may change by publishing a next version, never backwards in time. */
import type { SignatureAlgorithm } from '../core/crypto.ts';
import { amount, bool, type Infer, list, oneOf, optional, seconds, struct, text, uint } from './schema.ts';

const ALGORITHMS = ['ES256', 'ES384', 'Ed25519'] as const satisfies readonly SignatureAlgorithm[];
const DAY = 86_400;

const word = text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._+/-]{0,63}$/ });
/** 1e6 micro-ε is ε = 1; 1e12 pico-δ is δ = 1. */
const privacyLimit = struct({ epsilon: amount(), delta: amount({ max: 1_000_000_000_000 }) });

/** Times are seconds. */
const policyMembers = {
  version: uint({ min: 1 }),
  algorithms: list(oneOf(...ALGORITHMS), { min: 1, max: 8, unique: true }),
  /** DID methods that new participants may have; left out: any. */
  didMethods: optional(
    list(text({ max: 32, pattern: /^[a-z0-9]{1,32}$/ }), { min: 1, max: 32, unique: true }),
  ),
  /** Purposes and file formats that may be named; left out: any (but pickle-based formats never are taken). */
  purposes: optional(list(word, { min: 1, max: 128, unique: true })),
  formats: optional(list(word, { min: 1, max: 128, unique: true })),
  /** Most ε and δ of one run, by sensitivity 0, 1, 2. */
  runLimits: list(privacyLimit, { min: 3, max: 3 }),
  /** A statement may be older than its entry by `maxAge`, and ahead of it by `maxSkew`. */
  maxAge: uint({ min: 60, max: 366 * DAY }),
  maxSkew: uint({ max: 3600 }),
  appraisalFreshness: uint({ max: 366 * DAY }),
  headFreshness: uint({ max: 366 * DAY }),
  handoverSeconds: uint({ min: 1, max: 3600 }),
  proposalTimeToLive: uint({ min: 60, max: 3660 * DAY }),
  /** How far back a participant may itself date the compromise of a key. */
  compromiseWindow: uint({ max: 3660 * DAY }),
  /** Never less than a day: else who has the SRO's key could change the policy, and then take over anybody at once. */
  recoveryDelay: uint({ min: DAY, max: 366 * DAY }),
  ccrpMustSign: bool,
} as const;

/** Body of policy.publish. */
export const policyBody = struct({ ...policyMembers, effectiveFrom: optional(seconds) });
export type PolicyBody = Infer<typeof policyBody>;

/** As the body, but version 0 stands for the defaults. */
const policy = struct({ ...policyMembers, version: uint() });
export type Policy = Infer<typeof policy>;

/** `current` holds until `effectiveFrom`, from then on `next`. Who reads decides by time; nothing is stored then. */
export const policyRecord = struct({
  current: policy,
  next: optional(policy),
  /** Unix seconds. */
  effectiveFrom: optional(seconds),
  /** Entry that wrote this record. */
  entry: uint(),
});
export type PolicyRecord = Infer<typeof policyRecord>;

/** What holds before the first policy is published; version 1 is then the next. */
export const DEFAULT_POLICY: Policy = {
  version: 0,
  algorithms: ALGORITHMS,
  runLimits: [
    { epsilon: 10_000_000, delta: 10_000_000_000 },
    { epsilon: 4_000_000, delta: 10_000_000_000 },
    { epsilon: 2_000_000, delta: 10_000_000_000 },
  ],
  maxAge: DAY,
  maxSkew: 300,
  appraisalFreshness: 600,
  headFreshness: 60,
  handoverSeconds: 60,
  proposalTimeToLive: 30 * DAY,
  compromiseWindow: 30 * DAY,
  recoveryDelay: 7 * DAY,
  ccrpMustSign: true,
};

/** The policy in force at `time` (Unix milliseconds). */
export function policyAt(record: PolicyRecord | undefined, time: number): Policy {
  if (!record) return DEFAULT_POLICY;
  const { current, next, effectiveFrom } = record;
  return next && effectiveFrom !== undefined && effectiveFrom * 1000 <= time ? next : current;
}
