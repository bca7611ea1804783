import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { LagWatch } from '../../benchmarks/lag-watch.ts';

/** What log and monitor say just now. */
const said = { size: 0, metrics: '' };
const servers: Server[] = [];

async function watch(mostLeft?: number): Promise<LagWatch> {
  const server = createServer(({ url }, response) => {
    response.end(url === '/checkpoint' ? `log.example\n${said.size}\nroot\n` : said.metrics);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new LagWatch({ checkpoint: `${origin}/checkpoint`, metrics: `${origin}/metrics` }, mostLeft);
}

describe('LagWatch', () => {
  after(() => {
    for (const server of servers) server.close();
  });

  it('ends when the monitor has all that the log has', async () => {
    Object.assign(said, { size: 10, metrics: 'aichain_monitor_replayed_tree_size 10\n' });
    const watching = await watch();
    watching.end();
    await watching.run();
    assert.equal(watching.at(1), 0);
  });

  it('throws when the monitor does not come to the end', async () => {
    Object.assign(said, { size: 10, metrics: 'aichain_monitor_replayed_tree_size 9\n' });
    const watching = await watch(0);
    watching.end();
    await assert.rejects(watching.run(), /stays at 9 of 10 leaves/);
  });

  it('throws at an alarm, with its code', async () => {
    const alarm = 'aichain_monitor_alarms_total{code="FORK",severity="critical",repeated="false"} 1';
    Object.assign(said, { size: 10, metrics: `${alarm}\naichain_monitor_replayed_tree_size 10\n` });
    await assert.rejects((await watch()).run(), /raised an alarm: .*FORK/);
  });
});
