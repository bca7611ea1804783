/** Witnesses in this process: real ones behind connections that a test may slow down, cut or make lie. */
import { setTimeout as delay } from 'node:timers/promises';
import { utf8 } from '../../src/core/bytes.ts';
import { fail } from '../../src/core/errors.ts';
import type { WitnessConnection } from '../../src/log/index.ts';
import {
  type AddCheckpoint,
  cosigner,
  formatAddCheckpoint,
  formatVerifierKey,
  parsePolicy,
  type TrustPolicy,
  type VerifierKey,
  type WitnessAnswer,
} from '../../src/note/index.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { CosignedRecords, parseLogList, Witness } from '../../src/witness/index.ts';
import { crypto, KEYS } from './world.ts';

export class TestWitness implements WitnessConnection {
  readonly name: string;
  readonly witness: Witness;
  readonly key: VerifierKey;
  /** Milliseconds before each answer. */
  latency = 0;
  down = false;
  /** Never answers. */
  hangs = false;
  #held: Promise<void> | undefined;
  #release = () => {};
  /** Answers in the witness's place. */
  lie: ((asked: AddCheckpoint, honest: () => Promise<WitnessAnswer>) => Promise<WitnessAnswer>) | undefined;
  /** Sizes that it was asked for, and when. */
  readonly asked: { old: number; size: number; at: number }[] = [];

  private constructor(name: string, witness: Witness) {
    this.name = name;
    this.witness = witness;
    this.key = witness.verifierKey;
  }

  static async make(name: string, now: () => number = Date.now): Promise<TestWitness> {
    const own = cosigner(crypto, `witness.example/${name}`, crypto.generatePrivateKey('Ed25519'));
    const records = await CosignedRecords.open(crypto, memoryStorage(), own.verifierKey);
    const logs = parseLogList(`log ${formatVerifierKey(KEYS.checkpoint.verifierKey)}\n`);
    return new TestWitness(name, new Witness({ crypto, cosigner: own, logs, records, now }));
  }

  lastCosigned(hash: Uint8Array): Promise<Uint8Array> {
    return this.witness.lastCosigned(hash);
  }

  /** From now on it answers only when {@link release} is called. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  async addCheckpoint(asked: AddCheckpoint, signal: AbortSignal): Promise<WitnessAnswer> {
    this.asked.push({ old: asked.old, size: Number(asked.checkpoint.split('\n')[1]), at: performance.now() });
    if (this.hangs) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(late())));
    await this.#held;
    if (this.latency > 0) await delay(this.latency);
    if (this.down) throw fail('UNAVAILABLE', 'nobody is there');
    // As RemoteWitness says it.
    const refused = (cause: Error) => {
      throw fail('WITNESS_REFUSED', cause.message, { cause });
    };
    const honest = () => this.witness.addCheckpoint(utf8(formatAddCheckpoint(asked))).catch(refused);
    return this.lie ? this.lie(asked, honest) : honest();
  }
}

const late = () => fail('DEADLINE_EXCEEDED', 'too late');

/** @param quorum such as `all`, `any`, `2`; `none` */
export function policyOf(witnesses: readonly TestWitness[], quorum: string): TrustPolicy {
  const lines = witnesses.map(({ name, key }) => `witness ${name} ${formatVerifierKey(key)}`);
  const names = witnesses.map(({ name }) => name).join(' ');
  const end = quorum === 'none' ? ['quorum none'] : [`group q ${quorum} ${names}`, 'quorum q'];
  return parsePolicy([...lines, ...end, ''].join('\n'));
}

export function connectionsOf(witnesses: readonly TestWitness[]): Map<string, WitnessConnection> {
  return new Map(witnesses.map((witness) => [witness.name, witness]));
}

/** Waits until `holds`, looking again often; fails after `limit` milliseconds. */
export async function eventually(holds: () => boolean, limit = 30_000): Promise<void> {
  const started = performance.now();
  while (!holds()) {
    if (performance.now() - started > limit) throw new Error(`not within ${limit} ms: ${holds}`);
    await delay(5);
  }
}
