/** The log among its witnesses: what it answers from, and that nothing waits for them. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { POLICY } from '../../src/chain/index.ts';
import { concat, equal, u64be } from '../../src/core/bytes.ts';
import { LedgerError } from '../../src/core/errors.ts';
import { type CheckpointKeeper, Cosigning, type TransparencyLog } from '../../src/log/index.ts';
import {
  formatVerifierKey,
  noteSigner,
  openCheckpoint,
  openCosigned,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  SIGNATURE_TYPE,
  signNote,
  subtreeMessage,
  type TrustPolicy,
  verifierKey,
  type WitnessAnswer,
} from '../../src/note/index.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { connectionsOf, eventually, policyOf, TestWitness } from './witnesses.ts';
import { crypto, foreign, joined, KEYS, policy as publishPolicy, startedLog } from './world.ts';

const never = new AbortController().signal;
const closing: (() => Promise<void>)[] = [];
// The log's own timers keep no process alive.
const awake = setInterval(() => {}, 1000);
after(async () => {
  clearInterval(awake);
  for (const close of closing.reverse()) await close();
});

type Options = Partial<Parameters<typeof Cosigning.start>[1]>;

async function cosigned(
  log: TransparencyLog,
  policy: TrustPolicy,
  witnesses: readonly TestWitness[],
  options: Options = {},
): Promise<Cosigning> {
  const cosigning = await Cosigning.start(log, {
    ...{ crypto, policy, connections: connectionsOf(witnesses), renewal: 60_000, interval: 20 },
    ...options,
  });
  closing.push(() => cosigning.close());
  return cosigning;
}

async function openedLog(...args: Parameters<typeof startedLog>): Promise<TransparencyLog> {
  const log = await startedLog(...args);
  closing.push(() => log.close());
  return log;
}

const several = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => TestWitness.make(`w${i + 1}`)));

/** What a verifier with the policy makes of the note. */
const openedBy = (policy: TrustPolicy, note: string) =>
  openCosigned(crypto, note, policy, [KEYS.checkpoint.verifierKey]);

