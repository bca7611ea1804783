/** The COVID-19 run told to a real log, up to a step, with the surfaces and a client beside it. */
import assert from 'node:assert/strict';
import type { KindName, Ref } from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { type LogOptions, type Sequenced, TransparencyLog } from '../../src/log/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import type { Trust } from '../../src/verify/index.ts';
import { Story, type Told } from '../chain/story.ts';
import { type Member, World } from '../chain/world.ts';
import { covid, publishedEpsilons } from '../depa/scenario.ts';
import { crypto, GENESIS, KEYS, ORIGIN, options, SRO, sroKey } from '../log/world.ts';

export class StoryLog implements Told {
  readonly log: TransparencyLog;
  readonly ledger: LedgerService;
  readonly world: World;
  readonly story: Story;
  readonly told: { name: string; kind: string; index: number; entryId: Bytes }[] = [];

  static async begin(more: Partial<LogOptions> = {}): Promise<StoryLog> {
    const world = World.empty(crypto, ORIGIN);
    // Behind the machine's clock, so that a state derived now is a state after the last entry.
    world.time = Date.now();
    const log = await TransparencyLog.open(options({ now: () => world.time, ...more }));
    await log.initialise(GENESIS);
    return new StoryLog(log, world);
  }

  private constructor(log: TransparencyLog, world: World) {
    this.log = log;
    this.world = world;
    this.ledger = new LedgerService(crypto, log);
    const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
    this.story = Story.of(world, { sources: covid(), training, sro: this.sro });
  }

  get sro(): Member {
    return { did: SRO, keys: [sroKey] };
  }

  get trust(): Trust {
    return {
      origin: ORIGIN,
      genesis: this.ledger.genesis,
      checkpointKey: KEYS.checkpoint.verifierKey,
      receiptKey: KEYS.receipt.key.publicKey,
      service: KEYS.receipt.service,
      rules: [this.ledger.rules],
    };
  }

  /** All steps before the one of this name; all of them without one. */
  async tell(before?: string): Promise<this> {
    for (const step of this.story.steps()) {
      if (step.name === before) return this;
      await this.submit(step.name, step.kind, () => step.statement(this));
    }
    assert.equal(before, undefined, 'no such step');
    return this;
  }

  async step(by: Member, kind: KindName, body: object, refs: readonly Ref[] = []): Promise<Sequenced> {
    return this.submit(kind, kind, () => this.world.sign(by, kind, body, { refs }));
  }

  async submit(name: string, kind: string, make: () => Bytes): Promise<Sequenced> {
    this.world.advance(1);
    const done = await this.log.submit(make()).catch((cause: unknown) => {
      throw new Error(`${name}: ${String(cause)}`, { cause });
    });
    this.told.push({ name, kind, index: done.index, entryId: done.entryId });
    return done;
  }

  ref(name: string, rel = 'after'): Ref {
    const step = this.told.find((each) => each.name === name);
    assert.ok(step, `${name} has not been told`);
    return { rel, index: step.index, entry: step.entryId };
  }
}
