/**
 * Accepted entries as watch rules look at them: the members of the bodies that matter to a rule, and no others. The
 * bodies were read by their schemas when the statement was parsed.
 */
import type { Bytes } from '../../core/bytes.ts';

interface Amount {
  /** ε in millionths, δ in 10⁻¹². */
  readonly epsilon: number;
  readonly delta: number;
}

interface Stop {
  readonly effectiveFrom?: number;
}

interface Terms {
  readonly id: string;
  readonly parties: { readonly tdc: string; readonly tdps: readonly string[] };
  readonly datasets: readonly { readonly id: string; readonly version: number }[];
  readonly privacy: readonly (Amount & { readonly dataset: string })[];
  readonly verifiers: readonly string[];
  readonly quorum: number;
  readonly payments: readonly { readonly trigger: string }[];
  /** Unix seconds. */
  readonly expiry: number;
}

interface Dataset {
  readonly id: string;
  readonly version: number;
  readonly provider: string;
  readonly personal: boolean;
  readonly scope?: string;
  readonly budget?: Amount;
}

interface Payment {
  readonly contract: string;
  readonly row: number;
  readonly cleanroom: string;
}

export interface Bodies {
  'policy.publish': { readonly handoverSeconds: number };
  'participant.suspend': Stop & { readonly did: string };
  'participant.reinstate': { readonly did: string };
  'participant.revoke': Stop & { readonly did: string };
  'participant.withdraw': Stop;
  'dataset.register': Dataset;
  'dataset.update': Dataset;
  'dataset.suspend': Stop & { readonly id: string; readonly version: number };
  'dataset.reinstate': { readonly id: string; readonly version: number };
  'dataset.withdraw': Stop & { readonly id: string; readonly version: number };
  'code.revoke': Stop & { readonly id: string };
  'contract.propose': Terms;
  'contract.import': Terms;
  'contract.sign': { readonly id: string };
  'contract.revoke': Stop & { readonly id: string };
  'cleanroom.deploy': {
    readonly id: string;
    readonly contracts: readonly string[];
    readonly code: string;
    readonly public: {
      readonly datasets: readonly { readonly dataset: string; readonly version: number }[];
      readonly privacy: Amount;
    };
  };
  'cleanroom.appraise': { readonly id: string; readonly evidence: Bytes; readonly result: string };
  'key.request': {
    readonly id: string;
    readonly subject: string;
    readonly version?: number;
    readonly contract: string;
  };
  'key.release': { readonly id: string };
  'key.cancel': { readonly id: string };
  'key.receive': { readonly id: string };
  'run.start': {
    readonly id: string;
    readonly cleanroom: string;
    readonly mounts: readonly { readonly dataset: string; readonly version: number }[];
  };
  'run.log': Amount & { readonly run: string };
  'run.complete': Amount & {
    readonly run: string;
    readonly outputs: readonly { readonly digest: Bytes; readonly private: boolean }[];
  };
  'model.release': {
    readonly id: string;
    readonly run: string;
    readonly digest: Bytes;
    readonly files: readonly Bytes[];
    readonly to: string;
  };
  'payment.hold': Payment;
  'payment.settle': Payment;
  'payment.refund': Payment;
  'payment.fail': Payment;
}
export type WatchedKind = keyof Bodies;

/** An accepted entry of one of these kinds. */
export type Seen<Kinds extends WatchedKind = WatchedKind> = {
  readonly [Kind in Kinds]: {
    readonly index: number;
    /** Unix milliseconds, by the log. */
    readonly time: number;
    readonly kind: Kind;
    /** Who signed: a DID, or the URN of a clean room. */
    readonly issuer: string;
    /** What the log answered to a request that it denied; null: it did what was asked. */
    readonly denied: string | null;
    readonly body: Bodies[Kind];
  };
}[Kinds];
