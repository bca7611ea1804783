/**
 * What an accepted statement says about the descent of things: whom it is about, who acted, and which other DIDs and
 * URNs its body names. A pure function of the statement, so that whoever holds the entry can check every edge that an
 * index answers with. Nothing here decides anything.
 */
import { isDid, isUrn } from './identifier.ts';
import { kindNamed } from './kinds/index.ts';
import type { Ref, Statement } from './statement.ts';

/**
 * What an edge means for the descent of its subject.
 * - `source`: the subject was made from it. - `party`: a participant who answers for the subject.
 * - `terms`: the subject is an agreement about it. - `mention`: anything else that the body names.
 */
export const EDGE_CLASSES = ['source', 'party', 'terms', 'mention'] as const;
export type EdgeClass = (typeof EDGE_CLASSES)[number];

/** From the subject of a statement to what its body names. */
export interface Edge {
  /** Path of the member that names it, without positions: `pipeline.datasets.id`. */
  readonly relation: string;
  /** DID or URN. */
  readonly to: string;
  /** The version that stands beside it in the body. */
  readonly version?: number;
  readonly class: EdgeClass;
}

/** What can be listed: an object as the statement that makes it, or a new version of it, states it. */
export interface ListedObject {
  readonly type: ListedType;
  readonly id: string;
  /** Of a dataset. */
  readonly version?: number;
}
export const LISTED_TYPES = ['dataset', 'contract', 'model'] as const;
export type ListedType = (typeof LISTED_TYPES)[number];

export interface Lineage {
  readonly kind: string;
  /** The DID or URN that the statement is about: its kind's subject, or who issued it. */
  readonly subject: string;
  readonly issuer: string;
  readonly onBehalf?: string;
  /** Distinct, in one order: by class, relation, identifier. */
  readonly edges: readonly Edge[];
  readonly refs: readonly Ref[];
  readonly object?: ListedObject;
}

/** Edges of one statement. Schemas keep bodies below it; what would be too much is dropped from the end, mentions. */
export const MAX_EDGES = 512;
/** Values of one body that are looked at, and how deep they lie. */
const MAX_VALUES = 1 << 16;
const MAX_DEPTH = 16;

/** What a kind makes its subject from: the types of URNs in its body that are sources. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'dataset.register': ['dataset'],
  'dataset.update': ['dataset'],
  'contract.propose': ['contract'],
  'contract.import': ['contract'],
  'cleanroom.deploy': ['contract', 'dataset', 'code', 'model'],
  'run.start': ['cleanroom', 'dataset', 'model'],
  'model.register': ['model'],
  'model.derive': ['model'],
  'model.release': ['run'],
};

/** Members, by their last name, with the participants who answer for the subject. */
const PARTIES: Readonly<Record<string, readonly string[]>> = {
  'dataset.register': ['provider'],
  'dataset.update': ['provider'],
  'contract.propose': ['tdc', 'tdps', 'ccrp', 'verifiers'],
  'contract.import': ['tdc', 'tdps', 'ccrp', 'verifiers'],
  'model.release': ['to'],
};

/** What an agreement is about. */
const TERMS: Readonly<Record<string, readonly string[]>> = {
  'contract.propose': ['dataset', 'code', 'model'],
  'contract.import': ['dataset', 'code', 'model'],
};

/** Kinds whose signer, or principal, answers for the subject without being named in the body. */
const ISSUER_ANSWERS = new Set(['dataset.register', 'model.register', 'model.derive', 'cleanroom.deploy']);

const MAKES: Readonly<Record<string, ListedType>> = {
  'dataset.register': 'dataset',
  'dataset.update': 'dataset',
  'contract.propose': 'contract',
  'contract.import': 'contract',
  'model.register': 'model',
  'model.release': 'model',
  'model.derive': 'model',
};

/**
 * @param statement that was accepted
 * @returns undefined for a foreign statement: it says nothing about objects of the chain
 */
