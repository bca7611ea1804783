/** What stands in place of node's Map of open streams is never in the way of a session. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { tableStreamsOf } from '../../src/grpc/open-streams.ts';

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
