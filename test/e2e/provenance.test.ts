/** The lineage index of a log in a process of its own: filled by commits, kept over a restart, rebuilt when forgotten. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { aichain, aichainJson } from '../cli/fake-terminal.ts';
import { Parties } from './parties.ts';
import { serveLog } from './served-log.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'aichain-lineage-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

test('over a restart, and after `aichain reindex`', { timeout: 120_000 }, async () => {
  let log = await serveLog({ dataDir });
  const parties = new Parties(log);
  const { did } = await parties.join('hospital', ['TDP']);
  const ask = async () => {
    for (let tries = 0; tries < 100; tries++) {
      const answer = await fetch(`${log.http}/v1/timeline?id=${encodeURIComponent(did)}&roles=subject,actor`);
      if (answer.status === 200) {
        const { events } = (await answer.json()) as {
          events: { kind: string; entryId: string; time: number }[];
        };
        return events;
      }
      assert.equal(((await answer.json()) as { code: string }).code, 'INDEX_BEHIND');
      await delay(50);
    }
    throw new Error('the index was not built');
  };
  const before = await ask();
  assert.deepEqual(
    before.map(({ kind }) => kind),
    ['participant.register', 'participant.verify'],
  );
  const connection = ['--server', log.grpc, '--trust', log.trust];
  const verified = await aichainJson(['timeline', did, ...connection]);
  assert.deepEqual([verified.verified, verified.events.length], [true, 2]);
  assert.equal((await aichain(['reindex', '--data-dir', dataDir])).code, 4, 'the log is running');
  await log.stop();

  log = await serveLog({ dataDir });
  assert.deepEqual(await ask(), before);
  await log.stop();

  const { code, stderr } = await aichain(['reindex', '--data-dir', dataDir]);
  assert.equal(code, 0, stderr);
  log = await serveLog({ dataDir, flags: ['--log-level', 'info'] });
  assert.deepEqual(await ask(), before);
  const stats = (await (await fetch(`${log.http}/v1/stats`)).json()) as Record<string, unknown>;
  assert.deepEqual([stats.grants, stats.denials, stats.waiting], [0, {}, 0]);
  await log.stop();
  assert.match(log.stderr(), /the lineage index is being built from the leaves/);
  assert.match(log.stderr(), /the lineage index is built/);
});

test('a folder without a log is left as it is', async () => {
  assert.equal((await aichain(['reindex', '--data-dir', join(dataDir, 'nothing')])).code, 2);
});
