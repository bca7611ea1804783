/**
 * Questions about descent, with every part of the answer verified: each entry that it names is fetched and shown to be
 * in the log, with effect, and to say what the answer says of it; states are derived here, from proven records. What a
 * server leaves out of an answer cannot be noticed.
 */
import {
  type Lineage,
  lineageOf,
  objectStatus,
  parseStatement,
  type StateReader,
  typeOfId,
} from '../chain/index.ts';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import type { VerifiedEffect } from '../verify/index.ts';
import type {
  FoundObject,
  LineageEdge,
  LineageNode,
  LineageWalk,
  ListQuery,
  ObjectList,
  ProvenanceTransport,
  Stop,
  Timeline,
  TimelineEvent,
  TimelineQuery,
  WalkQuery,
} from './claimed-lineage.ts';
import type { CallOptions, LedgerClient } from './ledger-client.ts';
import type { Call } from './transport.ts';

/** Entries that are fetched at once. */
const AT_ONCE = 8;
/** Facts in one request. */
const FACTS = 255;
/** Rounds in which the records that a state depends on are found. */
const MAX_ROUNDS = 64;

export interface ProvenanceOptions extends CallOptions {
  /** False: the answer is the server's word. Default true. */
  readonly verify?: boolean;
}

/** An entry that is in the log with effect. */
interface Checked {
  readonly entryId: Bytes;
  readonly lineage: Lineage | undefined;
  readonly effect: VerifiedEffect;
}

interface Parts {
  readonly crypto: Crypto;
  readonly ledger: Pick<LedgerClient, 'entry' | 'effect' | 'facts'>;
  /** One request, with retries, under a deadline. */
  readonly ask: <T>(
    request: (transport: ProvenanceTransport, call: Call) => Promise<T>,
    options?: CallOptions,
  ) => Promise<T>;
  readonly now: () => number;
}

export class ProvenanceClient {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * What something was made from (`up`), what was made from it (`down`), or what hangs on it (`impact`).
   * @throws NOT_FOUND; RESPONSE_MALFORMED an entry does not say what the answer says; INCLUSION_INVALID, FORK, STALE
   */
  async walk(query: WalkQuery, options: ProvenanceOptions = {}): Promise<LineageWalk> {
    const walk = await this.#parts.ask((to, call) => to.walk(query, call), options);
    if (options.verify === false) return walk;
    if (walk.root.id !== query.id) throw wrong('the answer is about something else');
    const nodes = [walk.root, ...walk.nodes];
    const places = nodes.flatMap((node) => [node, ...node.edges]);
    const entries = await this.#entries(places, options);
    for (const node of nodes) checkNode(node, entries);
    const { statusOf, at } = await this.#states(
      nodes.map(({ id }) => ({ id })),
      options,
    );
    const derived = (node: LineageNode): LineageNode => ({ ...node, ...statusOf(node.id) });
    return { ...walk, at, root: derived(walk.root), nodes: walk.nodes.map(derived) };
  }

  /** @throws as {@link walk} */
  async timeline(query: TimelineQuery, options: ProvenanceOptions = {}): Promise<Timeline> {
    const timeline = await this.#parts.ask((to, call) => to.timeline(query, call), options);
    if (options.verify === false) return timeline;
    const entries = await this.#entries(timeline.events, options);
    for (const event of timeline.events) checkEvent(query.id, event, entries.get(event.index)!);
    return timeline;
  }

  /** @throws as {@link walk} */
  async list(query: ListQuery, options: ProvenanceOptions = {}): Promise<ObjectList> {
    const list = await this.#parts.ask((to, call) => to.list(query, call), options);
    if (options.verify === false) return list;
    const entries = await this.#entries(list.objects, options);
    const { statusOf, at } = await this.#states(list.objects, options);
    const objects = list.objects.map((object): FoundObject => {
      const made = entries.get(object.index)!.lineage?.object;
      if (made?.id !== object.id || (made.version ?? null) !== object.version || made.type !== query.type) {
        throw wrong(`entry ${object.index} does not make ${object.id}`);
      }
      const { state, stops, owners, purposes, name } = statusOf(object.id, object.version);
      if (state === null) throw wrong(`there is no record of ${object.id}`);
      return { ...object, state, stops, owners, purposes, name };
    });
    return { ...list, at, objects };
  }

  /** By index, each once. */
  async #entries(
    places: readonly { readonly index: number; readonly entryId: Bytes }[],
    options: CallOptions,
  ): Promise<ReadonlyMap<number, Checked>> {
    const wanted = [...new Set(places.map(({ index }) => index))];
    const found = new Map<number, Checked>();
    const fetch = async () => {
      for (let index = wanted.pop(); index !== undefined; index = wanted.pop()) {
        found.set(index, await this.#entry(index, options));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, fetch));
    for (const { index, entryId } of places) {
      if (!equal(found.get(index)!.entryId, entryId)) throw wrong(`entry ${index} has another entry id`);
    }
    return found;
  }

  async #entry(index: number, options: CallOptions): Promise<Checked> {
    const { crypto, ledger } = this.#parts;
    const { statement, leafData } = await ledger.entry({ index }, options);
    if (!statement) throw wrong(`entry ${index} is a state entry`);
    const effect = await ledger.effect(index, options);
    if (effect.outcome !== 'ok') throw wrong(`entry ${index} had no effect`);
    return { entryId: leafData, lineage: lineageOf(parseStatement(crypto, statement)), effect };
  }

  /** The states of all of them, from records that are proven to be the current ones. */
  async #states(
    of: readonly { readonly id: string; readonly version?: number | null }[],
    options: CallOptions,
  ): Promise<{ at: number; statusOf: (id: string, version?: number | null) => Status }> {
    const { ledger, now } = this.#parts;
    const records = new Map<string, Bytes | null>();
    let missing = new Map<string, Bytes>();
    const read: StateReader = (key) => {
      const name = toHex(key);
      const known = records.get(name);
      if (known === undefined) missing.set(name, key);
      return known ?? undefined;
    };
    let at = now();
    // The function that derives a state says itself which records it needs; each round brings those it asked for.
    for (let round = 0; round < MAX_ROUNDS; round++) {
      missing = new Map();
      for (const { id, version } of of) statusFrom(read, id, at, version);
      if (missing.size === 0) break;
      const keys = [...missing.values()];
      for (let i = 0; i < keys.length; i += FACTS) {
        const some = keys.slice(i, i + FACTS);
        const { values, tip } = await ledger.facts(some, options);
        at = Math.max(at, tip.time);
        some.forEach((key, n) => {
          records.set(toHex(key), values[n] ?? null);
        });
      }
    }
    return { at, statusOf: (id, version) => statusFrom(read, id, at, version) };
  }
}

