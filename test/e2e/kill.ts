/**
 * A log that is killed again and again, at moments that a seed chooses, and must come back every time with all that
 * it has ever acknowledged or signed. SIGKILL takes the process, not the machine: what it shows is that no answer
 * runs ahead of its commit and that any state a kill leaves behind is one that a start can go on from. That a commit
 * is on the disk, and not in the system's memory, is what durability-strace.test.ts shows.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { POLICY } from '../../src/chain/index.ts';
import { TILE_WIDTH } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { keyFolder, storageFolder } from '../../src/server/first-start.ts';
import { developmentSro } from '../../src/server/index.ts';
import { History } from './history.ts';
import { Connection, Crowd, Load, type Random } from './load.ts';
import { type ServerProcess, serveProcess } from './server-process.ts';

/**
 * When the kill comes: while a new log makes its keys, its genesis and its first policy; while the process starts; within a few milliseconds of the first statements; right after an
 * answer, so amid the next group commit; amid the commit that seals a bundle of 256; under steady load; while it is
 * closing after a SIGTERM.
 */
export type Moment = 'first start' | 'start' | 'first write' | 'group commit' | 'seal' | 'load' | 'closing';

export interface KillRun {
  readonly seed: number;
  readonly moments: readonly Moment[];
}

export interface KillFigures {
  readonly kills: number;
  /** Entries that clients hold a receipt for, trees whose signature they have seen, entries in the log. */
  readonly acknowledged: number;
  readonly checkpoints: number;
  readonly entries: number;
  /** Statements whose answer a kill took, and how many of them turned out to be in the log. */
  readonly unanswered: number;
  readonly foundLogged: number;
}

/** Consistency proofs from trees of earlier lives that every life repeats; the last life repeats all. */
const REPEATED = 16;
const MARGIN = 1.1;
/** Milliseconds of the last whole start: of any log, so that the first start of the next one is killed in time. */
let startTakes = 1500;

/** mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @throws with the seed and the kill when anything that was promised is broken */
export async function killAgainAndAgain({ seed, moments }: KillRun): Promise<KillFigures> {
  const victim = new Victim(await mkdtemp(join(tmpdir(), 'aichain-kill-')), randomFrom(seed));
  let at = 'the last start';
  try {
    for (const [n, moment] of moments.entries()) {
      at = `kill ${n + 1} (${moment})`;
      await victim.live(moment);
    }
    at = 'the last start';
    return { kills: moments.length, ...(await victim.end()) };
  } catch (cause) {
    throw new Error(`seed ${seed}, ${at}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  } finally {
    await victim.remove();
  }
}

class Victim {
  readonly #folder: string;
  readonly #random: Random;
  readonly #history = new History();
  readonly #load: Load;
  #process: ServerProcess | undefined;
  /** Milliseconds that the last batch took that sealed a bundle. */
  #sealTakes = 50;

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
    this.#load = new Load(this.#history, random);
  }

  async live(moment: Moment): Promise<void> {
    if (moment === 'first start' || moment === 'start') {
      await this.#killAmidStart(moment);
      return;
    }
    const { server, connection } = await this.#start();
    await this.#history.check(connection.base, connection.http, (sizes) => this.#pick(sizes, REPEATED));
    await this.#load.settle(connection, () => developmentSro(crypto, keyFolder(this.#dataDir)));
    if (moment === 'seal') await this.#killAmidSealing(server, connection);
    else await this.#killAmidLoad(moment, server, connection);
    connection.close();
  }

  async #killAmidStart(moment: 'first start' | 'start'): Promise<void> {
    const server = serveProcess(this.#dataDir);
    this.#process = server;
    if (moment === 'first start') {
      // Most of a start is loading the program; what matters begins with the folder of the keys.
      if (existsSync(storageFolder(this.#dataDir))) await delay(startTakes * 0.6);
      else await Promise.race([this.#keysBegun(), server.ended]);
      await exactly(this.#random() ** 2 * startTakes * 0.4);
    } else await exactly((0.5 + this.#random() * 0.6) * startTakes);
    const { signal, stderr } = await server.kill();
    assert.equal(signal, 'SIGKILL', `the server ended by itself: ${stderr}`);
  }

  async #keysBegun(): Promise<void> {
    while (!existsSync(keyFolder(this.#dataDir))) await delay(1);
  }

  async #start(): Promise<{ server: ServerProcess; connection: Connection }> {
    const started = performance.now();
    const server = serveProcess(this.#dataDir);
    this.#process = server;
    this.#load.prepare();
    const addresses = await server.ready;
    startTakes = performance.now() - started;
    this.#history.began(readFileSync(addresses.trust, 'utf8'));
    return { server, connection: new Connection(addresses) };
  }

  async #killAmidLoad(moment: Moment, server: ServerProcess, connection: Connection): Promise<void> {
    const crowd = new Crowd(this.#load, this.#history, connection, this.#random);
    if (moment === 'first write') await exactly(this.#random() * 40);
    if (moment === 'group commit') {
      await crowd.until(1 + Math.floor(this.#random() * 20));
      await exactly(this.#random() * 8);
    }
    if (moment === 'load') await exactly(100 + this.#random() * 500);
    if (moment === 'closing') await exactly(20 + this.#random() * 100);
    crowd.leave();
    if (moment === 'closing') {
      server.signal('SIGTERM');
      await exactly(this.#random() * 100);
    }
    await server.kill();
    await crowd.left();
  }

  /** One client, whose every batch fills the open bundle; the kill comes within the time that one takes. */
  async #killAmidSealing(server: ServerProcess, connection: Connection): Promise<void> {
    const channel = connection.grpc.openBatches();
    let killed = false;
    const fill = async () => {
      const { size } = this.#history.checkpoint(
        await connection.grpc.checkpoint({ deadline: Date.now() + 10_000 }),
      );
      return this.#load.next(TILE_WIDTH - (size % TILE_WIDTH) + Math.floor(this.#random() * 4));
    };
    for (let bundles = Math.floor(this.#random() * 3); bundles >= 0; bundles--) {
      const batch = await fill();
      const started = performance.now();
      const sent = this.#load.send(channel, batch, () => killed);
      if (bundles === 0) {
        await exactly(this.#random() * this.#sealTakes * MARGIN);
        killed = true;
        await server.kill();
      }
      await sent;
      if (!killed) this.#sealTakes = performance.now() - started;
    }
    channel.close();
  }

  /** A last start: everything is checked, against every tree ever signed; then the server ends in order. */
  async end(): Promise<Omit<KillFigures, 'kills'>> {
    const { server, connection } = await this.#start();
    await this.#history.check(connection.base, connection.http);
    await this.#load.settle(connection, () => developmentSro(crypto, keyFolder(this.#dataDir)));
    await this.#history.check(connection.base, connection.http);
    // Whatever the first starts left undone, a later one has done.
    const { facts } = await connection.http.facts([POLICY.key()], { deadline: Date.now() + 10_000 });
    assert.ok(facts[0]?.value, 'the log has no policy');
    connection.close();
    server.signal('SIGTERM');
    const { code, stderr } = await server.ended;
    assert.equal(code, 0, stderr);
    return { ...this.#history.figures, ...this.#load.figures };
  }

  async remove(): Promise<void> {
    await this.#process?.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #dataDir(): string {
    return join(this.#folder, 'data');
  }

  #pick<T>(items: readonly T[], count: number): T[] {
    if (items.length <= count) return [...items];
    return Array.from({ length: count }, () => items[Math.floor(this.#random() * items.length)]!);
  }
}

/** Timers come in whole milliseconds, and a commit takes few. */
async function exactly(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  await delay(Math.max(0, Math.floor(milliseconds) - 1));
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}
