/** docs/guides/sro-monitor.md and alarms.md: what they say can be done is done here, and no alarm is missing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createProgram } from '../../src/cli/program.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { WATCH_RULES } from '../../src/monitor/alarms/index.ts';
import { MONITOR_ALARMS } from '../../src/monitor/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { formatTrust } from '../../src/verify/index.ts';
import { aichain } from '../cli/fake-terminal.ts';
import { testFolder } from '../cli/folder.ts';
import { SmallLog } from '../verify/small-log.ts';

const guide = (name: string) => readFileSync(new URL(`../../docs/guides/${name}`, import.meta.url), 'utf8');
const path = testFolder();
const closing: (() => unknown)[] = [];
const awake = setInterval(() => {}, 1000);
after(async () => {
  clearInterval(awake);
  for (const close of closing.reverse()) await close();
});

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('alarms.md has every alarm, as it is declared', () => {
  const text = guide('alarms.md');
  const rows = [
    ...Object.entries(MONITOR_ALARMS).map(([code, [severity, meaning]]) => [code, severity, meaning]),
    ...WATCH_RULES.map(({ code, severity, meaning }) => [code, severity, meaning]),
  ];
  for (const [code, severity, meaning] of rows) {
    assert.ok(text.includes(`| \`${code}\` | ${severity} | ${meaning} |\n`), code);
  }
  const listed = [...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(listed.sort(), rows.map(([code]) => code).sort());
});

test('sro-monitor.md names no option that there is not', () => {
  const program = createProgram({
    stdin: (async function* () {})(),
    stdout: { write: () => true },
    stderr: { write: () => true },
    env: {},
    signal: new AbortController().signal,
  });
  const options = (name: string) =>
    program.commands.find((command) => command.name() === name)!.options.map(({ long }) => long);
  const named = [...guide('sro-monitor.md').matchAll(/(--[a-z][a-z-]+)/g)].map(([, option]) => option!);
  assert.deepEqual(
    [...new Set(named)].filter((option) => !options('monitor').includes(option)),
    [],
  );
  assert.ok(options('verify').includes('--misbehaviour'));
});

test('a monitor of files behind a web server: alarms on standard output and by webhook, and a file that convicts', async () => {
  const { log, member } = SmallLog.begin(crypto);
  const twin = log.fork();
  log.commit(log.statement(member, 'here'));
  twin.commit(twin.statement(member, 'there'));
  let shown = log;
  const url = await listening(
    createServer((request, response) => {
      const name = request.url!.slice(1);
      const answer = name === 'checkpoint' ? Promise.resolve(shown.headAt().checkpoint) : shown.tile(name);
      answer.then(
        (body) => response.end(body),
        (error) => response.writeHead(isLedgerError(error, 'NOT_FOUND') ? 404 : 500).end(),
      );
    }),
  );
  const hooked: string[] = [];
  const hook = await listening(
    createServer(async (request, response) => {
      for await (const part of request) hooked.push(JSON.parse(String(part)).code);
      response.end();
    }),
  );
  writeFileSync(path('trust.json'), formatTrust(crypto, log.trust()));
  writeFileSync(path('secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
  const abort = new AbortController();
  let [out, err] = ['', ''];
  const ended = aichain(
    [
      ...[
        'monitor',
        '--url',
        url,
        '--trust',
        path('trust.json'),
        '--data-dir',
        path('monitor'),
        '--workers',
        '1',
      ],
      ...['--webhook', hook, '--webhook-secret', path('secret'), '--http-port', '0', '--grpc-port', '0'],
      ...['--log-level', 'silent'],
    ],
    {
      signal: abort.signal,
      onStdout: (text) => {
        out = text;
      },
      onStderr: (text) => {
        err = text;
      },
    },
  );
  closing.push(() => {
    abort.abort();
    return ended;
  });
  const until = async (condition: () => boolean | Promise<boolean>) => {
    const given = Date.now() + 60_000;
    while (!(await condition())) {
      assert.ok(Date.now() < given, `${out}${err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await until(() => /^alarms +http/m.test(err));
  const [, pages] = /^alarms +(http:\S+)$/m.exec(err)!;
  assert.match(err, /^gRPC +127\.0\.0\.1:\d+$/m);
  await until(async () => /replayed_tree_size 8\n/.test(await (await fetch(`${pages}/metrics`)).text()));

  shown = twin;
  await until(() => out.includes('"FORK"'));
  const line = out.split('\n').find((each) => each.includes('"FORK"'))!;
  const { sequence, severity, files } = JSON.parse(line);
  assert.equal(severity, 'critical');
  assert.ok(files.includes('misbehaviour.cbor'));
  await until(() => hooked.includes('FORK'));
  const folder = readdirSync(path('monitor/evidence')).find((name) => name.endsWith('-FORK'))!;
  const proof = path(`monitor/evidence/${folder}/misbehaviour.cbor`);
  const served = await fetch(`${pages}/alarms/${sequence}/misbehaviour.cbor`);
  assert.deepEqual(Buffer.from(await served.arrayBuffer()), readFileSync(proof));
  const verified = await aichain(['verify', '--trust', path('trust.json'), proof]);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stdout, /VERIFIED: MISBEHAVIOUR of log\.example\/test: it has signed two trees of 8/);
});
