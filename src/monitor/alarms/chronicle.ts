/**
 * What has happened so far, as it can be read off the accepted entries alone. It shares no code with the rules of the
 * log, and knows less: where it cannot tell, it gives the log the benefit of the doubt, so that what a watch rule says
 * is never for want of knowledge.
 */
import { toHex } from '../../core/bytes.ts';
import { Book, Shelf } from './book.ts';
import type { Bodies, Seen } from './seen.ts';

export interface Amount {
  readonly epsilon: number;
  readonly delta: number;
}

export interface Room {
  readonly contracts: readonly string[];
  readonly code: string;
  readonly datasets: readonly (readonly [id: string, version: number])[];
  /** What a run in it may spend of each dataset. */
  readonly privacy: Amount;
  /** By evidence (hex): verifiers whose last word on it was affirming. */
  readonly affirmed: Readonly<Record<string, readonly string[]>>;
  /** A quorum of each of its contracts has affirmed one piece of evidence, at some time. */
  readonly attested: boolean;
  /** Entry of a contraindicated result that came after. */
  readonly retracted?: number;
}

export interface Contract {
  readonly tdc: string;
  readonly tdps: readonly string[];
  readonly datasets: readonly (readonly [id: string, version: number])[];
  readonly privacy: Readonly<Record<string, Amount>>;
  readonly verifiers: readonly string[];
  readonly quorum: number;
  /** By row: what has to be settled before which step. */
  readonly payments: readonly string[];
  readonly signed: readonly string[];
  readonly expiry: number;
}

export interface Release {
  readonly room: string;
  readonly contract: string;
  readonly subject: string;
  readonly version: number | null;
  /** Times, by the log. */
  readonly granted?: number;
  readonly cancelled?: number;
  readonly received?: number;
}

export interface Run extends Amount {
  readonly room: string;
  readonly completed: boolean;
  /** Files that it declared (hex), once it has completed. */
  readonly outputs: readonly string[];
}

/** A stop holds from `from` until it is lifted. */
export interface StopSpan {
  readonly final: boolean;
  readonly from: number;
  readonly until?: number;
  readonly entry: number;
}

export interface Scope {
  readonly allocated: Amount;
  /** What completed and ongoing runs have said that they spent. */
  readonly spent: Amount;
}

export const datasetName = (id: string, version: number) => `${id} version ${version}`;

/** What holds before any policy is published. */
const HANDOVER = 60;

