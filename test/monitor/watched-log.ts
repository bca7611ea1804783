/** A log in memory as a monitor sees it, and the monitor: what it shows can be changed under its eyes. */
import type { Bytes } from '../../src/core/bytes.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { fail } from '../../src/core/errors.ts';
import { type Alarm, Monitor, type MonitoredLog, type MonitorOptions } from '../../src/monitor/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import type { Member } from '../chain/world.ts';
import { SmallLog } from '../verify/small-log.ts';

export class WatchedLog implements MonitoredLog {
  /** What is shown. */
  view: SmallLog;
  readonly member: Member;
  /** What is served instead of a tile; null: nothing. */
  lie: (path: string, bytes: Bytes) => Bytes | null = (_path, bytes) => bytes;
  /** Shown instead of the newest head. */
  shown: string | undefined;
  down = false;
  readonly storage = memoryStorage();
  readonly alarms: Alarm[] = [];
  readonly #signal = new AbortController().signal;
  #monitor: Monitor | undefined;

  constructor() {
    const { log, member } = SmallLog.begin(crypto);
    this.view = log;
    this.member = member;
  }

  async head(): Promise<Bytes> {
    if (this.down) throw fail('UNAVAILABLE', 'down');
    return utf8(this.shown ?? this.view.headAt().checkpoint);
  }

  checkpoint(): Promise<Bytes> {
    return this.head();
  }

  async tile(path: string): Promise<Bytes> {
    if (this.down) throw fail('UNAVAILABLE', 'down');
    const served = this.lie(path, await this.view.tile(path));
    if (served === null) throw fail('NOT_FOUND', path);
    return served;
  }

  grow(count: number, view: SmallLog = this.view): void {
    for (let i = 0; i < count; i++) view.commit(view.statement(this.member, `entry ${view.size}`));
  }

  /** A monitor over the same storage: the one before is forgotten, as after a crash. */
  async open(more: Partial<MonitorOptions> = {}): Promise<Monitor> {
    this.#monitor = await Monitor.open({
      ...{ crypto, trust: this.view.trust(), log: this, storage: this.storage },
      sink: { raise: async (alarm) => void this.alarms.push(alarm) },
      now: () => this.view.world.time,
      ...more,
    });
    return this.#monitor;
  }

  /** One look. */
  async look(): Promise<Monitor> {
    this.#monitor ??= await this.open();
    await this.#monitor.look(this.#signal);
    return this.#monitor;
  }

  get codes(): string[] {
    return this.alarms.map(({ code }) => code);
  }
}
