/** The HTTP that participants' services share: how many requests are worked on, and by which statuses it refuses. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fail } from '../../src/core/errors.ts';
import { createServiceHttp } from '../../src/participants/service-http.ts';

const MOST_AT_ONCE = 64;

describe('the HTTP of a participant’s service', () => {
  const http = createServiceHttp({ statuses: { classes: { refused: 403 }, codes: { ID_TAKEN: 409 } } });
  const held: (() => void)[] = [];
  const arrived: (() => void)[] = [];
  let url: string;

  before(async () => {
    http.app.post('/held', async () => {
      await new Promise<void>((resolve) => {
        held.push(resolve);
        arrived.shift()?.();
      });
      return {};
    });
    http.app.post('/echo', async () => ({}));
    http.app.get<{ Params: { code: string } }>('/refused/:code', async ({ params }) => {
      throw fail(params.code as 'ID_TAKEN', 'refused');
    });
    url = await http.listen('127.0.0.1', 0);
  });
  after(() => http.close());

  const status = async (path: string, init?: RequestInit) => (await fetch(`${url}${path}`, init)).status;
  const open = async (path: string, length: number, body: string) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}`;
    socket.write(`${head}\r\n\r\n${body}`);
    return socket;
  };
  const atWork = () => new Promise<void>((resolve) => arrived.push(resolve));
  /** The server learns a little later than we do that somebody has gone. */
  const answeredAgain = async () => {
    while ((await status('/echo', { method: 'POST' })) !== 200) await new Promise(setImmediate);
  };

  test('works on so many at once, and on no fewer after some have gone without their answer', async () => {
    const halves = Array.from({ length: MOST_AT_ONCE }, () => open('/echo', 10, '{'));
    for (const half of halves) (await half).destroy();
    await answeredAgain();
    const whole = Array.from({ length: MOST_AT_ONCE }, async () => {
      const here = atWork();
      const socket = await open('/held', 2, '{}');
      await here;
      return socket;
    });
    const sockets = await Promise.all(whole);
    assert.equal(await status('/echo', { method: 'POST' }), 503);
    // Whoever leaves does not end the work, and makes no room for more of it.
    for (const socket of sockets) socket.destroy();
    assert.equal(await status('/echo', { method: 'POST' }), 503);
    for (const go of held) go();
    await answeredAgain();
  });

  test('takes no JSON that is nested deeper than any request is, wherever its brackets are', async () => {
    const post = (body: string) => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const nested = (depth: number, opens = '[', closes = ']') => opens.repeat(depth) + closes.repeat(depth);
    const bodies = [nested(64), nested(65), `{"a":"\\"${nested(90)}","b":${nested(60)}}`];
    bodies.push(`{"a":"\\\\","b":${'{"c":'.repeat(80)}1${'}'.repeat(81)}`, '{"__proto__":{}}', '[]]', '');
    const statuses = await Promise.all(bodies.map((body) => status('/echo', post(body))));
    assert.deepEqual(statuses, [200, 400, 200, 400, 400, 400, 400]);
  });

  test('refuses by the class of the reason, or as the service has it', async () => {
    const codes = [
      'ID_TAKEN',
      'STATE_WRONG',
      'ARGUMENT_INVALID',
      'RATE_LIMITED',
      'NOT_FOUND',
      'FACT_INVALID',
    ];
    const statuses = await Promise.all(codes.map((code) => status(`/refused/${code}`)));
    assert.deepEqual(statuses, [409, 403, 400, 429, 404, 422]);
  });
});
