/** aichain.v1.MonitorService: alarms as they are raised, and those that a client has missed. */
import { fail } from '../core/errors.ts';
import { createServiceServer, type GrpcServer, type Method, serverStream } from '../grpc/index.ts';
import { aichain } from '../proto/aichain.js';
import type { Limits, TlsOptions } from '../service/index.ts';
import type { AlarmSeverity } from './alarm.ts';
import type { AlarmLog } from './alarms/alarm-log.ts';
import { isAtLeast, type StoredAlarm } from './alarms/stored-alarm.ts';

const v1 = aichain.v1;
const { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL } = v1.Severity;
const SEVERITY = { info: SEVERITY_INFO, warning: SEVERITY_WARNING, critical: SEVERITY_CRITICAL } as const;

/** Clients at a time: each holds a stream for as long as it likes. */
const MOST_WATCHERS = 256;

export interface MonitorServerOptions {
  readonly limits: Limits;
  readonly tls?: TlsOptions;
  /** Told how many watch now. */
  readonly watching?: (clients: number) => void;
}

export function createMonitorServer(alarms: AlarmLog, options: MonitorServerOptions): GrpcServer {
  const { watching, ...surface } = options;
  return createServiceServer({ 'aichain.v1.MonitorService': monitorService(alarms, watching) }, surface);
}

function monitorService(
  alarms: AlarmLog,
  watching: (clients: number) => void = () => {},
): Record<string, Method> {
  let clients = 0;
  return {
    Watch: serverStream(
      { request: v1.WatchRequest, response: v1.WatchResponse },
      async function* ({ after, severity }, { signal }) {
        const from = after ?? alarms.last;
        if (!Number.isSafeInteger(from)) throw fail('ARGUMENT_INVALID', 'after is above 2^53 - 1');
        // Else a client that has mistaken one monitor for another would wait for ever.
        if (from > alarms.last) throw fail('NOT_FOUND', `the last alarm is ${alarms.last}`);
        const floor = floorOf(severity);
        if (clients >= MOST_WATCHERS) throw fail('RATE_LIMITED', 'too many clients watch');
        watching(++clients);
        try {
          for await (const alarm of alarms.follow(from, signal)) {
            if (isAtLeast(alarm.severity, floor)) yield { alarm: messageOf(alarm) };
          }
        } finally {
          watching(--clients);
        }
      },
    ),
  };
}

function floorOf(severity: number): AlarmSeverity {
  if (severity === SEVERITY_CRITICAL) return 'critical';
  return severity === SEVERITY_WARNING ? 'warning' : 'info';
}

function messageOf({ severity, index, files, ...alarm }: StoredAlarm): aichain.v1.Alarm.$Properties {
  return { ...alarm, severity: SEVERITY[severity], index: index ?? null, files: [...files] };
}
