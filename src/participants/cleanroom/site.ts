/** What every step of a clean room works with, and what it lets be seen. */
import { randomUUID } from 'node:crypto';
import type { GateStep, RequestOf } from '../../chain/index.ts';
import type { GateDecision, LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { LedgerError } from '../../core/errors.ts';
import { ProvenState } from './proven-state.ts';

/** Public, all of it: nothing here says anything of the data. */
export interface Progress {
  readonly step:
    | 'agreed'
    | 'deployed'
    | 'attested'
    | 'paid'
    | 'keyed'
    | 'started'
    | 'trained'
    | 'completed'
    | 'released'
    | 'ended';
  readonly detail: string;
  /** Index of what was logged. */
  readonly entry?: number;
}

/** What a gate answered, to be verified again by anybody. */
export interface Proof {
  readonly step: GateStep;
  readonly request: object;
  readonly bundle: Bytes;
}

export interface SiteOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly signal: AbortSignal;
  readonly observe?: (progress: Progress) => void;
}

export class Site {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly signal: AbortSignal;
  readonly state: ProvenState;
  readonly proofs: Proof[] = [];
  readonly #observe: ((progress: Progress) => void) | undefined;

  constructor({ crypto, client, signal, observe }: SiteOptions) {
    this.crypto = crypto;
    this.client = client;
    this.signal = signal;
    this.state = new ProvenState(client, signal);
    this.#observe = observe;
  }

  get origin(): string {
    return this.client.trust.origin;
  }

  said(step: Progress['step'], detail: string, entry?: number): void {
    this.#observe?.({ step, detail, ...(entry !== undefined && { entry }) });
  }

  /** Returns when the step is allowed, by a decision made here. @throws the reason why not, by its code; as the check */
  async pass<Step extends GateStep>(step: Step, request: RequestOf<Step>): Promise<void> {
    const answer: GateDecision = await this.client.check(step, request, { signal: this.signal });
    this.proofs.push({ step, request: request as object, bundle: answer.bundle });
    if (answer.decision === 'allow') return;
    throw new LedgerError(answer.reason ?? 'INTERNAL', `${step} is denied`);
  }

  /** A name for something new in this log. */
  urn(type: 'cleanroom' | 'release' | 'run' | 'model'): string {
    return `urn:depa:${type}:${this.origin}:${randomUUID()}`;
  }
}