interface Status {
  readonly state: string | null;
  readonly version: number | null;
  readonly stops: readonly Stop[];
  readonly owners: readonly string[];
  readonly purposes: readonly string[];
  readonly name: string | null;
}

function statusFrom(read: StateReader, id: string, at: number, version?: number | null): Status {
  const status = objectStatus(read, id, at, version ?? undefined);
  const isDataset = typeOfId(id) === 'dataset';
  const stops: Stop[] = [];
  const add = (of: number | null, from: typeof status) => {
    if (!from?.lastStop) return;
    const { entry, at: since, before } = from.lastStop;
    stops.push({ version: of, entry, at: since, before });
  };
  if (isDataset && status && (version === undefined || version === null)) {
    for (let n = status.version ?? 1, left = 32; n > 0 && left > 0; n--, left--) {
      add(n, objectStatus(read, id, at, n));
    }
  } else add(version ?? null, status);
  return {
    state: status?.state ?? null,
    version: isDataset ? (status?.version ?? null) : null,
    stops,
    owners: status?.owners ?? [],
    purposes: status?.purposes ?? [],
    name: status?.name ?? null,
  };
}

function checkNode(node: LineageNode, entries: ReadonlyMap<number, Checked>): void {
  const { lineage } = entries.get(node.index)!;
  if (lineage?.subject !== node.id || lineage.kind !== node.kind || node.type !== typeOfId(node.id)) {
    throw wrong(`entry ${node.index} is not a ${node.kind} of ${node.id}`);
  }
  for (const edge of node.edges) {
    const stated = entries.get(edge.index)!.lineage;
    if (
      edge.from !== node.id ||
      stated?.subject !== node.id ||
      !stated.edges.some((each) => isSame(each, edge))
    ) {
      throw wrong(`entry ${edge.index} does not say that ${edge.from} has ${edge.relation} ${edge.to}`);
    }
  }
}

function isSame(stated: Lineage['edges'][number], edge: LineageEdge): boolean {
  return (
    stated.to === edge.to &&
    stated.relation === edge.relation &&
    stated.class === edge.class &&
    (stated.version ?? null) === edge.version
  );
}

function checkEvent(id: string, event: TimelineEvent, { lineage, effect }: Checked): void {
  const { index, kind, subject, issuer, onBehalf, time, reason, roles, relations } = event;
  const says =
    lineage?.kind === kind &&
    lineage.subject === subject &&
    lineage.issuer === issuer &&
    (lineage.onBehalf ?? null) === onBehalf &&
    effect.time === time &&
    effect.reason === reason;
  const named = new Set(lineage?.edges.filter(({ to }) => to === id).map(({ relation }) => relation));
  const holds = {
    subject: subject === id,
    actor: issuer === id || onBehalf === id,
    named: named.size > 0,
  };
  const fits =
    roles.length > 0 && roles.every((role) => holds[role]) && relations.every((each) => named.has(each));
  if (!says || !fits) throw wrong(`entry ${index} does not say what the answer says`);
}

function wrong(message: string) {
  return fail('RESPONSE_MALFORMED', message);
}
