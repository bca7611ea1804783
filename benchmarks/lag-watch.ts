/**
 * How far a monitor is behind a log: the age of what it has not replayed, which is the time since the log first
 * published more than the monitor has. Looks at both, again and again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from './quantile.ts';

const POLL_MS = 500;
/** As long as a monitor may take for what is left, when the log has nothing more for it. */
const MOST_LEFT_MS = 60_000;

export interface Watched {
  /** Where the log shows its checkpoint, and the monitor its metrics. */
  readonly checkpoint: string;
  readonly metrics: string;
}

export class LagWatch {
  readonly #watched: Watched;
  readonly #mostLeft: number;
  /** When each size of the log was first seen, oldest first, of those that the monitor has not reached. */
  readonly #published: { readonly size: number; readonly at: number }[] = [];
  readonly #lags: number[] = [];
  #until = Infinity;

  constructor(watched: Watched, mostLeft = MOST_LEFT_MS) {
    this.#watched = watched;
    this.#mostLeft = mostLeft;
  }

  /**
   * Until {@link end} was called, and then to the end of the lag: what is measured after would be measured beside a monitor
   * at work.
   * @throws the monitor has raised an alarm, since it replays nothing more of a log that it has convicted; or it does not come
   * to the end
   */
  async run(): Promise<void> {
    for (let last = false; !last || this.#published.length > 0; await delay(POLL_MS)) {
      last = this.#until < Infinity;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { checkpoint, metrics } = this.#watched;
    const [head, counted] = await Promise.all([text(checkpoint), text(metrics)]);
    const now = performance.now();
    checkAlarms(counted);
    const size = Number(head.split('\n')[1]);
    const replayed = Number(/^aichain_monitor_replayed_tree_size (\d+)/m.exec(counted)?.[1] ?? 0);
    if (size > (this.#published.at(-1)?.size ?? 0)) this.#published.push({ size, at: now });
    while (this.#published[0] && this.#published[0].size <= replayed) this.#published.shift();
    const oldest = this.#published[0];
    this.#lags.push(oldest ? (now - oldest.at) / 1000 : 0);
    if (oldest && now > this.#until) throw new Error(`the monitor stays at ${replayed} of ${size} leaves`);
  }

  /** The log has no more. */
  end(): void {
    this.#until = performance.now() + this.#mostLeft;
  }

  /** Seconds, of the given share of all looks no more. */
  at(share: number): number {
    return quantile(this.#lags, share);
  }
}

/** @throws with the rows of the alarms that were raised */
function checkAlarms(metrics: string): void {
  const raised = metrics.match(/^aichain_monitor_alarms_total\{.*\} [1-9].*$/gm);
  if (raised) throw new Error(`the monitor has raised an alarm: ${raised.join(', ')}`);
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}
