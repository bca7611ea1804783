/**
 * A KMS that is killed (SIGKILL) while it hands keys over, and started again on its folder. After each kill the room asks again,
 * until every release has its answer; what must hold is checked with every answer:
 * - for one release there is one wrapped key, ever, and it opens to the data key of its owner;
 * - a key that may have been handed over is never cancelled, and one that was cancelled is never handed over;
 * - what was imported is there after every start.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BUDGET } from '../../../src/chain/index.ts';
import { toHex, utf8 } from '../../../src/core/bytes.ts';
import { encodePrivateKey } from '../../../src/cose/index.ts';
import { KeyImportClient } from '../../../src/participants/kms/index.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { PROVIDERS } from '../../chain/story.ts';
import { dataKeyOf } from './imports.ts';
import { type Answer, KmsScene, type Provider } from './scene.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
/** Milliseconds between two looks. */
const LOOK = 5;
const TRIES = 400;
/** Of who was interrupted, or whose grants have not all come in time. */
const REFUSALS = ['RELEASE_CANCELLED', 'MOUNT_NOT_GRANTED', 'NONCE_MISMATCH', 'KEY_ALREADY_RELEASED'];

/** When it is killed: how far one of the releases has come, or a time after the room has asked. */
export type Moment = 'asked' | 'granted' | 'answered' | { readonly after: number };

export interface Figures {
  kills: number;
  /** Releases that the room was answered with a key for, and those that it was refused for good. */
  keys: number;
  cancelled: number;
  /** Requests that got no answer because the process was gone. */
  unanswered: number;
}

export class KilledKms implements AsyncDisposable {
  readonly figures: Figures = { kills: 0, keys: 0, cancelled: 0, unanswered: 0 };
  readonly #folder = mkdtempSync(join(tmpdir(), 'aichain-kms-kill-'));
  readonly #handed = new Map<number, string>();
  readonly #refused = new Set<number>();
  /** The release that each key is asked for with. */
  readonly #numbers = new Map<Provider, number>();
  #scene!: KmsScene;
  #last = 0;
  #child: ChildProcess | undefined;
  #url = '';

