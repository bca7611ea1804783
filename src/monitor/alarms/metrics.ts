/** What whoever runs a monitor measures, for Prometheus; labels come from closed sets only. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Alarm } from '../alarm.ts';

export interface MonitorMetrics {
  alarm(alarm: Alarm, repeated: boolean): void;
  webhook(outcome: 'delivered' | 'failed' | 'given up'): void;
  /** The largest signed tree that was seen. */
  seen(size: number): void;
  /** Leaves replayed and remembered. */
  replayed(size: number): void;
  /** Who is watching over gRPC. */
  watching(clients: number): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** @param options `process`: those of the process and of node as well */
export function createMonitorMetrics(options: { readonly process?: boolean } = {}): MonitorMetrics {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `aichain_monitor_${name}`, help, registers });
  const alarms = new Counter({
    name: 'aichain_monitor_alarms_total',
    help: 'Alarms raised, by code and severity; repeated ones are counted apart',
    labelNames: ['code', 'severity', 'repeated'],
    registers,
  });
  const deliveries = new Counter({
    name: 'aichain_monitor_webhook_attempts_total',
    help: 'Attempts to deliver an alarm to the webhook, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const lastAlarm = gauge('last_alarm_timestamp_seconds', 'When the last alarm was raised');
  const seenSize = gauge('seen_tree_size', 'Size of the largest signed tree that was seen');
  const replayedSize = gauge('replayed_tree_size', 'Leaves that were replayed and matched');
  const replayedTime = gauge('replayed_timestamp_seconds', 'When replay last went on');
  const watchers = gauge('watchers', 'Clients that watch for alarms over gRPC');
  return {
    alarm({ code, severity, at }, repeated) {
      alarms.inc({ code, severity, repeated: String(repeated) });
      if (!repeated) lastAlarm.set(at / 1000);
    },
    webhook: (outcome) => deliveries.inc({ outcome: outcome.replace(' ', '_') }),
    seen: (size) => seenSize.set(size),
    replayed(size) {
      replayedSize.set(size);
      replayedTime.setToCurrentTime();
    },
    watching: (clients) => watchers.set(clients),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
