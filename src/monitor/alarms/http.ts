/** What whoever runs a monitor looks at, over HTTP: metrics, the stored alarms, and the files of their evidence. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { AlarmLog } from './alarm-log.ts';
import { caseFolder } from './desk.ts';
import type { MonitorMetrics } from './metrics.ts';
import { formatAlarm } from './stored-alarm.ts';

export interface AlarmPages {
  readonly alarms: AlarmLog;
  readonly metrics: MonitorMetrics;
  /** Of the evidence. */
  readonly folder: string;
}

/** Alarms of one answer. */
const PAGE = 1000;
const MOST_CONNECTIONS = 256;
/** Milliseconds in which nothing of an answer is read. */
const IDLE_SOCKET = 60_000;

export interface AlarmServer {
  /** @returns the port. @throws UNAVAILABLE */
  listen(host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

export function createAlarmServer(pages: AlarmPages): AlarmServer {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(pages, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  // An answer lies here as a whole until it is read: no more than one for each connection, and not for ever.
  server.maxRequestsPerSocket = 1;
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(IDLE_SOCKET);
  return { listen: (host, port) => listen(server, host, port), close: () => close(server) };
}

async function answer(pages: AlarmPages, { method, url = '' }: IncomingMessage, response: ServerResponse) {
  const { pathname, searchParams } = new URL(url, 'http://monitor');
  if (method !== 'GET') return response.writeHead(405, { allow: 'GET' }).end();
  if (pathname === '/metrics') {
    const { metrics } = pages;
    return response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.text());
  }
  if (pathname === '/alarms') return alarms(pages, searchParams.get('after') ?? '0', response);
  const [, sequence, name] = /^\/alarms\/([1-9]\d{0,14})\/([\w.-]{1,64})$/.exec(pathname) ?? [];
  const file = sequence && name && (await evidence(pages, Number(sequence), name));
  if (!file) return response.writeHead(404).end();
  return response
    .writeHead(200, { 'content-type': 'application/octet-stream', 'x-content-type-options': 'nosniff' })
    .end(file);
}

/** NDJSON, oldest first. */
async function alarms({ alarms }: AlarmPages, after: string, response: ServerResponse) {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(after)) return response.writeHead(400).end();
  response.writeHead(200, {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'cache-control': 'no-store',
  });
  for await (const alarm of alarms.after(Number(after), PAGE)) response.write(`${formatAlarm(alarm)}\n`);
  return response.end();
}

/** Only what an alarm lists is served. */
async function evidence({ alarms, folder }: AlarmPages, sequence: number, name: string) {
  for await (const alarm of alarms.after(sequence - 1, 1)) {
    if (alarm.sequence !== sequence || !alarm.files.includes(name)) return undefined;
    return readFile(join(folder, caseFolder(alarm), name)).catch(() => undefined);
  }
  return undefined;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(fail('UNAVAILABLE', `cannot listen on ${host}:${port}`, { cause })),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
