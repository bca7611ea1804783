/** Provenance over the lineage index and the current state. */
import {
  BUDGET,
  EDGE_CLASSES,
  type EdgeClass,
  isNodeId,
  type ListedType,
  type ObjectStatus,
  objectStatus,
  type StateReader,
  typeOfId,
} from '../chain/index.ts';
import { fail } from '../core/errors.ts';
import type { Direction, LineageIndex, TimelineEntry } from '../log/index.ts';
import type { AnsweringHead } from './answering-head.ts';
import { type Walked, type WalkPlan, walk } from './lineage-walk.ts';
import type {
  BudgetSums,
  FoundObject,
  LineageEdge,
  LineageNode,
  ListOptions,
  ObjectList,
  Page,
  Provenance,
  Stats,
  Stop,
  Timeline,
  TimelineEvent,
  TimelineOptions,
  TimelineRole,
  Walk,
  WalkOptions,
} from './provenance.ts';
import type { ServedLog } from './served-log.ts';

const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 1000;
/** Objects that one request for a list looks at. */
const MAX_SCANNED = 2000;
/** Versions of a dataset, the newest, whose stops are told. */
const MAX_VERSIONS = 32;
/** Edges that one entry can have to one name, and more. */
const EDGES_OF_ENTRY = 512;
/** Milliseconds for which the sums over all budgets are kept. */
const SUMS_AGE = 2000;

/** What one question sees: the index up to the tree that answers are given at, and its state. */
interface Asking {
  readonly index: LineageIndex;
  readonly size: number;
  readonly at: number;
  readonly read: StateReader;
}

export class ProvenanceService implements Provenance {
  readonly #log: ServedLog;
  readonly #answering: AnsweringHead;
  readonly #now: () => number;
  #sums: { readonly at: number; readonly value: Promise<Sums> } | undefined;

  constructor(log: ServedLog, answering: AnsweringHead, now: () => number = Date.now) {
    this.#log = log;
    this.#answering = answering;
    this.#now = now;
  }