describe('cosigning', () => {
  it('answers from the last head that meets the quorum, with the state that belongs to it', async () => {
    const log = await openedLog();
    const witnesses = await several(3);
    const policy = policyOf(witnesses, '2');
    const cosigning = await cosigned(log, policy, witnesses);
    assert.equal(cosigning.witnessed, undefined);
    assert.equal(cosigning.head, undefined);
    await eventually(() => cosigning.status.size === log.head.size);
    const { checkpoint, cosignatures } = openedBy(policy, cosigning.head!.checkpoint);
    assert.ok(equal(checkpoint.root, log.head.root));
    assert.ok(cosignatures.length >= 2);
    // The log's own receipt signature goes with the head.
    assert.deepEqual(cosigning.head!.receipt, log.head.receipt);

    // Two of three fall silent: the log goes on, and answers from where it was witnessed.
    for (const witness of witnesses.slice(1)) witness.down = true;
    const before = cosigning.witnessed!;
    await log.submit(publishPolicy(1));
    await delay(100);
    assert.equal(log.snapshot.state.get(POLICY.key()) !== undefined, true);
    assert.equal(cosigning.witnessed!.state, before.state);
    assert.equal(cosigning.witnessed!.state.get(POLICY.key()), undefined);
    assert.equal(cosigning.witnessed!.tip.index, before.head.size - 1);
    assert.equal(cosigning.covering(before.head.size), undefined);
    // One of them comes back.
    witnesses[1]!.down = false;
    await eventually(() => cosigning.status.size === log.head.size);
    assert.ok(cosigning.witnessed!.state.get(POLICY.key()));
  });

  it('sends proofs that real witnesses take, as the log grows', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const witnesses = await several(2);
    const policy = policyOf(witnesses, 'all');
    const cosigning = await cosigned(log, policy, witnesses, { interval: 1 });
    for (let n = 0; n < 40; n++) {
      await Promise.all(
        Array.from({ length: 1 + (n % 7) }, (_, i) => log.submit(foreign(member, n * 10 + i))),
      );
      if (n % 5 === 0) await eventually(() => cosigning.status.size === log.head.size);
    }
    await eventually(() => cosigning.status.size === log.head.size);
    assert.deepEqual(
      cosigning.status.witnesses.map(({ healthy, size, error }) => [healthy, size, error]),
      witnesses.map(() => [true, log.head.size, null]),
    );
    openedBy(policy, cosigning.head!.checkpoint);
  });

  it('begins a round at most once in its interval, on the newest head', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const [witness] = (await several(1)) as [TestWitness];
    const started = performance.now();
    const cosigning = await cosigned(log, policyOf([witness], 'all'), [witness], { interval: 150 });
    const rounds = new Map<number, number>();
    for (let n = 0; rounds.size < 4 && performance.now() - started < 30_000; n++) {
      await log.submit(foreign(member, n));
      for (const { size, at } of witness.asked) rounds.set(size, at);
    }
    await eventually(() => cosigning.status.size === log.head.size);
    const times = [...rounds.values()];
    // A busy machine may be late with any of them, with none too early.
    for (const [i, at] of times.entries()) {
      assert.ok(at - started > i * 149, `round ${i} after ${at - started} ms`);
    }
    assert.ok(times.length >= 4, `${times.length} rounds`);
  });

  it('registration waits for no witness', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const witnesses = await several(2);
    for (const witness of witnesses) witness.hangs = true;
    const cosigning = await cosigned(log, policyOf(witnesses, 'all'), witnesses);
    await delay(30);
    const started = performance.now();
    for (let n = 0; n < 20; n++) await log.submit(foreign(member, n));
    assert.ok(performance.now() - started < 5000);
    assert.equal(cosigning.status.size, null);
    const closed = performance.now();
    await cosigning.close();
    assert.ok(performance.now() - closed < 5000, 'closing does not wait for a witness either');
  });

  it('one that hangs and is not needed holds up nobody', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const witnesses = await several(3);
    witnesses[0]!.hangs = true;
    const cosigning = await cosigned(log, policyOf(witnesses, '2'), witnesses);
    for (let n = 0; n < 5; n++) {
      await log.submit(foreign(member, n));
      await eventually(() => cosigning.status.size === log.head.size, 8000);
    }
    assert.equal(witnesses[0]!.asked.length, 1);
  });

  it('two slow witnesses out of step come to cosign the same heads', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const witnesses = await several(2);
    [witnesses[0]!.latency, witnesses[1]!.latency] = [70, 110];
    const cosigning = await cosigned(log, policyOf(witnesses, 'all'), witnesses, { interval: 20 });
    const seen = new Set<number>();
    for (let n = 0; n < 60; n++) {
      await log.submit(foreign(member, n));
      await delay(10);
      if (cosigning.status.size !== null) seen.add(cosigning.status.size);
    }
    assert.ok(seen.size >= 3, `${seen.size} heads met the quorum while the log grew`);
    await eventually(() => cosigning.status.size === log.head.size);
  });

  it('renews the cosignatures of an idle log', async () => {
    let now = Date.now();
    const log = await openedLog();
    const witnesses = await Promise.all(['a', 'b'].map((name) => TestWitness.make(name, () => now)));
    const policy = policyOf(witnesses, 'all');
    const cosigning = await cosigned(log, policy, witnesses, { renewal: 40, now: () => now });
    await eventually(() => cosigning.status.size === log.head.size);
    const first = cosigning.status.freshness!;
    assert.equal(first, Math.floor(now / 1000));
    const { size } = cosigning.head!;
    now += 10_000;
    await log.submit(publishPolicy(1)).catch(() => undefined);
    await eventually(() => cosigning.status.freshness === Math.floor(now / 1000));
    now += 100_000;
    // Nothing is published: the timer alone.
    await eventually(() => cosigning.status.freshness === Math.floor(now / 1000));
    assert.ok(cosigning.head!.size > size);
    assert.equal(openedBy(policy, cosigning.head!.checkpoint).cosignatures.length, 2);
    assert.equal(parseNote(cosigning.head!.checkpoint).signatures.length, 3, 'the old ones are replaced');
  });

  it('freshness is that of a quorum, not of the freshest witness', async () => {
    let now = 1_790_000_000_000;
    const log = await openedLog();
    const witnesses = await Promise.all(['a', 'b'].map((name) => TestWitness.make(name, () => now)));
    const cosigning = await cosigned(log, policyOf(witnesses, 'all'), witnesses, {
      renewal: 30,
      now: () => now,
    });
    await eventually(() => cosigning.status.size === log.head.size);
    const first = cosigning.status.freshness;
    witnesses[1]!.down = true;
    now += 500_000;
    await eventually(() => cosigning.status.witnesses[0]!.timestamp === now / 1000);
    assert.equal(cosigning.status.freshness, first);
  });

  it('finds out where a witness is, after a restart of either', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const witnesses = await several(2);
    const policy = policyOf(witnesses, 'all');
    const first = await cosigned(log, policy, witnesses);
    await eventually(() => first.status.size === log.head.size);
    await first.close();
    await log.submit(foreign(member, 1));
    const second = await cosigned(log, policy, witnesses);
    await eventually(() => second.status.size === log.head.size);
  });

  const LIES: readonly [
    string,
    string,
    (
      honest: WitnessAnswer,
      asked: { checkpoint: string },
      size: number,
    ) => Promise<WitnessAnswer> | WitnessAnswer,
  ][] = [
    ['no line', 'NOTE_UNSIGNED', () => ({ type: 'cosigned', signatures: [] })],
    [
      'a line of another witness',
      'NOTE_UNSIGNED',
      async (_, { checkpoint }) => {
        const other = await TestWitness.make('other');
        return other.addCheckpoint({ old: 0, proof: [], checkpoint }, never);
      },
    ],
    [
      'a signature that fails',
      'SIGNATURE_INVALID',
      (honest) => {
        const [line] = honest.type === 'cosigned' ? honest.signatures : [];
        const signature = line!.signature.slice();
        signature[20]! ^= 1;
        return { type: 'cosigned', signatures: [{ ...line!, signature }] };
      },
    ],
    [
      'the very size that it was asked from',
      'RESPONSE_MALFORMED',
      (_, __, size) => ({ type: 'conflict', size }),
    ],
    ['a size that is not there', 'STALE', () => ({ type: 'conflict', size: 1_000_000 })],
  ];
  for (const [name, code, lie] of LIES) {
    it(`a witness that answers with ${name} has not cosigned: ${code}`, async () => {
      const log = await openedLog();
      const [witness] = (await several(1)) as [TestWitness];
      const cosigning = await cosigned(log, policyOf([witness], 'all'), [witness]);
      await eventually(() => cosigning.status.size === log.head.size);
      const { size } = cosigning.head!;
      witness.lie = async (asked, honest) => lie(await honest(), asked, size);
      await log.submit(publishPolicy(1));
      await eventually(() => cosigning.status.witnesses[0]!.error === code);
      assert.equal(cosigning.head!.size, size);
      assert.equal(cosigning.status.witnesses[0]!.failures, 1);
      witness.lie = undefined;
      await eventually(() => cosigning.status.size === log.head.size);
      assert.deepEqual(cosigning.status.witnesses[0]!.error, null);
    });
  }

  it('takes no cosignature from the future', async () => {
    const log = await openedLog();
    const ahead = await TestWitness.make('ahead', () => Date.now() + 60_000);
    const cosigning = await cosigned(log, policyOf([ahead], 'all'), [ahead]);
    await eventually(() => cosigning.status.witnesses[0]!.error === 'RESPONSE_MALFORMED');
    assert.equal(cosigning.status.size, null);
  });

  it('takes ML-DSA-44 cosignatures (C2SP type 6)', async () => {
    const log = await openedLog();
    const { publicKey, secretKey } = ml_dsa44.keygen(new Uint8Array(32).fill(5));
    const name = 'witness.example/pq';
    const key = verifierKey(crypto, name, SIGNATURE_TYPE.ML_DSA_44_COSIGNATURE, publicKey);
    const [classic] = (await several(1)) as [TestWitness];
    const policy = parsePolicy(
      `witness pq ${formatVerifierKey(key)}\nwitness w1 ${formatVerifierKey(classic.key)}\ngroup q all pq w1\nquorum q\n`,
    );
    const connections = connectionsOf([classic]);
    let flip = 0;
    connections.set('pq', {
      addCheckpoint: async ({ checkpoint }) => {
        const { origin, size, root } = parseCheckpoint(parseNote(checkpoint).text);
        const timestamp = Math.floor(Date.now() / 1000);
        const message = subtreeMessage(name, { timestamp, origin, start: 0, end: size, root });
        const signature = concat(u64be(timestamp), ml_dsa44.sign(message, secretKey));
        signature[100]! ^= flip;
        return { type: 'cosigned', signatures: [{ name, id: key.id, signature }] };
      },
    });
    const cosigning = await cosigned(log, policy, [], { connections });
    await eventually(() => cosigning.status.size === log.head.size);
    assert.equal(openedBy(policy, cosigning.head!.checkpoint).cosignatures.length, 2);
    flip = 1;
    await log.submit(publishPolicy(1));
    await eventually(
      () => cosigning.status.witnesses.find((w) => w.name === 'pq')!.error === 'SIGNATURE_INVALID',
    );
    assert.ok(cosigning.head!.size < log.head.size);
  });

  it('a policy that asks for nobody is met by every head; cosignatures come with them all the same', async () => {
    const log = await openedLog();
    const witnesses = await several(1);
    const policy = policyOf(witnesses, 'none');
    const cosigning = await cosigned(log, policy, witnesses);
    assert.equal(cosigning.head!.size, log.head.size);
    assert.equal(cosigning.status.freshness, null);
    await eventually(() => openedBy(policy, cosigning.head!.checkpoint).cosignatures.length === 1);
    witnesses[0]!.down = true;
    await log.submit(publishPolicy(1));
    await eventually(() => cosigning.head!.size === log.head.size);
  });

  it('refuses a policy that its witnesses cannot meet', async () => {
    const log = await openedLog();
    const witnesses = await several(2);
    const policy = policyOf(witnesses, 'all');
    await assert.rejects(
      Cosigning.start(log, { crypto, policy, connections: connectionsOf(witnesses.slice(1)), renewal: 1000 }),
      { code: 'CONFIG_INVALID' },
    );
  });
});