export function lineageOf(statement: Pick<Statement, 'chain' | 'body' | 'issuer'>): Lineage | undefined {
  const { chain, body, issuer } = statement;
  const kind = chain && kindNamed(chain.kind);
  if (!kind) return undefined;
  const subject = kind.subject(body) ?? issuer;
  const { onBehalf, refs } = chain;
  const edges = edgesOf(kind.name, subject, onBehalf ?? issuer, body);
  const object = objectOf(kind.name, subject, body);
  const lineage = { kind: kind.name, subject, issuer, edges, refs };
  return Object.assign(lineage, onBehalf !== undefined && { onBehalf }, object && { object });
}

/** `contract` of `urn:depa:contract:…`, `participant` of a DID. */
export function typeOfId(id: string): string {
  return id.startsWith('did:') ? 'participant' : id.slice(9, id.indexOf(':', 9));
}

/** Whether it can be a node of a lineage. */
export function isNodeId(text: string): boolean {
  return text.startsWith('did:') ? isDid(text) : text.startsWith('urn:depa:') && isUrn(text);
}

function edgesOf(kind: string, subject: string, principal: string, body: unknown): Edge[] {
  const found = new Map<string, Edge>();
  const add = (relation: string, to: string, version: number | undefined, of: EdgeClass) => {
    if (to === subject) return;
    const edge = { relation, to, ...(version !== undefined && { version }), class: of };
    found.set(`${relation} ${to} ${version ?? ''}`, edge);
  };
  for (const { path, id, version } of named(body)) {
    // Only datasets are named by version; what stands beside another identifier is a version of something else.
    add(path, id, typeOfId(id) === 'dataset' ? version : undefined, classOf(kind, path, id));
  }
  if (ISSUER_ANSWERS.has(kind)) add('by', principal, undefined, 'party');
  return [...found.values()].sort(order).slice(0, MAX_EDGES);
}

function classOf(kind: string, path: string, id: string): EdgeClass {
  const type = typeOfId(id);
  if (type === 'participant') {
    const member = path.slice(path.lastIndexOf('.') + 1);
    return listed(PARTIES, kind, member) ? 'party' : 'mention';
  }
  if (listed(SOURCES, kind, type)) return 'source';
  return listed(TERMS, kind, type) ? 'terms' : 'mention';
}

function listed(table: Readonly<Record<string, readonly string[]>>, kind: string, word: string): boolean {
  return Object.hasOwn(table, kind) && table[kind]!.includes(word);
}

interface Named {
  readonly path: string;
  readonly id: string;
  readonly version: number | undefined;
}

/** Every DID and URN in the body, with its member path and the `version` beside it. */
function* named(body: unknown): Generator<Named> {
  const waiting: { value: unknown; path: string; depth: number; version: number | undefined }[] = [
    { value: body, path: '', depth: 0, version: undefined },
  ];
  for (let seen = 0; waiting.length > 0 && seen < MAX_VALUES; seen++) {
    const { value, path, depth, version: given } = waiting.pop()!;
    if (typeof value === 'string') {
      if (isNodeId(value)) yield { path, id: value, version: given };
      continue;
    }
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth >= MAX_DEPTH)
      continue;
    if (Array.isArray(value)) {
      for (const item of value) waiting.push({ value: item, path, depth: depth + 1, version: undefined });
      continue;
    }
    const beside = (value as { version?: unknown }).version;
    const version = depth > 0 && typeof beside === 'number' ? beside : undefined;
    for (const [name, member] of Object.entries(value)) {
      waiting.push({
        value: member,
        path: path === '' ? name : `${path}.${name}`,
        depth: depth + 1,
        version,
      });
    }
  }
}

/** One order whatever the order of members; identifiers and member names are ASCII. */
function order(a: Edge, b: Edge): number {
  return (
    EDGE_CLASSES.indexOf(a.class) - EDGE_CLASSES.indexOf(b.class) ||
    compareText(a.relation, b.relation) ||
    compareText(a.to, b.to) ||
    (a.version ?? 0) - (b.version ?? 0)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function objectOf(kind: string, id: string, body: unknown): ListedObject | undefined {
  if (!Object.hasOwn(MAKES, kind)) return undefined;
  const type = MAKES[kind]!;
  if (typeOfId(id) !== type) return undefined;
  const { version } = body as { version?: unknown };
  return { type, id, ...(type === 'dataset' && typeof version === 'number' && { version }) };
}
