/**
 * The order of system calls behind an answer: the write-ahead log has been synced when the first byte of the reply
 * is handed to the network. A promise that leaves the machine before the disk has it is one that a power cut breaks.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { keyFolder } from '../../src/server/first-start.ts';
import { developmentSro } from '../../src/server/index.ts';
import { History } from './history.ts';
import { Connection, Load } from './load.ts';
import { serveProcess } from './server-process.ts';
import { parseTrace, type SystemCall } from './system-calls.ts';

const STRACE = ['/usr/bin/strace', '/bin/strace', '/usr/local/bin/strace'].find(existsSync);
const SENDS = ['write', 'writev', 'sendto', 'sendmsg'];
const SYNCS = ['fsync', 'fdatasync'];
const RECEIPT = 'application/scitt-receipt+cose';
/** RFC 9113 §6.1, §6.2: the frames that a reply is made of. The others (settings, ping) come with the connection. */
const DATA = 0;
const HEADERS = 1;
const FRAME_HEADER = 9;

const skip = STRACE === undefined && process.env.CI === undefined && 'strace is not installed';

test('a commit is synced before the first byte of its answer', { skip, timeout: 120_000 }, async () => {
  assert.ok(STRACE, 'strace is not installed, and this is CI');
  const folder = await mkdtemp(join(tmpdir(), 'aichain-strace-'));
  const dataDir = join(folder, 'data');
  const trace = join(folder, 'trace');
  // -D: the server stays our own child, so that signals reach it; --seccomp-bpf: the other calls cost nothing.
  const what = ['-D', '-f', '--seccomp-bpf', '-yy', '-xx', '-s', '16777216', '-o', trace];
  const under = [STRACE, ...what, '-e', `trace=${[...SENDS, ...SYNCS].join(',')}`];
  const server = serveProcess(dataDir, { under });
  try {
    const addresses = await server.ready;
    const history = new History();
    history.began(readFileSync(addresses.trust, 'utf8'));
    const connection = new Connection(addresses);
    // A registration over HTTP, then a verification over gRPC, each the first call on its connection.
    await new Load(history, Math.random).settle(connection, () => developmentSro(crypto, keyFolder(dataDir)));
    connection.close();
    server.signal('SIGTERM');
    assert.equal((await server.ended).code, 0);
    const calls = parseTrace(await finished(trace));

    const port = (address: string) => address.slice(address.lastIndexOf(':') + 1);
    const http = sentFrom(calls, port(addresses.http));
    assert.match(text(http[0]), /^HTTP\/1\.1 201 /);
    assert.ok(http.some((call) => text(call).includes(RECEIPT)));
    assertSynced(calls, 'participant.register', http[0]!);

    const grpc = sentFrom(calls, port(addresses.grpc));
    const reply = [...frames(grpc)].find(({ type }) => type === DATA || type === HEADERS);
    assert.ok(reply, 'no reply was sent over gRPC');
    assert.ok(grpc.some((call) => text(call).includes(RECEIPT)));
    assertSynced(calls, 'participant.verify', reply.call);
  } finally {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
});

/** The write-ahead log with `marker` in it was written, then synced, and only then `reply` was begun. */
function assertSynced(calls: readonly SystemCall[], marker: string, reply: SystemCall): void {
  const written = calls.find((call) => /\/db\/\d+\.log$/.test(call.file) && text(call).includes(marker));
  assert.ok(written?.returned !== undefined, `${marker} was not written to the log file`);
  const synced = calls.find(
    (call) => SYNCS.includes(call.name) && call.file === written.file && call.begun > written.returned!,
  );
  assert.ok(synced?.returned !== undefined && synced.result === '0', `${marker} was not synced`);
  assert.ok(
    synced.returned < reply.begun,
    `the sync returned at ${synced.returned}, the reply was begun at ${reply.begun}`,
  );
}

/** What was sent from a port of this machine. */
function sentFrom(calls: readonly SystemCall[], port: string): SystemCall[] {
  const local = new RegExp(`^TCP(?:v6)?:\\[[^>]*:${port}->`);
  return calls.filter((call) => SENDS.includes(call.name) && local.test(call.file));
}

/** HTTP/2 frames of one connection, RFC 9113 §4.1, and the call that sent the first byte of each. */
function* frames(calls: readonly SystemCall[]): Generator<{ type: number; call: SystemCall }> {
  const sent: { call: SystemCall; end: number }[] = [];
  const parts: Uint8Array[] = [];
  for (const call of calls) {
    parts.push(call.bytes.subarray(0, Number(call.result)));
    sent.push({ call, end: (sent.at(-1)?.end ?? 0) + parts.at(-1)!.length });
  }
  const stream = Buffer.concat(parts);
  for (let at = 0; at + FRAME_HEADER <= stream.length; at += FRAME_HEADER + stream.readUIntBE(at, 3)) {
    yield { type: stream[at + 3]!, call: sent.find(({ end }) => end > at)!.call };
  }
}

function text(call: SystemCall | undefined): string {
  return Buffer.from(call?.bytes ?? []).toString('latin1');
}

/** The tracer ends a moment after the process that it watches. */
async function finished(path: string): Promise<string> {
  for (let waited = 0; waited < 200; waited++, await delay(50)) {
    const trace = readFileSync(path, 'latin1');
    const first = /^\d+/.exec(trace)?.[0];
    // strace pads the process id to five columns.
    if (new RegExp(`^${first} +\\+{3} exited`, 'm').test(trace)) return trace;
  }
  throw new Error('the trace has no end');
}
