/**
 * Collects the evidence of where a model comes from, all of it under one head. The function that reads the records says
 * itself what it needs; each round brings what it asked for. Nothing here is verified: a server that lies gets evidence that
 * does not verify.
 */
import { decodeStateEntry, KEY, parseStatement, type StateReader, verificationKey } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  type EffectProof,
  entriesOf,
  GENESIS_KEY,
  kindsOf,
  type Logged,
  type ModelEvidence,
  type ModelRecords,
  modelRecords,
} from '../verify/index.ts';
import type { Timeline, TimelineQuery } from './claimed-lineage.ts';
import type { Call, ClaimedFacts, Transport } from './transport.ts';

/** Requests at once. */
const AT_ONCE = 8;
/** Rounds in which everything that belongs to a model is found. */
const MAX_ROUNDS = 64;
/** Facts in one request. */
const MAX_KEYS = 256;
const MAX_ENTRIES = 1024;
const PAGE = 1000;

interface Parts {
  readonly crypto: Crypto;
  /** One request, with retries, under a deadline. */
  readonly ask: <T>(request: (transport: Transport, call: Call) => Promise<T>) => Promise<T>;
  readonly timeline: (query: TimelineQuery) => Promise<Timeline>;
  readonly now: number;
}

interface Collected extends Logged {
  readonly bytes: Bytes;
  readonly effect: EffectProof;
}

/** @throws NOT_FOUND the log has no such model; REQUEST_TOO_LARGE more belongs to it than is collected */
export async function collectModelEvidence(parts: Parts, model: string): Promise<ModelEvidence> {
  const keys = new Map([[toHex(GENESIS_KEY), GENESIS_KEY]]);
  const entries = new Map<number, Collected>();
  const searched = new Map<string, readonly number[]>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const answer = await parts.ask((to, call) => to.facts([...keys.values()], call));
    const missing = new Map<string, Bytes>();
    const read = readerOf(answer, missing);
    const logged = [...entries.values()];
    const at = decodeStateEntry(answer.tip.stateEntry).time;
    const records = modelRecords(read, logged, model, at);
    // Whoever judges by a clock of their own may need more.
    modelRecords(read, logged, model, Math.max(at, parts.now));
    for (const { statement } of logged) {
      verificationKey(parts.crypto, statement, read);
      KEY.read(read, statement.kid);
    }
    if (!records && missing.size === 0) throw fail('NOT_FOUND', `the log has no ${model}`);
    const wanted = records ? await entriesWanted(parts, records, searched) : [];
    const unknown = [...new Set(wanted)].filter((index) => !entries.has(index));
    if (missing.size === 0 && unknown.length === 0) return assembled(parts, model, answer, logged);
    for (const [name, key] of missing) keys.set(name, key);
    if (keys.size > MAX_KEYS || entries.size + unknown.length > MAX_ENTRIES) break;
    await eachOf(unknown, async (index) => void entries.set(index, await fetchEntry(parts, index)));
  }
  throw fail('REQUEST_TOO_LARGE', `more belongs to ${model} than is collected`);
}

function readerOf({ facts }: ClaimedFacts, missing: Map<string, Bytes>): StateReader {
  const values = new Map(facts.map(({ key, value }) => [toHex(key), value]));
  return (key) => {
    const name = toHex(key);
    const value = values.get(name);
    if (value === undefined) missing.set(name, key);
    return value ?? undefined;
  };
}

async function entriesWanted(
  { timeline }: Parts,
  records: ModelRecords,
  searched: Map<string, readonly number[]>,
): Promise<number[]> {
  await eachOf(kindsOf(records), async ({ id, kind }) => {
    if (searched.has(id)) return;
    const found: number[] = [];
    for (let cursor: number | null | undefined; cursor !== null && found.length < MAX_ENTRIES; ) {
      const page = await timeline({
        ...{ id, roles: ['subject'], limit: PAGE },
        ...(cursor !== undefined && { cursor }),
      });
      found.push(...page.events.filter((event) => event.kind === kind).map(({ index }) => index));
      cursor = page.next;
    }
    searched.set(id, found);
  });
  return [...entriesOf(records).map(({ index }) => index), ...[...searched.values()].flat()];
}

async function fetchEntry({ crypto, ask }: Parts, index: number): Promise<Collected> {
  const { statement: bytes } = await ask((to, call) => to.entry({ index }, call));
  if (!bytes) throw fail('RESPONSE_MALFORMED', `entry ${index} is not a statement`);
  const { proof: effect } = await ask((to, call) => to.effect(index, call));
  const { time } = decodeStateEntry(effect.stateEntry);
  return { index, time, bytes, effect, statement: parseStatement(crypto, bytes) };
}

/** The paths of everything to the head of the answer: what has been logged since does not matter. */
async function assembled(
  { ask }: Parts,
  model: string,
  { checkpoint, tip, facts }: ClaimedFacts,
  collected: readonly Collected[],
): Promise<ModelEvidence> {
  const size = tip.index + 1;
  const paths = new Map<number, readonly Bytes[]>();
  const leaves = collected.flatMap(({ index, effect }) => [index, effect.stateIndex]);
  await eachOf([...new Set(leaves)], async (index) => {
    paths.set(index, (await ask((to, call) => to.inclusion({ index }, size, call))).path);
  });
  const entries = collected
    .map(({ index, bytes: statement, effect }) => ({
      ...{ index, statement, path: paths.get(index)! },
      effect: { ...effect, path: paths.get(effect.stateIndex)! },
    }))
    .sort((a, b) => a.index - b.index);
  return { model, checkpoint, tip, facts, entries };
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const next = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}