export class Chronicle {
  readonly #book = new Book();
  readonly rooms = new Shelf<Room>(this.#book, 'room');
  readonly contracts = new Shelf<Contract>(this.#book, 'contract');
  readonly releases = new Shelf<Release>(this.#book, 'release');
  /** Key: room, subject. The releases of it that were granted. */
  readonly grants = new Shelf<readonly string[]>(this.#book, 'grants');
  readonly runs = new Shelf<Run>(this.#book, 'run');
  readonly stops = new Shelf<readonly StopSpan[]>(this.#book, 'stops');
  /** Key: id, version. Where a dataset's personal data are accounted for. */
  readonly accounts = new Shelf<readonly [provider: string, scope: string]>(this.#book, 'account');
  readonly scopes = new Shelf<Scope>(this.#book, 'scope');
  /** Key: contract, row, room. */
  readonly payments = new Shelf<string>(this.#book, 'payment');
  readonly #handover = new Shelf<number>(this.#book, 'handover');

  restore(rows: Parameters<Book['restore']>[0]): Promise<void> {
    return this.#book.restore(rows);
  }

  changes(): ReturnType<Book['changes']> {
    return this.#book.changes();
  }

  /** Seconds that a granted key had to be received in, at most, under any policy so far. */
  get handover(): number {
    return this.#handover.get() ?? HANDOVER;
  }

  /** A stop of one of these that holds at `time`. @param final those for good only */
  stopOf(subjects: readonly string[], time: number, final = false): string | undefined {
    const held = subjects.find((subject) =>
      this.stops
        .get(subject)
        ?.some(
          (stop) =>
            (stop.final || !final) && stop.from <= time && (stop.until === undefined || stop.until > time),
        ),
    );
    return held && `${held} was stopped`;
  }

  learn(entry: Seen): void {
    const { index, time, body, issuer, kind } = entry;
    switch (kind) {
      case 'policy.publish':
        this.#handover.put(Math.max(this.handover, body.handoverSeconds));
        break;
      case 'participant.suspend':
      case 'participant.revoke':
        this.#stop(body.did, body, time, index, kind === 'participant.revoke');
        break;
      case 'participant.withdraw':
        this.#stop(issuer, body, time, index, true);
        break;
      case 'participant.reinstate':
        this.#lift(body.did, time);
        break;
      case 'dataset.suspend':
      case 'dataset.withdraw':
        this.#stop(datasetName(body.id, body.version), body, time, index, kind === 'dataset.withdraw');
        break;
      case 'dataset.reinstate':
        this.#lift(datasetName(body.id, body.version), time);
        break;
      case 'code.revoke':
      case 'contract.revoke':
        this.#stop(body.id, body, time, index, true);
        break;
      case 'dataset.register':
      case 'dataset.update':
        this.#dataset(body);
        break;
      case 'contract.propose':
      case 'contract.import':
        this.#contract(body);
        break;
      case 'contract.sign': {
        const contract = this.contracts.get(body.id);
        if (contract) this.contracts.put({ ...contract, signed: [...contract.signed, issuer] }, body.id);
        break;
      }
      case 'cleanroom.deploy':
        this.#room(body);
        break;
      case 'cleanroom.appraise':
        this.#appraisal(body, issuer, index);
        break;
      case 'key.request': {
        const { id, contract, subject, version = null } = body;
        this.releases.put({ room: issuer, contract, subject, version }, id);
        break;
      }
      case 'key.release':
        if (entry.denied === null) this.#granted(body.id, time);
        break;
      case 'key.cancel':
        this.#release(body.id, { cancelled: time });
        break;
      case 'key.receive':
        this.#release(body.id, { received: time });
        break;
      case 'run.start':
        this.runs.put({ room: issuer, epsilon: 0, delta: 0, completed: false, outputs: [] }, body.id);
        break;
      case 'run.log':
        this.#spent(body.run, body, {});
        break;
      case 'run.complete': {
        const outputs = body.outputs.map(({ digest }) => toHex(digest));
        this.#spent(body.run, body, { completed: true, outputs });
        break;
      }
      case 'payment.hold':
      case 'payment.settle':
      case 'payment.refund':
      case 'payment.fail':
        this.payments.put(kind, body.contract, body.row, body.cleanroom);
        break;
      case 'model.release':
        break;
    }
  }

  #stop(
    subject: string,
    { effectiveFrom }: { effectiveFrom?: number },
    time: number,
    entry: number,
    final: boolean,
  ): void {
    const from = effectiveFrom === undefined ? time : effectiveFrom * 1000;
    this.stops.put([...(this.stops.get(subject) ?? []), { final, from, entry }], subject);
  }

  /** Suspensions only: nothing else can be lifted. */
  #lift(subject: string, time: number): void {
    const lifted = (this.stops.get(subject) ?? []).map((stop) =>
      stop.final || stop.until !== undefined ? stop : { ...stop, until: time },
    );
    this.stops.put(lifted, subject);
  }

  #dataset({ id, version, provider, scope, budget, personal }: Bodies['dataset.register']): void {
    if (!personal || scope === undefined) return;
    this.accounts.put([provider, scope], id, version);
    // Whoever opens a scope says what it has; nothing raises it later.
    if (budget && !this.scopes.get(provider, scope)) {
      this.scopes.put({ allocated: budget, spent: { epsilon: 0, delta: 0 } }, provider, scope);
    }
  }

  #contract(terms: Bodies['contract.propose']): void {
    const { id, parties, datasets, privacy, verifiers, quorum, payments, expiry } = terms;
    this.contracts.put(
      {
        tdc: parties.tdc,
        tdps: parties.tdps,
        datasets: datasets.map((of) => [of.id, of.version]),
        privacy: Object.fromEntries(
          privacy.map(({ dataset, epsilon, delta }) => [dataset, { epsilon, delta }]),
        ),
        ...{ verifiers, quorum, expiry, signed: [] },
        payments: payments.map(({ trigger }) => trigger),
      },
      id,
    );
  }

  #room({ id, contracts, code, public: pipeline }: Bodies['cleanroom.deploy']): void {
    const { datasets, privacy } = pipeline;
    const { epsilon, delta } = privacy;
    this.rooms.put(
      {
        ...{ contracts, code, privacy: { epsilon, delta }, affirmed: {}, attested: false },
        datasets: datasets.map(({ dataset, version }) => [dataset, version]),
      },
      id,
    );
  }

  #appraisal({ id, evidence, result }: Bodies['cleanroom.appraise'], verifier: string, index: number): void {
    const room = this.rooms.get(id);
    if (!room) return;
    const name = toHex(evidence);
    const others = (room.affirmed[name] ?? []).filter((other) => other !== verifier);
    const now = result === 'affirming' ? [...others, verifier] : others;
    const attested = room.attested || this.#isQuorum(room, now);
    const retracted =
      result === 'contraindicated' && room.attested ? { retracted: room.retracted ?? index } : {};
    this.rooms.put({ ...room, affirmed: { ...room.affirmed, [name]: now }, attested, ...retracted }, id);
  }

  #isQuorum({ contracts }: Room, affirming: readonly string[]): boolean {
    return contracts.every((id) => {
      const contract = this.contracts.get(id);
      if (!contract) return false;
      return affirming.filter((did) => contract.verifiers.includes(did)).length >= contract.quorum;
    });
  }

  #release(id: string, change: Partial<Release>): void {
    const release = this.releases.get(id);
    if (release) this.releases.put({ ...release, ...change }, id);
  }

  #granted(id: string, time: number): void {
    const release = this.releases.get(id);
    if (!release) return;
    this.releases.put({ ...release, granted: time }, id);
    const { room, subject } = release;
    this.grants.put([...(this.grants.get(room, subject) ?? []), id], room, subject);
  }

  #spent(id: string, { epsilon, delta }: Amount, change: Partial<Run>): void {
    const run = this.runs.get(id);
    if (!run) return;
    const more = { epsilon: epsilon - run.epsilon, delta: delta - run.delta };
    this.runs.put({ ...run, epsilon, delta, ...change }, id);
    for (const [provider, scope] of this.chargedBy(run.room)) {
      const known = this.scopes.get(provider, scope);
      if (!known) continue;
      const spent = {
        epsilon: known.spent.epsilon + more.epsilon,
        delta: known.spent.delta + more.delta,
      };
      this.scopes.put({ ...known, spent }, provider, scope);
    }
  }

  /** Each budget that a run in the room draws on, once. */
  chargedBy(room: string): readonly (readonly [provider: string, scope: string])[] {
    const accounts = new Map<string, readonly [string, string]>();
    for (const [id, version] of this.rooms.get(room)?.datasets ?? []) {
      const account = this.accounts.get(id, version);
      if (account) accounts.set(JSON.stringify(account), account);
    }
    return [...accounts.values()];
  }
}