  /**
   * With the keys of all three providers, and a room that may have them.
   * @param handoverSeconds how long a grant stands (default 60)
   */
  static async open(handoverSeconds?: number): Promise<KilledKms> {
    const opened = new KilledKms();
    try {
      await opened.#open(handoverSeconds);
      return opened;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #open(handoverSeconds: number | undefined): Promise<void> {
    this.#scene = await KmsScene.open(join(this.#folder, 'log'));
    const { story } = this.#scene;
    writeFileSync(this.#path('kms.cosekey'), encodePrivateKey(story.member('kms').keys[0]), { mode: 0o600 });
    await this.#scene.log(...story.governance(), ...story.participants(), ...story.delegations());
    if (handoverSeconds !== undefined) {
      const policy = { ...story.policyBody(), version: 3, handoverSeconds };
      await this.#scene.log(story.step('short handover', story.sro, 'policy.publish', policy));
    }
    const wrapKey = await this.#start();
    const owners = new KeyImportClient(this.#url);
    for (const provider of PROVIDERS) await owners.import(await this.#scene.signed(wrapKey, provider));
    owners.close();
    const attested = [...story.datasets(), story.baseModel(), ...story.signedContract(), ...story.attested()];
    await this.#scene.log(...attested, ...story.payments('hold'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGTERM');
    await this.#scene?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(...names: string[]): string {
    return join(this.#folder, ...names);
  }

  async #start(): Promise<Uint8Array> {
    const { server } = this.#scene.witnessed;
    const { did } = this.#scene.story.member('kms');
    const child = spawn(process.execPath, [
      ...[PROGRAM, 'kms', '--key', this.#path('kms.cosekey'), '--issuer', did, '-o', 'json'],
      ...['--data-dir', this.#path('kms'), '--trust', server.trustFile, '--server', server.grpc],
      ...['--http-port', '0', '--patience', '2', '--log-level', 'error'],
    ]);
    this.#child = child;
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    const ended = once(child, 'exit').then(() => assert.fail(`the KMS does not start: ${said}`));
    ended.catch(() => undefined);
    const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
    const { url, wrapKey } = JSON.parse(String(line));
    this.#url = url;
    return Buffer.from(wrapKey, 'base64url');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /**
   * Asks for every key that there is no answer for, and kills the KMS meanwhile; then asks until each has an answer, and for
   * those that were answered before.
   * @param ask false: leaves that to the next time
   */
  async kill(moment: Moment, ask = true): Promise<void> {
    let asking: readonly (readonly [n: number, provider: Provider])[];
    let answers: Promise<readonly (Answer | undefined)[]>;
    do {
      asking = await this.#requests();
      answers = Promise.all(asking.map(([n, provider]) => this.#ask(n, provider)));
      // What was interrupted before has its answer at once: nothing was under way.
    } while (!(await this.#reached(moment, asking[0]![0], answers)) && !this.done);
    await this.#end('SIGKILL');
    this.figures.kills += 1;
    this.figures.unanswered += (await answers).filter((answer) => answer === undefined).length;
    await this.#start();
    if (ask) await Promise.all([...this.#numbers].map(([provider, n]) => this.#settled(n, provider)));
  }

  /** Without being killed, it has an answer for the room; nothing that went before has cost anybody more than one run. */
  async finish(): Promise<void> {
    for (let tries = 0; this.#missing().length > 0; tries++) {
      assert.ok(tries < 10, 'the room never gets its keys');
      const asking = await this.#requests();
      await Promise.all(asking.map(([n, provider]) => this.#settled(n, provider)));
    }
    const run = this.#scene.story.imported('cleanroom.deploy').public.privacy;
    for (const name of PROVIDERS) {
      const key = BUDGET.key(this.#scene.story.member(name).did, `${name}-patients`);
      const { values } = await this.#scene.client.facts([key]);
      const { reserved, spent } = BUDGET.decode(values[0]!);
      assert.deepEqual([reserved, spent], [run, { epsilon: 0, delta: 0 }], name);
    }
  }

  /** Waits until what was handed over has expired, so that the room has to ask anew. */
  async renew(): Promise<void> {
    const expired = async ([provider, n]: readonly [Provider, number]) => {
      while ((await this.#ask(n, provider))?.code !== 'RELEASE_EXPIRED') await delay(250);
    };
    await Promise.all([...this.#numbers].map(expired));
    this.#numbers.clear();
  }

  get done(): boolean {
    return this.#missing().length === 0;
  }

  #missing(): readonly Provider[] {
    return PROVIDERS.filter((provider) => !this.#handed.has(this.#numbers.get(provider) ?? -1));
  }

  /** Logged: a new release for each key whose last one came to nothing. */
  async #requests(): Promise<(readonly [n: number, provider: Provider])[]> {
    // The keys of a pipeline are released together: one whose grant has expired meanwhile holds up the others.
    for (const [provider, n] of [...this.#numbers]) {
      const handed = this.#handed.has(n) ? await this.#ask(n, provider) : undefined;
      if (handed?.code === 'RELEASE_EXPIRED') this.#numbers.delete(provider);
    }
    const missing = this.#missing();
    assert.ok(missing.length > 0, 'every key was handed over: there is nothing to kill it at');
    const fresh = missing.filter(
      (name) => this.#refused.has(this.#numbers.get(name) ?? -1) || !this.#numbers.has(name),
    );
    for (const provider of fresh) this.#numbers.set(provider, ++this.#last);
    await this.#scene.log(
      ...fresh.map((provider) => this.#scene.asked(this.#numbers.get(provider)!, provider)),
    );
    return missing.map((provider) => [this.#numbers.get(provider)!, provider] as const);
  }

  /** Returns false if all is answered before. */
  async #reached(moment: Moment, n: number, answers: Promise<unknown>): Promise<boolean> {
    let answered = false;
    const note = () => {
      answered = true;
    };
    const over = answers.then(note, note);
    if (typeof moment === 'object') {
      await Promise.race([delay(moment.after), over]);
      return !answered;
    }
    const file = this.#path('kms', 'releases', `${toHex(crypto.sha256(utf8(this.#scene.urn(n))))}.json`);
    const reached = async () =>
      moment === 'granted' ? (await this.#scene.stateOf(n)) === 'GRANTED' : stateIn(file) === moment;
    while (!answered) {
      if (await reached()) return true;
      await delay(LOOK);
    }
    return false;
  }

  /** Asked until there is an answer that stays. */
  async #settled(n: number, provider: Provider): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const answer = await this.#ask(n, provider);
      if (answer && answer.status !== 503) return;
      await delay(50);
    }
    assert.fail(`release ${n} is never answered`);
  }

  /** Undefined: no answer. */
  async #ask(n: number, provider: Provider): Promise<Answer | undefined> {
    const answer = await this.#scene.ask(this.#url, n).catch(() => undefined);
    if (answer?.wrapped !== undefined) await this.#keyed(n, provider, answer.wrapped);
    else if (answer && answer.status !== 503) await this.#denied(n, answer);
    return answer;
  }

  async #keyed(n: number, provider: Provider, wrapped: string): Promise<void> {
    const before = this.#handed.get(n);
    if (before === undefined) {
      assert.deepEqual(await this.#scene.unwrap(n, provider, wrapped), dataKeyOf(provider));
      this.figures.keys += 1;
    }
    assert.equal(wrapped, before ?? wrapped, `release ${n} was handed over in two ways`);
    assert.ok(!this.#refused.has(n), `release ${n} was refused before`);
    this.#handed.set(n, wrapped);
    assert.equal(await this.#scene.stateOf(n), 'GRANTED');
  }

  async #denied(n: number, { code }: Answer): Promise<void> {
    if (code === 'RELEASE_EXPIRED') return void this.#refused.add(n);
    assert.ok(!this.#handed.has(n), `release ${n} was handed over, and is now ${code}`);
    // A key that it does not have any more would be another reason.
    assert.ok(REFUSALS.includes(code!), code);
    if (!this.#refused.has(n)) this.figures.cancelled += 1;
    this.#refused.add(n);
  }
}

/** Of a release in the journal of the KMS. */
function stateIn(file: string): string | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).state;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