describe('waiting for a witnessed head', () => {
  it('ends with the first head that covers the entry', async () => {
    const log = await openedLog();
    const member = await joined(log);
    const witnesses = await several(1);
    witnesses[0]!.latency = 50;
    const cosigning = await cosigned(log, policyOf(witnesses, 'all'), witnesses);
    const waits = Array.from({ length: 5 }, async (_, i) => {
      const { index } = await log.submit(foreign(member, i));
      const head = await cosigning.awaitCovering(index, never);
      assert.ok(head && head.size > index);
      return head;
    });
    for (const head of await Promise.all(waits))
      openCheckpoint(crypto, head.checkpoint, KEYS.checkpoint.verifierKey);
    const again = await cosigning.awaitCovering(0, AbortSignal.abort());
    assert.ok(again, 'what is covered already is answered, however late it is');
  });

  it('ends with the signal, and with the log', async () => {
    const log = await openedLog();
    const witnesses = await several(1);
    witnesses[0]!.hangs = true;
    const cosigning = await cosigned(log, policyOf(witnesses, 'all'), witnesses);
    const started = performance.now();
    assert.equal(await cosigning.awaitCovering(0, AbortSignal.timeout(50)), undefined);
    assert.ok(performance.now() - started < 10_000);
    const waiting = cosigning.awaitCovering(0, never);
    await cosigning.close();
    assert.equal(await waiting, undefined);
    assert.equal(await cosigning.awaitCovering(0, never), undefined);
  });
});

