/** The monitor as a server of its own: real sockets, threads and files; a log that it reads over HTTP. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeStateEntry, encodeStateEntry } from '../../src/chain/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { formatNote, openNote, parseNote, parseVerifierKey } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { startMonitor } from '../../src/server/index.ts';
import { RemoteWitness } from '../../src/witness/index.ts';
import { serve } from '../client/served.ts';
import { consistencyPath } from '../cose/tree.ts';
import { SmallLog } from '../verify/small-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'aichain-replayer-'));
const { log, member } = SmallLog.begin(crypto, undefined, Date.now() - 5000);
log.pace = 0;
const served = await serve(log);
after(async () => {
  await served.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (name?: string, dataDir = folder) =>
  startMonitor(
    {
      ...{ url: `http://127.0.0.1:${served.ports.http}`, trust: log.trust(), dataDir },
      ...{ peers: [], workers: 1, interval: 50 },
      cosign: { host: '127.0.0.1', port: 0, prefix: '/r', ...(name !== undefined && { name }) },
    },
    createLogger({ level: 'silent' }),
  );

function commit(text: string): void {
  log.world.time = Math.max(log.world.time, Date.now());
  log.commit(log.statement(member, text));
}

/** As a log does it. */
async function ask(url: string, old: number, shown = log) {
  const witness = new RemoteWitness(url);
  try {
    const { size, checkpoint } = shown.headAt();
    const data = shown.leaves.map(({ leafData }) => leafData);
    const proof = old > 0 && old < size ? consistencyPath(old, data) : [];
    return await witness.addCheckpoint({ old, proof, checkpoint }, AbortSignal.timeout(10_000));
  } finally {
    await witness.close();
  }
}

test('a head of another history that is shown to the replayer alone is an alarm, and ends its cosigning', async () => {
  const running = await start('replayer.example/f', join(folder, 'forked'));
  const { url } = running.replayer!;
  const twin = log.fork();
  twin.world.time = Math.max(twin.world.time, Date.now());
  commit('mine');
  twin.commit(twin.statement(member, 'theirs'));
  assert.equal((await ask(url, 0)).type, 'cosigned');
  await assert.rejects(ask(url, log.size, twin), /422: CONSISTENCY_INVALID/);
  for await (const { code, files } of running.alarms.after(0)) {
    assert.equal(code, 'FORK');
    assert(files.includes('misbehaviour.cbor'));
  }
  assert.equal(running.alarms.last, 1);
  await assert.rejects(ask(url, log.size), /422: STATE_INVALID/);
  await running.close();
});

test('a replayer cosigns what it has replayed, across a restart, and nothing that it refutes', async () => {
  const first = await start('replayer.example/r');
  commit('one');
  const size = log.size;
  const cosigned = await ask(first.replayer!.url, 0);
  assert(cosigned.type === 'cosigned');
  const note = parseNote(log.headAt().checkpoint);
  const whole = formatNote({ ...note, signatures: [...note.signatures, ...cosigned.signatures] });
  const opened = openNote(crypto, whole, [parseVerifierKey(first.replayer!.verifierKey)]);
  assert.equal(opened.cosignatures.length, 1);
  await first.close();

  // The key is there: it goes on as a replayer without being told its name.
  const second = await start();
  assert.equal(second.replayer!.verifierKey, first.replayer!.verifierKey);
  assert.deepEqual(await ask(second.replayer!.url, 0), { type: 'conflict', size });
  commit('two');
  assert.equal((await ask(second.replayer!.url, size)).type, 'cosigned');
  assert.equal(second.status.replayed, log.size);

  const honest = log.size;
  commit('three');
  const index = log.size - 1;
  const leaf = log.leaves[index]!;
  const leafData = encodeStateEntry({ ...decodeStateEntry(leaf.leafData), mapCount: 99 });
  log.leaves[index] = { ...leaf, leafData };
  await assert.rejects(ask(second.replayer!.url, honest), (error) => {
    assert(isLedgerError(error, 'WITNESS_REFUSED'), String(error));
    assert.match(error.message, /422: STATE_INVALID/);
    return true;
  });
  while (second.alarms.last === 0) await delay(20);
  for await (const alarm of second.alarms.after(0)) {
    assert.deepEqual([alarm.code, alarm.index, alarm.severity], ['STATE_MISMATCH', index, 'critical']);
  }
  await second.close();
});
