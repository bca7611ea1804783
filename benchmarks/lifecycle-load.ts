/**
 * Many training cycles played side by side: each copy's entries follow one another, and each is signed when the entries that
 * it refers to have been answered. What can be signed ahead is a stage; the stages of all copies are signed and encoded first, and
 * then sent, the first statement of each copy, then the second of each: a copy's next one is not sent before its last one was
 * answered, as long as there are more copies than statements under way.
 */
import { setImmediate } from 'node:timers/promises';
import type { KindName } from '../src/chain/kinds/index.ts';
import type { Ref } from '../src/chain/statement.ts';
import type { Bytes } from '../src/core/bytes.ts';
import type { Step, Told } from '../test/chain/story.ts';
import type { World } from '../test/chain/world.ts';
import { type Batch, type LoadStream, type Placed, placedBy } from './load.ts';
import type { Receipted } from './receipts.ts';

const BATCH = 64;
const IN_FLIGHT = 16;
const SAMPLE = 2000;
/** Statements signed between two looks at the connection: a server takes a client that answers no ping for dead. */
const SIGNED_AT_ONCE = 200;

interface Signed {
  readonly player: Player;
  readonly step: Step;
  readonly statement: Bytes;
}

/** What was sent, and how long it took. */
export class Tally {
  readonly kinds = new Set<KindName>();
  statements = 0;
  bytes = 0;
  /** Of sending; signing and encoding are left out, and so is reading the answers. */
  seconds = 0;
  /** Some of the answers, to be verified. */
  readonly sample: Receipted[] = [];

  add(kind: KindName, bytes: number): void {
    this.kinds.add(kind);
    this.statements += 1;
    this.bytes += bytes;
  }
}

class NotYet extends Error {}

/** One copy, and how far it has come. */
class Player implements Told {
  readonly #steps: readonly Step[];
  readonly #entries = new Map<string, Ref>();
  #next = 0;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  ref(step: string, rel = 'after'): Ref {
    const entry = this.#entries.get(step);
    if (!entry) throw new NotYet(step);
    return { ...entry, rel };
  }

  placed(step: string, { index, entryId }: Placed): void {
    this.#entries.set(step, { rel: 'after', index, entry: entryId });
  }

  /** The next statement, if what it refers to is known. */
  sign(): Signed | undefined {
    const step = this.#steps[this.#next];
    if (!step) return undefined;
    try {
      const statement = step.statement(this);
      this.#next += 1;
      return { player: this, step, statement };
    } catch (error) {
      if (error instanceof NotYet) return undefined;
      throw error;
    }
  }

  get ended(): boolean {
    return this.#next === this.#steps.length;
  }
}

/** Every statement has to be accepted. @throws with the first that is not */
export async function play(
  world: World,
  stream: LoadStream,
  copies: readonly (readonly Step[])[],
  tally = new Tally(),
): Promise<Tally> {
  const players = copies.map((steps) => new Player(steps));
  while (players.some(({ ended }) => !ended)) {
    const stage = await sign(world, players);
    if (stage.length === 0) throw new Error('a step refers to one that never comes');
    await send(stream, stage, tally);
  }
  return tally;
}

/** All that every copy can say now, side by side. */
async function sign(world: World, players: readonly Player[]): Promise<Signed[]> {
  const stage: Signed[] = [];
  let open = players;
  while (open.length > 0) {
    const on: Player[] = [];
    for (const player of open) {
      if (stage.length % SIGNED_AT_ONCE === 0) {
        world.time = Date.now();
        await setImmediate();
      }
      const signed = player.sign();
      if (!signed) continue;
      stage.push(signed);
      on.push(player);
    }
    open = on;
  }
  return stage;
}

async function send(stream: LoadStream, stage: readonly Signed[], tally: Tally): Promise<void> {
  const batches = await prepared(stream, stage);
  const answers: Bytes[] = [];
  const rest = batches.entries();
  const sender = async () => {
    for (const [n, { batch, signed }] of rest) {
      answers[n] = await stream.ask(batch).catch((cause) => {
        const steps = [...new Set(signed.map(({ step }) => step.name))].join(', ');
        throw new Error(`among ${steps}: ${(cause as Error).message}`, { cause });
      });
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
  tally.seconds += (performance.now() - started) / 1000;
  for (const [n, { signed }] of batches.entries()) {
    // What they say is for the next stage: to decode it while the clock runs would be load.
    note(signed, placedBy(answers[n]!), tally);
    await setImmediate();
  }
}

interface Prepared {
  readonly batch: Batch;
  readonly signed: readonly Signed[];
}

async function prepared(stream: LoadStream, stage: readonly Signed[]): Promise<Prepared[]> {
  const batches: Prepared[] = [];
  for (let from = 0; from < stage.length; from += BATCH) {
    const signed = stage.slice(from, from + BATCH);
    batches.push({ batch: stream.prepare(signed.map(({ statement }) => statement)), signed });
    await setImmediate();
  }
  return batches;
}

function note(signed: readonly Signed[], placed: readonly Placed[], tally: Tally): void {
  for (const [i, { player, step, statement }] of signed.entries()) {
    player.placed(step.name, placed[i]!);
    const { receipt } = placed[i]!;
    if (tally.statements % SAMPLE === 0) tally.sample.push({ statement, receipt });
    tally.add(step.kind, statement.length);
  }
}
