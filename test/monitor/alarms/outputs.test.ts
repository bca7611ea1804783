/** Alarms from being raised to being told: on the disk first, to everybody after, and none twice. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { utf8 } from '../../../src/core/bytes.ts';
import { isLedgerError } from '../../../src/core/errors.ts';
import type { Alarm } from '../../../src/monitor/alarm.ts';
import { AlarmLog } from '../../../src/monitor/alarms/alarm-log.ts';
import { type AlarmOutputs, startAlarms } from '../../../src/monitor/alarms/index.ts';
import { formatAlarm, parseAlarm } from '../../../src/monitor/alarms/stored-alarm.ts';
import { Webhook } from '../../../src/monitor/alarms/webhook.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { aichain } from '../../../src/proto/aichain.js';
import { memoryStorage, type Storage } from '../../../src/storage/index.ts';
import { verifyMisbehaviour } from '../../../src/verify/index.ts';
import { RawClient } from '../../grpc/raw-client.ts';
import { leafOf } from '../../verify/misbehaving-log.ts';
import { SmallLog } from '../../verify/small-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'alarms-'));
after(() => rmSync(folder, { recursive: true, force: true }));
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
let count = 0;
const dataDir = () => join(folder, String(count++));

const { log, member } = SmallLog.begin(crypto);
const twin = log.fork();
log.commit(log.statement(member, 'here'));
twin.commit(twin.statement(member, 'there'));
const trust = log.trust();
const alarm = (code: string, more: Partial<Alarm> = {}): Alarm => ({
  ...{
    code,
    severity: 'critical',
    at: Date.now(),
    origin: trust.origin,
    size: 8,
    detail: `${code} happened`,
  },
  ...more,
});
const start = (storage: Storage, more: Partial<AlarmOutputs> = {}) =>
  startAlarms({ crypto, trust, storage, dataDir: dataDir(), ...more });

test('evidence becomes files: what was signed, and one proof that convicts the log', async () => {
  const running = await start(memoryStorage());
  const [older, newer] = [log.head().checkpoint, twin.head().checkpoint];
  await running.sink.raise(alarm('FORK', { evidence: { type: 'checkpoints', older, newer } }));
  const { path } = await leafOf(log, 6);
  const { leafData, statement } = log.leaves[6]!;
  const entry = { type: 'entry', checkpoint: older, index: 6, leafData, statement, path } as const;
  await running.sink.raise(alarm('KEY_LATE', { index: 6, evidence: entry }));
  const own = (name: string) => join(running.folder, name);
  const file = new Uint8Array(readFileSync(own('000001-FORK/misbehaviour.cbor')));
  assert.ok(verifyMisbehaviour({ crypto, trust, file }).verified);
  assert.equal(readFileSync(own('000001-FORK/older.checkpoint'), 'utf8'), older);
  assert.deepEqual(new Uint8Array(readFileSync(own('000002-KEY_LATE/statement.cose'))), statement);
  assert.match(
    readFileSync(own('000002-KEY_LATE/statement.cose.tlog-proof'), 'utf8'),
    /^c2sp.org\/tlog-proof@v1\n(?:.*\n)*index 6\n/,
  );
  const [first] = await all(running.alarms.after(0));
  assert.deepEqual(first!.files, ['misbehaviour.cbor', 'older.checkpoint', 'newer.checkpoint']);
  assert.equal(readFileSync(own('000001-FORK/alarm.json'), 'utf8'), `${formatAlarm(first!)}\n`);
  await running.close();
});

test('the same alarm is told once, until it is old; all are counted', async () => {
  const lines: string[] = [];
  const storage = memoryStorage();
  const running = await start(storage, { lines: (line) => lines.push(line) });
  const at = 1_767_225_600_000;
  const raise = (more: Partial<Alarm>) =>
    running.sink.raise(alarm('STALE_LOG', { severity: 'warning', ...more }));
  await raise({ at });
  await raise({ at: at + 1000 });
  await raise({ at: at + 1000, index: 7 });
  await raise({ at: at + 700_000 });
  assert.equal(running.alarms.last, 3);
  const text = await running.metrics.text();
  assert.match(
    text,
    /aichain_monitor_alarms_total\{code="STALE_LOG",severity="warning",repeated="false"\} 3/,
  );
  assert.match(text, /repeated="true"\} 1/);
  while (lines.length < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    lines.map((line) => parseAlarm(line).sequence),
    [1, 2, 3],
  );
  await running.close();

  // What it was told before a restart, it remembers.
  const again = await start(storage);
  await again.sink.raise(alarm('STALE_LOG', { severity: 'warning', at: at + 701_000 }));
  assert.equal(again.alarms.last, 3);
  await again.close();
});

test('a webhook is signed, tried again until it is taken, and misses nothing over a restart', async () => {
  const secret = Buffer.from('a secret of more than 24 bytes');
  const taken: { body: string; headers: IncomingHttpHeaders }[] = [];
  const answers = [503, 200];
  const receiver = createServer(async (request, response) => {
    const body = Buffer.concat(await all<Buffer>(request)).toString();
    const status = answers.shift() ?? 200;
    if (status === 200) taken.push({ body, headers: request.headers });
    response.writeHead(status).end();
    receiver.emit('answered');
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const webhook = {
    url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alarms`,
    secret: `whsec_${secret.toString('base64')}`,
    pauseMs: 1,
  };
  const storage = memoryStorage();
  const running = await start(storage, { webhook });
  await running.sink.raise(alarm('FORK'));
  while (taken.length < 1) await once(receiver, 'answered');
  const { body, headers } = taken[0]!;
  assert.equal(parseAlarm(body).code, 'FORK');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  assert.equal(
    headers['webhook-signature'],
    `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`,
  );
  assert.equal(headers['webhook-id'], 'alarm-1');
  const log = await AlarmLog.open(storage);
  while ((await log.cursor('webhook')) !== 1) await new Promise((resolve) => setImmediate(resolve));
  assert.match(await running.metrics.text(), /webhook_attempts_total\{outcome="failed"\} 1/);
  await running.close();

  const away = await start(storage);
  await away.sink.raise(alarm('STATE_MISMATCH'));
  await away.sink.raise(alarm('KEY_DENIED', { severity: 'info' }));
  await away.close();
  const back = await start(storage, { webhook });
  while ((await log.cursor('webhook')) !== 3) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    taken.map(({ body }) => parseAlarm(body).code),
    ['FORK', 'STATE_MISMATCH'],
  );
  await back.close();
  receiver.close();
  receiver.closeAllConnections();
});

test('a webhook is https, or on this machine, and has a secret', async () => {
  const alarms = await AlarmLog.open(memoryStorage());
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  new Webhook(alarms, { url: 'https://sro.example/alarms', secret });
  for (const bad of [
    { url: 'http://sro.example/alarms', secret },
    { url: 'ftp://localhost/', secret },
    { url: 'nowhere', secret },
    { url: 'https://sro.example/', secret: 'whsec_c2hvcnQ=' },
    { url: 'https://sro.example/', secret: 'secret' },
  ]) {
    assert.throws(
      () => new Webhook(alarms, bad),
      (error) => isLedgerError(error, 'CONFIG_INVALID'),
    );
  }
});

test('MonitorService.Watch goes on from a sequence number, and leaves out what is less severe', async () => {
  const v1 = aichain.v1;
  const running = await start(memoryStorage(), { grpc: { host: '127.0.0.1', port: 0 } });
  await running.sink.raise(alarm('FORK'));
  await running.sink.raise(alarm('KEY_DENIED', { severity: 'info', index: 3 }));
  await running.sink.raise(alarm('CLOCK_SKEW', { severity: 'warning', index: 9 }));
  const client = new RawClient(`127.0.0.1:${running.grpcPort}`);
  const watch = (request: aichain.v1.WatchRequest.$Properties) => {
    const call = client.serverStream(
      '/aichain.v1.MonitorService/Watch',
      v1.WatchRequest.encode(request as aichain.v1.WatchRequest).finish(),
    );
    call.on('error', () => {});
    return call;
  };
  const take = async (call: ReturnType<typeof watch>, number: number) => {
    const alarms: (aichain.v1.Alarm.$Properties | null | undefined)[] = [];
    for await (const bytes of call) {
      alarms.push(v1.WatchResponse.decode(new Uint8Array(bytes)).alarm);
      if (alarms.length === number) break;
    }
    call.cancel();
    return alarms.map((each) => [each?.sequence, each?.code, each?.index]);
  };
  assert.deepEqual(await take(watch({ after: 0 }), 3), [
    [1, 'FORK', null],
    [2, 'KEY_DENIED', 3],
    [3, 'CLOCK_SKEW', 9],
  ]);
  const severe = watch({ after: 1, severity: v1.Severity.SEVERITY_WARNING });
  const told = take(severe, 2);
  await running.sink.raise(alarm('STATE_MISMATCH'));
  assert.deepEqual(await told, [
    [3, 'CLOCK_SKEW', 9],
    [4, 'STATE_MISMATCH', null],
  ]);
  const ahead = watch({ after: 99 });
  const [error] = await once(ahead, 'error');
  assert.equal(error.metadata.get('aichain-code')[0], 'NOT_FOUND');
  client.close();
  await running.close();
});

test('alarms, their evidence and the metrics over HTTP; nothing else of the folder', async () => {
  const running = await start(memoryStorage(), { http: { host: '127.0.0.1', port: 0 } });
  const [older, newer] = [log.head().checkpoint, twin.head().checkpoint];
  await running.sink.raise(alarm('FORK', { evidence: { type: 'checkpoints', older, newer } }));
  await running.sink.raise(alarm('CLOCK_SKEW', { severity: 'warning' }));
  const get = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${running.httpPort}${path}`, init);
  const lines = async (path: string) => (await (await get(path)).text()).split('\n').filter(Boolean);
  assert.deepEqual(
    (await lines('/alarms')).map((line) => parseAlarm(line).code),
    ['FORK', 'CLOCK_SKEW'],
  );
  assert.deepEqual(
    (await lines('/alarms?after=1')).map((line) => parseAlarm(line).code),
    ['CLOCK_SKEW'],
  );
  assert.equal(await (await get('/alarms/1/older.checkpoint')).text(), older);
  assert.match(await (await get('/metrics')).text(), /aichain_monitor_alarms_total/);
  for (const path of [
    '/',
    '/alarms/1/alarm.json',
    '/alarms/2/older.checkpoint',
    '/alarms/1/..%2f..%2fx',
    '/alarms/9/x',
  ]) {
    assert.equal((await get(path)).status, 404, path);
  }
  assert.equal((await get('/alarms?after=x')).status, 400);
  assert.equal((await get('/alarms', { method: 'POST' })).status, 405);
  // One answer for each connection: of a hundred that are asked for without reading, each would lie here until it is read.
  const socket = connect(running.httpPort!, '127.0.0.1');
  socket.write('GET /alarms HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(100));
  let text = '';
  for await (const chunk of socket.setEncoding('latin1')) text += chunk;
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 1);
  await running.close();
});

test('a stored alarm reads back, and a damaged one is noticed', () => {
  const stored = { ...alarm('FORK', { index: 3 }), sequence: 4, files: ['x'] };
  assert.deepEqual(parseAlarm(formatAlarm(stored)), stored);
  for (const bad of ['', '{}', '[]', '{"sequence":1}', formatAlarm(stored).replace('critical', 'fatal')]) {
    assert.throws(
      () => parseAlarm(bad),
      (error) => isLedgerError(error, 'STORAGE_FAILED'),
    );
  }
  assert.ok(utf8(formatAlarm(stored)).length < 1000);
});
