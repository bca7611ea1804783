/** The alarms of a monitor put together: the desk that takes them, and everybody who is told. */
import { join } from 'node:path';
import type { Crypto } from '../../core/crypto.ts';
import { Limits, type TlsOptions } from '../../service/index.ts';
import type { Storage } from '../../storage/index.ts';
import type { Trust } from '../../verify/index.ts';
import type { Alarm, AlarmSink } from '../alarm.ts';
import { createMonitorServer } from '../grpc.ts';
import type { AlarmLog } from './alarm-log.ts';
import { AlarmDesk } from './desk.ts';
import { createAlarmServer } from './http.ts';
import { createMonitorMetrics, type MonitorMetrics } from './metrics.ts';
import { formatAlarm } from './stored-alarm.ts';
import { Webhook, type WebhookOptions } from './webhook.ts';

interface Address {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

export interface AlarmOutputs {
  readonly crypto: Crypto;
  readonly trust: Trust;
  /** For alarms alone; closed by whoever opened it, after these. */
  readonly storage: Storage;
  /** The evidence goes into `evidence/` in it. */
  readonly dataDir: string;
  readonly quietMs?: number;
  /** Told of every alarm that is raised, repeated ones too. */
  readonly counted?: (alarm: Alarm) => void;
  /** Takes each alarm as a line of JSON, such as standard output. */
  readonly lines?: (line: string) => void;
  readonly webhook?: Omit<WebhookOptions, 'attempted'>;
  readonly grpc?: Address & { readonly tls?: TlsOptions };
  readonly http?: Address;
  /** With metrics of the process (default false). */
  readonly processMetrics?: boolean;
}

export interface RunningAlarms {
  readonly sink: AlarmSink;
  readonly alarms: AlarmLog;
  readonly metrics: MonitorMetrics;
  /** Where the evidence is. */
  readonly folder: string;
  readonly grpcPort?: number;
  readonly httpPort?: number;
  /** Rejects when the storage of the alarms has failed. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

const GRACE = 1000;

/** @throws CONFIG_INVALID the webhook; UNAVAILABLE an address; STORAGE_FAILED */
export async function startAlarms(options: AlarmOutputs): Promise<RunningAlarms> {
  const { crypto, trust, storage, quietMs, lines, webhook, grpc, http } = options;
  const folder = join(options.dataDir, 'evidence');
  const metrics = createMonitorMetrics({ process: options.processMetrics ?? false });
  const desk = await AlarmDesk.open({
    ...{ crypto, trust, storage, folder, ...(quietMs !== undefined && { quietMs }) },
    counted: (alarm, repeated) => {
      metrics.alarm(alarm, repeated);
      options.counted?.(alarm);
    },
  });
  const { alarms } = desk;
  const ending = new AbortController();
  const { signal } = ending;
  const hook =
    webhook && new Webhook(alarms, { ...webhook, attempted: (outcome) => metrics.webhook(outcome) });
  const calls =
    grpc &&
    createMonitorServer(alarms, {
      limits: new Limits(),
      watching: (clients) => metrics.watching(clients),
      ...(grpc.tls && { tls: grpc.tls }),
    });
  const pages = http && createAlarmServer({ alarms, metrics, folder });
  const stop = async () => {
    ending.abort();
    await Promise.all([calls?.close(GRACE), pages?.close()]);
  };
  try {
    const grpcPort = grpc && (await calls!.listen(grpc.host, grpc.port));
    const httpPort = http && (await pages!.listen(http.host, http.port));
    const loops = [...(lines ? [print(alarms, lines, signal)] : []), ...(hook ? [hook.run(signal)] : [])];
    const failed = new Promise<never>((_, reject) => {
      for (const loop of loops) loop.catch(reject);
    });
    failed.catch(() => undefined); // whoever does not wait for it notices when it raises the next alarm
    return {
      ...{ sink: desk, alarms, metrics, folder, failed },
      ...(grpcPort !== undefined && { grpcPort }),
      ...(httpPort !== undefined && { httpPort }),
      close: async () => {
        await stop();
        await Promise.allSettled(loops);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** From now on: what was before has been printed before. */
async function print(alarms: AlarmLog, lines: (line: string) => void, signal: AbortSignal): Promise<void> {
  for await (const alarm of alarms.follow(alarms.last, signal)) lines(formatAlarm(alarm));
}