describe('a restart', () => {
  function keeper(): CheckpointKeeper & { note: string | undefined; writes: number } {
    return {
      note: undefined,
      writes: 0,
      async read() {
        return this.note;
      },
      async write(note) {
        await delay(5);
        this.writes++;
        this.note = note;
      },
    };
  }

  it('shows the head that was cosigned before, but answers nothing from a state that it no longer holds', async () => {
    const log = await openedLog();
    const witnesses = await several(1);
    const policy = policyOf(witnesses, 'all');
    const kept = keeper();
    const first = await cosigned(log, policy, witnesses, { keeper: kept });
    await eventually(() => first.status.size === log.head.size);
    await first.close();
    const { size } = log.head;
    assert.ok(kept.note);
    witnesses[0]!.down = true;
    await log.submit(publishPolicy(1));
    const second = await cosigned(log, policy, witnesses, { keeper: kept });
    assert.equal(second.head!.size, size);
    assert.equal(second.head!.checkpoint, kept.note);
    assert.equal(second.status.size, size);
    assert.equal(second.witnessed, undefined);
    assert.equal((await second.awaitCovering(0, never))?.size, size);
    witnesses[0]!.down = false;
    await eventually(() => second.status.size === log.head.size, 20_000);
    assert.ok(second.witnessed!.state.get(POLICY.key()));
  });

  it('of a backup that is behind what was cosigned is refused', async () => {
    const kept = keeper();
    const log = await openedLog({ openStorage: async () => memoryStorage() });
    const witnesses = await several(1);
    const policy = policyOf(witnesses, 'all');
    const cosigning = await cosigned(log, policy, witnesses, { keeper: kept });
    await log.submit(publishPolicy(1));
    await eventually(() => cosigning.status.size === log.head.size);
    await cosigning.close();
    // Another log with the same keys: shorter, then as long with another history.
    const restored = await openedLog({ openStorage: async () => memoryStorage() });
    const start = () => cosigned(restored, policy, witnesses, { keeper: kept });
    await assert.rejects(start(), { code: 'LOG_CORRUPT', message: /put the newer data back/ });
    await restored.submit(publishPolicy(1));
    assert.equal(restored.head.size, log.head.size);
    await assert.rejects(start(), { code: 'LOG_CORRUPT' });
  });

  /** A log with its witness, and another with the same keys that knows nothing of what the first has signed. */
  async function restored(publish: boolean) {
    const first = await openedLog({ openStorage: async () => memoryStorage() });
    const witnesses = await several(1);
    const policy = policyOf(witnesses, 'all');
    const cosigning = await cosigned(first, policy, witnesses);
    await first.submit(publishPolicy(1));
    await eventually(() => cosigning.status.size === first.head.size);
    await cosigning.close();
    const second = await openedLog({ openStorage: async () => memoryStorage() });
    if (publish) await second.submit(publishPolicy(1));
    return { first, second, witnesses, policy };
  }

  for (const [name, publish] of [
    ['behind', false],
    ['of another history than', true],
  ] as const) {
    it(`of a log that is ${name} what a witness holds is refused, and the log signs nothing any more`, async () => {
      const { second, witnesses, policy } = await restored(publish);
      const events: [string, Record<string, unknown>][] = [];
      const observe = {
        event: (_: string, message: string, of: object) => void events.push([message, { ...of }]),
      };
      const cosigning = await cosigned(second, policy, witnesses, { observe });
      await assert.rejects(cosigning.firstAnswers(10_000), {
        code: 'LOG_CORRUPT',
        message: /put the newer data back/,
      });
      assert.equal(second.status.accepting, false);
      await assert.rejects(second.submit(publishPolicy(2)), { code: 'LOG_READ_ONLY' });
      assert.equal(cosigning.witnessed, undefined);
      // The evidence: a note that the log's own key has signed.
      const [, evidence] = events.find(([message]) => message.includes('contradicts'))!;
      openCheckpoint(crypto, evidence.checkpoint as string, KEYS.checkpoint.verifierKey);
    });
  }

  it('is not refused on the word of a witness alone', async () => {
    const log = await openedLog();
    const [witness] = (await several(1)) as [TestWitness];
    witness.lie = async () => ({ type: 'conflict', size: 1_000_000 });
    const stranger = await restored(false);
    const notes = [
      async () => new TextEncoder().encode('no note'),
      async () => Promise.reject(new LedgerError('UNAVAILABLE', 'not today')),
      // Of this log, and in it.
      async () => new TextEncoder().encode(log.head.checkpoint),
      // Signed by another key.
      async () => {
        const key = noteSigner(
          crypto,
          KEYS.checkpoint.verifierKey.name,
          crypto.generatePrivateKey('Ed25519'),
        );
        return new TextEncoder().encode(
          signNote(`${stranger.first.head.checkpoint.split('\n\n')[0]!}\n`, [key]),
        );
      },
    ];
    for (const note of notes) {
      witness.lastCosigned = note;
      const cosigning = await cosigned(log, policyOf([witness], 'all'), [witness]);
      await cosigning.firstAnswers(10_000);
      assert.equal(cosigning.status.witnesses[0]!.error, 'STALE');
      assert.equal(log.status.accepting, true);
      await cosigning.close();
    }
  });

  it('passes over what is kept but unreadable, or cosigned under another policy', async () => {
    const log = await openedLog();
    const witnesses = await several(2);
    const kept = keeper();
    kept.note = 'half of a no';
    const events: string[] = [];
    const observe = { event: (_: string, message: string) => void events.push(message) };
    const first = await cosigned(log, policyOf(witnesses, 'all'), witnesses, { keeper: kept, observe });
    assert.equal(events.length, 1);
    await eventually(() => first.status.size === log.head.size);
    await first.close();
    const others = await several(1);
    others[0]!.hangs = true;
    const second = await cosigned(log, policyOf(others, 'all'), others, { keeper: kept });
    assert.equal(second.status.size, null);
  });
});
