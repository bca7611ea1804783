/** What stands in place of node's Map of open streams: a Map to whoever asks, and never in the way of a session. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { StreamTable, tableStreamsOf } from '../../src/grpc/open-streams.ts';

const stream = (name: number) => ({ name }) as unknown as ServerHttp2Stream;
const sorted = (entries: Iterable<[number, ServerHttp2Stream]>) => [...entries].sort(([a], [b]) => a - b);

suite('the table of open streams', () => {
  const ids = fc.integer({ min: 1, max: 12 });
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('set' as const), id: ids }),
      fc.record({ do: fc.constant('delete' as const), id: ids }),
      fc.record({ do: fc.constant('clear' as const), id: ids }),
    ),
    { maxLength: 60 },
  );

  test('holds what a Map holds, whatever comes and goes', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const [table, map] = [new StreamTable(), new Map<number, ServerHttp2Stream>()];
        for (const [at, { do: what, id }] of history.entries()) {
          if (what === 'set') {
            const value = stream(at);
            assert.equal(table.set(id, value), table);
            map.set(id, value);
          } else if (what === 'delete') assert.equal(table.delete(id), map.delete(id));
          else if (id === 1) {
            table.clear();
            map.clear();
          }
          assert.equal(table.size, map.size);
          assert.deepEqual(sorted(table), sorted(map));
          for (let each = 1; each <= 12; each++) {
            assert.equal(table.get(each), map.get(each));
            assert.equal(table.has(each), map.has(each));
          }
        }
        assert.deepEqual(sorted(new StreamTable(map)), sorted(map));
        assert.deepEqual([...table.keys()].sort(), [...map.keys()].sort());
        assert.deepEqual(new Set(table.values()), new Set(map.values()));
      }),
    );
  });

  test('what is gone through is what there was at first, whatever is taken out meanwhile', () => {
    const table = new StreamTable([1, 3, 5, 7].map((id) => [id, stream(id)]));
    const seen: number[] = [];
    table.forEach((_stream, id, all) => {
      assert.equal(all, table);
      seen.push(id);
      table.delete(id);
    });
    assert.deepEqual(seen, [1, 3, 5, 7]);
    assert.equal(table.size, 0);
  });
});

suite('a session whose streams are in the table', () => {
  /** @returns the server's side of a session, and the client's */
  async function session() {
    const server = createServer();
    const accepted = once(server, 'session') as Promise<[Http2Session]>;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [inner] = await accepted;
    return { server, client, inner };
  }

  test('answers, resets and ends as any other; the node of this test keeps its streams so', async () => {
    const { server, client, inner } = await session();
    assert.equal(tableStreamsOf(inner), true);
    assert.equal(tableStreamsOf(inner), false, 'once');
    server.on('stream', (opened: ServerHttp2Stream, headers) => {
      opened.on('error', () => {});
      if (headers[':path'] === '/open') return;
      opened.respond({ ':status': 200 });
      opened.end(headers[':path']);
    });
    const get = async (path: string) => {
      let text = '';
      for await (const chunk of client.request({ ':path': path })) text += chunk;
      return text;
    };
    const paths = Array.from({ length: 300 }, (_, at) => `/${at}`);
    assert.deepEqual(await Promise.all(paths.map(get)), paths);

    const reset = client.request({ ':path': '/open' });
    await once(server, 'stream');
    reset.close();
    await once(reset, 'close');

    // A session that is destroyed destroys the streams that are open in it.
    const open = [1, 2, 3].map(() => client.request({ ':path': '/open' }));
    const streams: ServerHttp2Stream[] = [];
    while (streams.length < open.length)
      streams.push(...((await once(server, 'stream')) as [ServerHttp2Stream]).slice(0, 1));
    const ends = open.map((each) => once(each, 'close').catch(() => {}));
    for (const each of open) each.on('error', () => {});
    client.on('error', () => {});
    inner.destroy();
    await Promise.all(ends);
    assert.ok(streams.every((each) => each.destroyed));
    client.close();
    server.close();
    await once(server, 'close');
  });

  test('a session that is closed waits for the streams that are open', async () => {
    const { server, client, inner } = await session();
    assert.equal(tableStreamsOf(inner), true);
    const request = client.request({ ':path': '/' });
    const [opened] = (await once(server, 'stream')) as [ServerHttp2Stream];
    let closed = false;
    inner.close(() => {
      closed = true;
    });
    opened.respond({ ':status': 200 });
    assert.equal(closed, false);
    opened.end('late');
    let text = '';
    for await (const chunk of request) text += chunk;
    assert.equal(text, 'late');
    await once(inner, 'close');
    client.close();
    server.close();
  });

  test('what is not as node has it is left alone', () => {
    assert.equal(tableStreamsOf({} as Http2Session), false);
    assert.equal(tableStreamsOf({ [Symbol('state')]: {} } as unknown as Http2Session), false);
    assert.equal(tableStreamsOf({ [Symbol('state')]: { streams: [] } } as unknown as Http2Session), false);
  });
});
