/** Processes of a run: what they say, what becomes of those that fail, and that none is left behind. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Processes } from '../../../src/participants/scenario/processes.ts';

const logs = mkdtempSync(join(tmpdir(), 'aichain-processes-'));
after(() => rmSync(logs, { recursive: true, force: true }));
const made = (signal = new AbortController().signal) =>
  new Processes({ program: [process.execPath, '-e'], logs, signal });
const stays = 'setInterval(() => {}, 1000);';
const gone = (pid: number) => {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
};

test('a service is ready when it says where it is, and ends with the run', async () => {
  let pid: number;
  {
    await using processes = made();
    const said = 'console.log(JSON.stringify({ url: "x", pid: String(process.pid) }));';
    const service = await processes.serve('a', [said + stays]);
    assert.equal(service.said('url'), 'x');
    assert.throws(() => service.said('key'), { code: 'INTERNAL' });
    pid = Number(service.said('pid'));
    const other = await processes.serve('b', [`console.error('at  here');${stays}`], /at {2}(?<url>\S+)/);
    assert.equal(other.said('url'), 'here');
    await other.stop();
  }
  assert.ok(gone(pid));
});

test('one that ends before it is ready says why', async () => {
  await using processes = made();
  const fails = processes.serve('c', ['console.error("no such key"); process.exit(2)']);
  await assert.rejects(fails, { code: 'UNAVAILABLE', message: /c ended with 2:\nno such key/ });
  await assert.rejects(processes.serve('d', [`console.log('no JSON');${stays}`]), { code: 'UNAVAILABLE' });
});

test('a command’s output, line by line, and its exit code', async () => {
  await using processes = made();
  const lines: string[] = [];
  const command = 'console.log("what"); console.error("one"); console.error("two"); process.exitCode = 14';
  const { code, stdout, stderr } = await processes.run('e', [command], (line) => lines.push(line)).done;
  assert.deepEqual([code, stdout, stderr, lines], [14, 'what\n', 'one\ntwo\n', ['one', 'two']]);
});

test('a command stands still while its host wants it to, and is gone when it pulls the plug', async () => {
  await using processes = made();
  const lines: string[] = [];
  const ticks = 'let i = 0; setInterval(() => console.error(i++), 10);';
  const command = processes.run('h', [ticks], (line) => lines.push(line));
  const ticked = async (count: number) => {
    while (lines.length < count) await delay(10);
  };
  await ticked(1);
  command.pause();
  await delay(50);
  const standing = lines.length;
  await delay(100);
  assert.equal(lines.length, standing);
  command.resume();
  await ticked(standing + 1);
  command.kill();
  assert.equal((await command.done).code, null);
});

test('a run that is told to stop starts nothing more', async () => {
  const stop = new AbortController();
  await using processes = made(stop.signal);
  const running = processes.run('f', [stays]);
  stop.abort();
  assert.equal((await running.done).code, null);
  assert.throws(() => processes.run('g', [stays]), { name: 'AbortError' });
});