  trace(id: string, direction: Direction, options: WalkOptions = {}): Promise<Walk> {
    const depth = options.depth ?? Number.POSITIVE_INFINITY;
    // A contract is not made from what it is about; asked where it comes from, it says so all the same.
    const terms = direction === 'up' && typeOfId(id) === 'contract';
    return this.#walk(id, direction, options, {
      follow: (step) => {
        if (step.depth >= depth || step.by === 'terms') return [];
        return step.depth === 0 && terms ? ['source', 'terms'] : ['source'];
      },
    });
  }

  impact(id: string, options: WalkOptions & { readonly version?: number } = {}): Promise<Walk> {
    const { depth = Number.POSITIVE_INFINITY, version } = options;
    const atRoot: readonly EdgeClass[] = typeOfId(id) === 'participant' ? ['party'] : ['source', 'terms'];
    return this.#walk(id, 'down', options, {
      follow: (step) => {
        if (step.depth >= depth || step.by === 'terms') return [];
        return step.depth === 0 ? atRoot : ['source'];
      },
      skip: (edge) => version !== undefined && edge.to === id && edge.version !== version,
    });
  }

  #walk(
    id: string,
    direction: Direction,
    options: WalkOptions,
    plan: Pick<WalkPlan, 'follow' | 'skip'>,
  ): Promise<Walk> {
    checkId(id);
    const { cursor } = options;
    const limit = limitOf(options);
    return this.#ask(async (asking) => {
      const { index, size } = asking;
      const [created] = await index.firstEntries([id], size);
      if (!created) throw fail('NOT_FOUND', `no entry is about ${id}`);
      const walked = await walk(index, { ...plan, root: id, direction, size });
      const order = (a: number, b: number) => (direction === 'up' ? b - a : a - b);
      const ids = [...walked.nodes.keys()].filter(
        (each) => each !== id && (!options.types || options.types.includes(typeOfId(each))),
      );
      // What is named but was never registered has no entry of its own: it stays the end of an edge.
      const found = (await index.firstEntries(ids, size)).filter((entry) => entry !== undefined);
      const left = found.filter((entry) => cursor === undefined || order(cursor, entry.index) < 0);
      left.sort((a, b) => order(a.index, b.index));
      const [root, ...nodes] = await nodesOf(asking, [created, ...left.slice(0, limit)], walked);
      return {
        ...view(asking),
        root: root!,
        nodes,
        next: left.length > limit ? left[limit - 1]!.index : null,
        truncated: walked.truncated,
      };
    });
  }

  timeline(id: string, options: TimelineOptions = {}): Promise<Timeline> {
    checkId(id);
    const { roles = ['subject'], newestFirst = false, cursor } = options;
    const limit = limitOf(options);
    return this.#ask(async (asking) => {
      const { index, size } = asking;
      const from = cursor === undefined || newestFirst ? 0 : cursor + 1;
      const to = cursor === undefined || !newestFirst ? size : Math.min(cursor, size);
      const merge = new Merge(newestFirst);
      if (from < to) {
        const span = { from, to, limit: limit + 1, newestFirst };
        if (roles.includes('subject')) {
          merge.add(await index.about(id, span), span.limit, (row) => ({ ...row, role: 'subject' }));
        }
        if (roles.includes('actor')) {
          merge.add(await index.by(id, span), span.limit, (row) => ({ ...row, role: 'actor' }));
        }
        for (const of of roles.includes('named') ? EDGE_CLASSES : []) {
          const most = span.limit + EDGES_OF_ENTRY;
          const edges = await index.edges(id, 'down', of, { ...span, limit: most });
          merge.add(edges, most, ({ index: at, id: subject, relation }) => ({
            ...{ index: at, subject, relation, role: 'named' },
          }));
        }
      }
      const { rows, more } = merge.first(limit);
      const entries = await index.entries(rows);
      const events = rows.map(({ roles: why, relations }, i): TimelineEvent => {
        return { ...entries[i]!, roles: [...why], relations: [...relations] };
      });
      return { ...view(asking), events, next: more ? rows.at(-1)!.index : null };
    });
  }

  list(type: ListedType, options: ListOptions = {}): Promise<ObjectList> {
    const { state, owner, purpose, cursor } = options;
    if (owner !== undefined) checkId(owner);
    const limit = limitOf(options);
    return this.#ask(async (asking) => {
      const { index, size, read, at } = asking;
      const objects: FoundObject[] = [];
      let last = cursor;
      let scanned = 0;
      for (;;) {
        const most = Math.min(256, MAX_SCANNED - scanned);
        const from = last === undefined ? 0 : last + 1;
        const rows = from < size ? await index.objects(type, owner, { from, to: size, limit: most }) : [];
        for (const row of rows) {
          const { id, version } = row;
          const status = objectStatus(read, id, at, version ?? undefined);
          const wanted =
            status &&
            (state === undefined || status.state === state) &&
            (owner === undefined || status.owners.includes(owner)) &&
            (purpose === undefined || status.purposes.includes(purpose));
          if (wanted) {
            const [entry] = await index.entries([{ subject: id, index: row.index }]);
            objects.push(foundObject(entry!, version, status));
          }
          last = row.index;
          if (objects.length === limit) return { ...view(asking), objects, next: last };
        }
        scanned += rows.length;
        if (rows.length < most) return { ...view(asking), objects, next: null };
        if (scanned >= MAX_SCANNED) return { ...view(asking), objects, next: last ?? null };
      }
    });
  }

  stats(): Promise<Stats> {
    return this.#ask(async (asking) => ({
      ...view(asking),
      ...asking.index.numbers,
      ...(await this.#budgets()),
    }));
  }

  /** Sums over all budgets, a little old at most: there may be many, and a graph is drawn every few seconds. */
  #budgets(): Promise<Sums> {
    const now = this.#now();
    if (!this.#sums || now - this.#sums.at > SUMS_AGE) {
      const value = this.#sum();
      value.catch(() => {
        this.#sums = undefined;
      });
      this.#sums = { at: now, value };
    }
    return this.#sums.value;
  }

  async #sum(): Promise<Sums> {
    const zero = { allocated: 0n, reserved: 0n, spent: 0n };
    const [epsilon, delta] = [{ ...zero }, { ...zero }];
    let budgets = 0;
    await this.#log.eachRecord(BUDGET.type, BUDGET.key('', ''), (value) => {
      const record = BUDGET.decode(value);
      for (const part of ['allocated', 'reserved', 'spent'] as const) {
        epsilon[part] += BigInt(record[part].epsilon);
        delta[part] += BigInt(record[part].delta);
      }
      budgets += 1;
    });
    return { budgets, epsilon, delta };
  }

  #ask<T>(question: (asking: Asking) => Promise<T>): Promise<T> {
    return this.#log.lineage((index, indexed) => {
      // The tree and the state that facts are proven from: whoever verifies the answer compares it with them.
      const { head, state, tip } = this.#answering.told;
      const size = Math.min(indexed, head.size);
      // The log may have been quiet for long; its own time never goes back.
      const at = Math.max(tip.time, this.#now());
      return question({ index, size, at, read: (key, name) => state.get(key, name) });
    });
  }
}

