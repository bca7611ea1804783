/** A training cycle under way: who takes part in it, on which terms, and the services that they speak with. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Simulator } from '../../attestation/index.ts';
import { CONTRACT } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import type { PrivateKey } from '../../core/crypto.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { decodePrivateKey } from '../../cose/index.ts';
import type { Sources } from '../../depa/index.ts';
import type { ContractServiceClient } from '../contract-service/client.ts';
import { castOf, type Participant, readTerms, type Terms } from './cast.ts';
import type { Agreement } from './governance.ts';
import type { Finished, Processes } from './processes.ts';
import { Recorder } from './recorder.ts';
import { type Overlay, type ScenarioFiles, withOverlay } from './scenario-files.ts';
import type { SealedDataset } from './sealed-data.ts';
import { type SealedModel, sealModel } from './sealed-model.ts';
import { type SealedTerms, sealTerms } from './sealed-terms.ts';
import type { Site } from './site.ts';
import type { WatchedLog } from './watched-log.ts';

export interface CycleParts {
  readonly site: Site;
  readonly processes: Processes;
  readonly log: WatchedLog;
  readonly client: LedgerClient;
  readonly files: ScenarioFiles;
  /** The platform of clean rooms, being made. */
  readonly simulator: Promise<Simulator>;
  /** Told of every step: who, and what. */
  readonly observe: (who: string, what: string) => void;
}

/** Milliseconds that witnesses may take, and between two looks. */
const WITNESSED = 60_000;
const PAUSE = 100;

export interface Signer {
  readonly did: string;
  readonly key: PrivateKey;
}

/** What later steps find of earlier ones. */
export interface Found {
  agreement?: Agreement;
  service?: ContractServiceClient;
  /** URL of the KMS. */
  kms?: string;
  /** Folder with what the clean room has left. */
  delivery?: string;
  /** URN. */
  model?: string;
  /** What `aichain model verify` said, from the bundle alone. */
  verified?: string;
}

export class Cycle {
  readonly site: Site;
  readonly processes: Processes;
  readonly log: WatchedLog;
  readonly client: LedgerClient;
  readonly files: ScenarioFiles;
  readonly simulator: Promise<Simulator>;
  readonly observe: CycleParts['observe'];
  readonly recorder: Recorder;
  readonly sro: Signer;
  readonly found: Found = {};
  /** What training starts from, if the contract names it. */
  readonly baseModel: SealedModel | undefined;
  readonly #cast: ReadonlyMap<string, Participant>;
  readonly #sealed: ReadonlyMap<string, SealedDataset>;
  readonly #closers: (() => unknown)[] = [];
  #terms: Terms;
  #sources: Sources;

  /** Each provider seals its table: the terms are about what was sealed. */
  static async begin(parts: CycleParts): Promise<Cycle> {
    const { site, files, log, client, observe } = parts;
    const on = { origin: client.trust.origin, trust: log.trust };
    const agreed = await sealTerms(site, files, on, observe);
    const { baseModel: id } = agreed.terms.body('contract.propose');
    const baseModel = id === undefined ? undefined : await sealModel(site, files, id);
    return new Cycle(parts, agreed, baseModel);
  }

  private constructor(
    parts: CycleParts,
    { terms, sealed, sources }: SealedTerms,
    baseModel: SealedModel | undefined,
  ) {
    this.baseModel = baseModel;
    const { site, processes, log, client, files, simulator, observe } = parts;
    this.site = site;
    this.processes = processes;
    this.log = log;
    this.client = client;
    this.files = files;
    this.simulator = simulator;
    this.observe = observe;
    this.recorder = new Recorder(site.crypto, client);
    this.#terms = terms;
    this.#sealed = sealed;
    this.#sources = sources;
    this.#cast = castOf(site, terms);
    const key = decodePrivateKey(site.crypto, Uint8Array.from(readFileSync(log.sro)));
    this.sro = { did: 'did:web:sro.aichain.localhost', key };
  }

  get terms(): Terms {
    return this.#terms;
  }

  get sources(): Sources {
    return this.#sources;
  }

  get participants(): readonly Participant[] {
    return [...this.#cast.values()];
  }

  sealed(dataset: string): SealedDataset {
    return this.#sealed.get(dataset)!;
  }

  /** What the service is that a step before this one has started. */
  get service(): ContractServiceClient {
    if (!this.found.service) throw fail('INTERNAL', 'the contract service has not been started');
    return this.found.service;
  }

  who(did: string): Participant {
    const found = this.#cast.get(did);
    if (!found) throw fail('ARGUMENT_INVALID', `${did} has no part in the contract`);
    return found;
  }

  one(role: Participant['roles'][number]): Participant {
    const found = this.participants.find(({ roles }) => roles.includes(role));
    if (!found) throw fail('ARGUMENT_INVALID', `nobody is ${role}: the runner needs one`);
    return found;
  }

  /** The parties negotiate: what is proposed from now on says something else. */
  amend({ contract, overlay }: { contract?: (text: Overlay) => void; overlay?: (said: Overlay) => void }) {
    let sources = this.#sources;
    if (contract) {
      const text = JSON.parse(fromUtf8(sources.contract.bytes));
      contract(text);
      sources = { ...sources, contract: { ...sources.contract, bytes: utf8(JSON.stringify(text)) } };
    }
    if (overlay) sources = withOverlay(sources, overlay);
    this.#sources = sources;
    this.#terms = readTerms(this.site, sources, this.client.trust.origin);
  }

  /** Returns when gates answer from a head that has this entry: until then it is as if it were not there. */
  async witnessed(index: number): Promise<void> {
    const key = CONTRACT.key(this.terms.body('contract.propose').id);
    for (const until = Date.now() + WITNESSED; ; ) {
      const { head } = await this.client.facts([key]);
      if (head.size > index) return;
      if (Date.now() > until) throw fail('DEADLINE_EXCEEDED', `entry ${index} is not witnessed`);
      await delay(PAUSE);
    }
  }

  /** What a command of `name` is told: which log, whom to trust, who it is. */
  flags(name: string): string[] {
    return [...this.log.flags(name), '--timeout', '30'];
  }

  /** @throws what the command says, by its code */
  async command(name: string, args: readonly string[]): Promise<Finished> {
    return succeeded(name, await this.processes.run(name, args).done);
  }

  /** Done when the cycle ends, the last first. */
  atEnd(closer: () => unknown): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
  }
}

/** @throws what the command says, by its code */
export function succeeded(name: string, done: Finished): Finished {
  if (done.code === 0) return done;
  const [, code = 'INTERNAL', detail = ''] =
    [...done.stderr.matchAll(/^aichain: ([A-Z][A-Z0-9_]+): (.*)$/gm)].at(-1) ?? [];
  throw new LedgerError(code, `${name}: ${detail}`);
}
