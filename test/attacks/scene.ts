/**
 * Those whom the operator would deceive, each a real program on real sockets: a witness, a monitor that replays and cosigns
 * as replayer, and clients whose trust file asks for both.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { HttpTiles } from '../../src/client/http-tiles.ts';
import { type ConnectOptions, LedgerClient } from '../../src/client/index.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { caseFiles, PROOF_FILE } from '../../src/monitor/alarms/case-file.ts';
import { type Alarm, Monitor } from '../../src/monitor/index.ts';
import {
  type Checkpoint,
  type Cosigner,
  cosigner,
  formatVerifierKey,
  parsePolicy,
} from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { proven, type Trust, verifyMisbehaviour } from '../../src/verify/index.ts';
import { CosignedRecords, createWitnessServer, parseLogList, Witness } from '../../src/witness/index.ts';
import { type Served, serve } from '../client/served.ts';
import { options } from '../log/world.ts';
import type { SmallLog } from '../verify/small-log.ts';
import { LyingOperator } from './lying-operator.ts';

type WitnessServer = ReturnType<typeof createWitnessServer>;

/** Milliseconds. */
const LOOK = 100;
const ALARM = 20_000;

export class Scene {
  readonly operator: LyingOperator;
  /** Asks for the witness and the replayer. */
  readonly trust: Trust;
  /** Asks for the witness alone. */
  readonly witnessesOnly: Trust;
  readonly monitor: Monitor;
  readonly #alarms: Alarm[];
  readonly #watching: Promise<void>;
  readonly #stop: AbortController;
  readonly #servers: WitnessServer[];
  readonly #apart: Served[] = [];
  readonly #clients: LedgerClient[] = [];

  static async begin(): Promise<Scene> {
    const operator = await LyingOperator.begin();
    const { log } = operator;
    const [w, r] = ['witness.example', 'replayer.example'].map((name) =>
      cosigner(crypto, name, crypto.generatePrivateKey('Ed25519')),
    ) as [Cosigner, Cosigner];
    const lines = [['w', w] as const, ['r', r] as const].map(
      ([name, { verifierKey }]) => `witness ${name} ${formatVerifierKey(verifierKey)}\n`,
    );
    const asking = (end: string, more: Partial<Trust> = {}): Trust => {
      const policyText = `${lines.join('')}${end}`;
      return log.trust({ policy: parsePolicy(policyText), policyText, freshnessSeconds: 60, ...more });
    };
    const trust = asking('group both all w r\nquorum both\n', { replayers: ['r'] });
    const alarms: Alarm[] = [];
    const monitor = await Monitor.open({
      ...{ crypto, trust, storage: memoryStorage(), verifier: options().verifier! },
      log: new HttpTiles(operator.http, { retries: 0 }),
      sink: { raise: async (alarm) => void alarms.push(alarm) },
      ...{ interval: LOOK, oldTreeAfter: 0 },
    });
    const logs = parseLogList(`log ${log.verifierKey}\n`);
    const serveCosigner = async (
      name: string,
      own: Cosigner,
      approve?: (checkpoint: Checkpoint, note: string) => Promise<void>,
    ) => {
      const records = await CosignedRecords.open(crypto, memoryStorage(), own.verifierKey);
      const witness = new Witness({ crypto, cosigner: own, logs, records, ...(approve && { approve }) });
      const server = createWitnessServer(witness);
      operator.askFrom(name, `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
      return server;
    };
    const servers = [
      await serveCosigner('w', w),
      await serveCosigner('r', r, (checkpoint, note) => monitor.approve(checkpoint, note)),
    ];
    return new Scene({ operator, trust, witnessesOnly: asking('quorum w\n'), monitor }, servers, alarms);
  }

  private constructor(
    {
      operator,
      trust,
      witnessesOnly,
      monitor,
    }: Pick<Scene, 'operator' | 'trust' | 'witnessesOnly' | 'monitor'>,
    servers: WitnessServer[],
    alarms: Alarm[],
  ) {
    this.operator = operator;
    this.trust = trust;
    this.witnessesOnly = witnessesOnly;
    this.monitor = monitor;
    this.#servers = servers;
    this.#alarms = alarms;
    this.#stop = new AbortController();
    this.#watching = monitor.run(this.#stop.signal);
    this.#watching.catch(() => undefined);
  }

  /** The monitor's alarm of this code; fails when it raises none. */
  async alarm(code: string): Promise<Alarm> {
    for (let waited = 0; waited < ALARM; waited += LOOK / 2) {
      const raised = this.#alarms.find((alarm) => alarm.code === code);
      if (raised) return raised;
      await Promise.race([delay(LOOK / 2), this.#watching]);
    }
    throw new Error(`no ${code}, but ${this.#alarms.map((alarm) => alarm.code).join() || 'nothing'}`);
  }

  /** What the files of an alarm convict the log of, by a verifier that has nothing else than them and its trust file. */
  convictedOf(alarm: Alarm): string | undefined {
    const trust = this.operator.log.trust();
    const proof = caseFiles(crypto, trust, alarm).find(({ name }) => name === PROOF_FILE);
    return proof && proven(verifyMisbehaviour({ crypto: nobleCrypto, trust, file: proof.content })).kind;
  }

  /** Another server of the operator's, with a view of its own. */
  async apart(view: SmallLog): Promise<Served> {
    const served = await serve(view);
    this.#apart.push(served);
    return served;
  }

  /** Somebody who has never seen the log before. */
  async client(more: Partial<ConnectOptions> = {}): Promise<LedgerClient> {
    const { http } = this.operator;
    const client = await LedgerClient.connect({ http, trust: this.trust, retries: 0, ...more });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    for (const client of this.#clients) client.close();
    await Promise.all(this.#apart.map((served) => served.close()));
    await this.operator.close();
    await Promise.all(this.#servers.map((server) => server.close()));
    await this.monitor.close();
  }
}