interface Sums {
  readonly budgets: number;
  readonly epsilon: BudgetSums;
  readonly delta: BudgetSums;
}

function view({ size, at }: Asking): { size: number; at: number } {
  return { size, at };
}

/** Nodes, whose edges have the entry ids of the statements that they are in. */
async function nodesOf(
  asking: Asking,
  entries: readonly TimelineEntry[],
  { nodes }: Walked,
): Promise<LineageNode[]> {
  const edges = entries.flatMap(({ subject }) => nodes.get(subject) ?? []);
  const stated = await asking.index.entries(edges.map(({ from, index }) => ({ subject: from, index })));
  let next = 0;
  return entries.map((entry) => {
    const own = (nodes.get(entry.subject) ?? []).map(({ from, to, relation, class: of, version, index }) => {
      return { from, to, relation, class: of, version, index, entryId: stated[next++]!.entryId };
    });
    return node(asking, entry, own);
  });
}

function node(asking: Asking, entry: TimelineEntry, edges: readonly LineageEdge[]): LineageNode {
  const { subject: id, index, entryId, kind } = entry;
  const status = objectStatus(asking.read, id, asking.at);
  return {
    ...{ id, type: typeOfId(id), index, entryId, kind, edges },
    state: status?.state ?? null,
    version: typeOfId(id) === 'dataset' ? (status?.version ?? null) : null,
    stops: status ? stopsOf(asking, id, status) : [],
  };
}

function stopsOf({ read, at }: Asking, id: string, status: ObjectStatus): Stop[] {
  if (typeOfId(id) !== 'dataset') return status.lastStop ? [stop(status.lastStop, null)] : [];
  const newest = status.version ?? 1;
  const stops: Stop[] = [];
  for (let version = newest; version > Math.max(0, newest - MAX_VERSIONS); version--) {
    const { lastStop } = objectStatus(read, id, at, version) ?? {};
    if (lastStop) stops.push(stop(lastStop, version));
  }
  return stops;
}

function stop({ entry, at, before }: NonNullable<ObjectStatus['lastStop']>, version: number | null): Stop {
  return { version, entry, at, before };
}

function foundObject(entry: TimelineEntry, version: number | null, status: ObjectStatus): FoundObject {
  const { subject: id, index, entryId } = entry;
  const { state, owners, purposes, lastStop, name = null } = status;
  const stops = lastStop ? [stop(lastStop, version)] : [];
  return { id, version, name, state, owners, purposes, stops, index, entryId };
}

interface MergedRow {
  readonly index: number;
  readonly subject: string;
  readonly roles: Set<TimelineRole>;
  readonly relations: Set<string>;
}

/** Rows of several ranges as one, in the order of their entries, as far as all of them have been read. */
class Merge {
  readonly #rows = new Map<number, MergedRow>();
  readonly #newestFirst: boolean;
  /** From here on a range has more than was read. */
  #horizon: number | undefined;

  constructor(newestFirst: boolean) {
    this.#newestFirst = newestFirst;
  }

  /** @param limit that the rows were read with */
  add<T extends { readonly index: number }>(
    rows: readonly T[],
    limit: number,
    read: (row: T) => { index: number; subject: string; role: string; relation?: string },
  ): void {
    for (const row of rows) {
      const { index, subject, role, relation } = read(row);
      const merged = this.#rows.get(index) ?? { index, subject, roles: new Set(), relations: new Set() };
      merged.roles.add(role as TimelineRole);
      if (relation !== undefined) merged.relations.add(relation);
      this.#rows.set(index, merged);
    }
    const last = rows.at(-1)?.index;
    if (rows.length < limit || last === undefined) return;
    if (this.#horizon === undefined || this.#order(last, this.#horizon) < 0) this.#horizon = last;
  }

  first(limit: number): { rows: MergedRow[]; more: boolean } {
    const sorted = [...this.#rows.values()].sort((a, b) => this.#order(a.index, b.index));
    const horizon = this.#horizon;
    const whole =
      horizon === undefined ? sorted : sorted.filter(({ index }) => this.#order(index, horizon) < 0);
    return { rows: whole.slice(0, limit), more: whole.length > limit || horizon !== undefined };
  }

  #order(a: number, b: number): number {
    return this.#newestFirst ? b - a : a - b;
  }
}

/** @throws ARGUMENT_INVALID */
function checkId(id: string): void {
  if (!isNodeId(id)) throw fail('ARGUMENT_INVALID', 'a DID or a urn:depa: name is needed');
}

/** @throws ARGUMENT_INVALID */
function limitOf({ limit = DEFAULT_LIMIT }: Page): number {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw fail('ARGUMENT_INVALID', `a limit is from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}
