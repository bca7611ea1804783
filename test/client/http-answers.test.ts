import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { HttpTransport } from '../../src/client/http-transport.ts';
import type { Transport } from '../../src/client/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { encodeProblemDetails } from '../../src/cose/index.ts';

const call = () => ({ deadline: Date.now() + 20_000 });

describe('answers over HTTP that are not the log’s', () => {
  let reply: (response: ServerResponse) => void = () => {};
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => reply(response));
  });
  let transport: HttpTransport;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    transport = new HttpTransport(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  after(() => {
    transport.close();
    server.closeAllConnections();
    server.close();
  });

  const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value));
  const status =
    (code: number, headers: Record<string, string> = {}, body: string | Uint8Array = '') =>
    (response: ServerResponse) =>
      void response.writeHead(code, headers).end(body);
  const ask = (method: (to: Transport) => Promise<unknown>, answer: (response: ServerResponse) => void) => {
    reply = answer;
    return method(transport).then(
      () => 'taken',
      (error: unknown) => {
        if (!isLedgerError(error)) throw error;
        return error.retryAfter === undefined ? error.code : `${error.code} after ${error.retryAfter}`;
      },
    );
  };
  const head = (to: Transport) => to.checkpoint(call());

  for (const [why, answer] of [
    ['no JSON', status(200, {}, '<html>')],
    ['not UTF-8', status(200, {}, Uint8Array.of(0x22, 0xff, 0x22))],
    ['not an object', json([])],
    ['null', json(null)],
    ['no checkpoint', json({ size: 1 })],
    ['a redirection', status(302, { location: 'http://127.0.0.1:1/' })],
    [
      'more than is taken',
      (response: ServerResponse) => void response.end(Buffer.alloc((16 << 20) + 1, 0x20)),
    ],
  ] as const) {
    test(`${why}: RESPONSE_MALFORMED`, async () =>
      assert.equal(await ask(head, answer), 'RESPONSE_MALFORMED'));
  }

  test('proofs and entries without their shape: RESPONSE_MALFORMED', async () => {
    for (const [method, value] of [
      [
        (to: Transport) => to.inclusion({ index: 1 }, 5, call()),
        { index: -1, leafHash: '', path: [], head: {} },
      ],
      [
        (to: Transport) => to.inclusion({ index: 1 }, 5, call()),
        { index: 1, leafHash: 'A', path: [], head: {} },
      ],
      [
        (to: Transport) => to.inclusion({ index: 1 }, 5, call()),
        { index: 1, leafHash: '', path: [1], head: {} },
      ],
      [(to: Transport) => to.consistency(1, 2, call()), { path: 'x' }],
      [(to: Transport) => to.entry({ index: 1 }, call()), { index: 1.5, leafData: '', statement: null }],
      [(to: Transport) => to.entry({ index: 1 }, call()), { index: 1, leafData: '', statement: 3 }],
      [(to: Transport) => to.entries(0, 5, call()), { entries: [null] }],
      [(to: Transport) => to.effect(1, call()), { stateIndex: 2 }],
      [(to: Transport) => to.facts([], call()), { head: { checkpoint: '' }, tip: null, facts: [] }],
      [
        (to: Transport) => to.openBatches().register([new Uint8Array(1), new Uint8Array(2)], call()),
        { results: [] },
      ],
      [
        (to: Transport) => to.openBatches().register([new Uint8Array(1), new Uint8Array(2)], call()),
        { results: [{}, {}] },
      ],
    ] as const) {
      assert.equal(await ask(method, json(value)), 'RESPONSE_MALFORMED', JSON.stringify(value));
    }
  });

  const problem = { 'content-type': 'application/problem+json' };
  const concise = { 'content-type': 'application/concise-problem-details+cbor' };
  for (const [why, answer, code] of [
    ['a code in the header', status(422, { 'aichain-code': 'KID_UNKNOWN' }), 'KID_UNKNOWN'],
    ['a code in JSON', status(400, problem, '{"code":"CBOR_MALFORMED","detail":"x"}'), 'CBOR_MALFORMED'],
    [
      'a code in CBOR',
      status(400, concise, encodeProblemDetails({ title: 'Rejected', detail: 'DUPLICATE: x' })),
      'DUPLICATE',
    ],
    ['a code that is none', status(400, { 'aichain-code': '<script>' }), 'RESPONSE_MALFORMED'],
    ['a delay', status(429, { 'aichain-code': 'RATE_LIMITED', 'retry-after': '7' }), 'RATE_LIMITED after 7'],
    ['a delay of a year', status(503, { 'retry-after': '31536000' }), 'UNAVAILABLE after 3600'],
    ['a delay that is none', status(503, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }), 'UNAVAILABLE'],
    ['a proxy without the server', status(502, {}, '<html>'), 'UNAVAILABLE'],
    ['a proxy without the page', status(404), 'NOT_FOUND'],
    ['a proxy that wants a name', status(403), 'UNAUTHENTICATED'],
    ['a cut connection', (response: ServerResponse) => void response.destroy(), 'UNAVAILABLE'],
  ] as const) {
    test(`${why}: ${code}`, async () => assert.equal(await ask(head, answer), code));
  }

  test('a registration that is still running is asked for again', async () => {
    const register = (to: Transport) => to.register(new Uint8Array(1), call());
    assert.equal(await ask(register, status(202, { 'retry-after': '3' })), 'DEADLINE_EXCEEDED after 3');
  });

  test('an address that is none: ARGUMENT_INVALID', () => {
    for (const url of ['localhost:80', 'ftp://log.example', 'http://log.example/?x=1', '']) {
      assert.throws(
        () => new HttpTransport(url),
        (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
      );
    }
  });
});
