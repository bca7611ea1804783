/**
 * A contract that everybody has signed, and a clean room that nobody has appraised: entries of a real history. The operator
 * then grants a key all the same.
 */
import type { RequestOf } from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { madeUp } from '../chain/lifecycle-base.ts';
import { PROVIDERS, type Step, Story, type Told } from '../chain/story.ts';
import type { SmallLog } from '../verify/small-log.ts';
import type { LyingOperator } from './lying-operator.ts';

const TRAINING = { epsilons: [150_000, 300_000], delta: 500_000 };

export class UnattestedRelease {
  readonly #operator: LyingOperator;
  readonly #log: SmallLog;
  readonly #story: Story;
  readonly #told = new Map<string, number>();

  constructor(operator: LyingOperator, log: SmallLog) {
    this.#operator = operator;
    this.#log = log;
    this.#story = Story.of(log.world, { sources: madeUp(), training: TRAINING });
  }

  /** Everything up to the evidence of the clean room, by the rules. */
  prepare(): void {
    const steps = this.#story.steps();
    this.#tell(
      ...steps.slice(
        0,
        steps.findIndex(({ kind }) => kind === 'cleanroom.appraise'),
      ),
    );
  }

  /**
   * The room asks, and the KMS draws its nonce and asks for the log's decision, as honest ones do. The log says yes: it
   * has written to its state that the room was appraised, though nobody has.
   */
  grant(...nonces: readonly [Bytes, Bytes]): [RequestOf<'key.release'>, RequestOf<'key.release'>] {
    const story = this.#story;
    const { world } = this.#log;
    const keyed = story.keyed();
    const before = keyed.findIndex(({ kind }) => kind === 'key.release');
    // What an appraisal would write, without one.
    world.put(...world.judge(story.appraisal().statement(this.#entries)).writes);
    this.#tell(...keyed.slice(0, before));
    const kms = story.member('kms');
    const released = PROVIDERS.map((name, i) => ({
      id: story.urn('release', 100 + i),
      name,
      nonce: nonces[i],
    }));
    for (const [i, { id, name, nonce }] of released.entries()) {
      const onBehalf = story.member(name).did;
      const honest = keyed[before + i]!;
      const statement = () => world.sign(kms, 'key.release', { id, nonce: nonce! }, { onBehalf });
      this.#tell(nonce ? { ...honest, statement } : honest);
    }
    const request = (i: 0 | 1) => ({
      ...{ release: released[i]!.id, kms: kms.did, dataKeyId: story.contract.datasets[i].dataKeyId },
      ...{ nonce: nonces[i], wrapKid: world.crypto.sha256(story.wrapKey('room 1')), full: true },
    });
    return [request(0), request(1)];
  }

  readonly #entries: Told = {
    ref: (name, rel = 'after') => {
      const index = this.#told.get(name);
      if (index === undefined) throw new Error(`${name} has not been told`);
      return { rel, index, entry: this.#log.leaves[index]!.leafData };
    },
  };

  #tell(...steps: readonly Step[]): void {
    for (const step of steps) {
      const index = this.#operator.commit(this.#log, step.statement(this.#entries));
      const { reason } = this.#log.leaves[index]!.verdict!;
      if (reason !== null) throw new Error(`${step.name}: ${reason}`);
      this.#told.set(step.name, index);
    }
  }
}
