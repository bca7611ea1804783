import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { toBase64url, utf8 } from '../../src/core/bytes.ts';
import { encode, Tagged } from '../../src/core/cbor.ts';
import { LedgerError } from '../../src/core/errors.ts';
import { decodeProblemDetails } from '../../src/cose/index.ts';
import { createHttpServer, type HttpServer } from '../../src/http/index.ts';
import { Limits } from '../../src/service/limits.ts';
import type { ObservedRequest } from '../../src/service/surface.ts';
import { processorTimer } from '../core/processor-time.ts';
import { FakeLedger } from '../service/fake-ledger.ts';

const COSE = 'application/cose';
const PROBLEM = 'application/problem+json; charset=utf-8';
const CBOR_PROBLEM = 'application/concise-problem-details+cbor';

describe('HTTP', () => {
  const ledger = new FakeLedger();
  const limits = new Limits({
    requests: null,
    statements: null,
    statementBytes: 4096,
    batchStatements: 8,
    facts: 4,
    pageEntries: 3,
    deadline: 1500,
  });
  const observed: ObservedRequest[] = [];
  let server: HttpServer;
  let base: string;
  let port: number;

  before(async () => {
    server = await createHttpServer({
      ledger,
      limits,
      observer: { observe: (request) => observed.push(request) },
      metrics: { contentType: 'text/plain; version=0.0.4', metrics: async () => 'up 1\n' },
    });
    port = await server.listen('127.0.0.1', 0);
    base = `http://127.0.0.1:${port}`;
  });
  after(() => server.close(1000));

  const post = (path: string, body: Uint8Array | string, type: string) =>
    fetch(base + path, { method: 'POST', body: body as string, headers: { 'content-type': type } });
  const json = async (path: string, body?: unknown) => {
    const response =
      body === undefined
        ? await fetch(base + path)
        : await post(path, JSON.stringify(body), 'application/json');
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  /** What went wrong, in whichever format the surface has. */
  async function refusal(response: Response) {
    const type = response.headers.get('content-type');
    const code = response.headers.get('aichain-code');
    const retry = response.headers.get('retry-after');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    if (type === CBOR_PROBLEM) {
      const { title, detail } = decodeProblemDetails(new Uint8Array(await response.arrayBuffer()));
      assert.ok(detail?.startsWith(`${code}: `));
      return { status: response.status, code, title, ...(retry ? { retry } : {}) };
    }
    assert.equal(type, PROBLEM);
    const body = (await response.json()) as { code: string; status: number };
    assert.equal(body.code, code);
    assert.equal(body.status, response.status);
    return { status: response.status, code, ...(retry ? { retry } : {}) };
  }

  describe('SCRAPI', () => {
    test('registers a statement under both media types, and again', async () => {
      const response = await post('/entries', 'one', COSE);
      assert.equal(response.status, 201);
      assert.equal(response.headers.get('content-type'), 'application/scitt-receipt+cose');
      const location = response.headers.get('location')!;
      assert.match(location, /^\/entries\/[A-Za-z0-9_-]{43}$/);
      const receipt = await response.arrayBuffer();
      const again = await post('/entries', 'one', 'application/scitt-statement+cose; cose-type="cose-sign1"');
      assert.equal(again.status, 201);
      assert.equal(again.headers.get('location'), location);
      assert.deepEqual(await again.arrayBuffer(), receipt);
      const fetched = await fetch(base + location);
      assert.equal(fetched.status, 200);
      assert.equal(fetched.headers.get('content-type'), 'application/scitt-receipt+cose');
      assert.deepEqual(await fetched.arrayBuffer(), receipt);
      assert.equal(ledger.callers[0]?.client, '127.0.0.1');
      assert.equal(ledger.callers[0]?.signal instanceof AbortSignal, true);
    });

    test('refusals are concise problem details with the titles of the draft', async () => {
      const answer = async (statement: string) => refusal(await post('/entries', statement, COSE));
      for (const [code, status, title] of [
        ['ALG_NOT_ALLOWED', 400, 'Bad Signature Algorithm'],
        ['POP_MISSING', 400, 'Confirmation Missing'],
        ['KEY_REVOKED', 400, 'Rejected'],
        ['SIGNATURE_INVALID', 400, 'Rejected'],
        ['KIND_OWN_REFUSAL', 400, 'Rejected'],
        ['CBOR_MALFORMED', 400, 'Malformed request'],
        ['COSE_MALFORMED', 400, 'Malformed request'],
      ] as const) {
        assert.deepEqual(await answer(`refuse:${code}`), { status, code, title });
      }
      assert.deepEqual(await answer('refuse:LOG_OVERLOADED'), {
        status: 429,
        code: 'LOG_OVERLOADED',
        title: 'Too Many Requests',
        retry: '7',
      });
      assert.deepEqual(await answer('refuse:LOG_READ_ONLY'), {
        status: 503,
        code: 'LOG_READ_ONLY',
        title: 'Service Unavailable',
        retry: '7',
      });
      assert.deepEqual(await answer('refuse:DEFECT'), {
        status: 500,
        code: 'INTERNAL',
        title: 'Internal Server Error',
      });
      assert.deepEqual(await answer('x'.repeat(5000)), {
        status: 413,
        code: 'STATEMENT_TOO_LARGE',
        title: 'Malformed request',
      });
      assert.deepEqual(await answer(''), {
        status: 400,
        code: 'REQUEST_MALFORMED',
        title: 'Malformed request',
      });
    });

    test('a detached payload is told apart', async () => {
      const detached = encode(new Tagged(18, [encode({}), {}, null, new Uint8Array(64)]));
      const register = ledger.register;
      ledger.register = async () => {
        throw new LedgerError('COSE_MALFORMED', 'the payload has to be inline');
      };
      try {
        const response = await post('/entries', detached, COSE);
        assert.deepEqual(await refusal(response), {
          status: 400,
          code: 'COSE_MALFORMED',
          title: 'Payload Missing',
        });
      } finally {
        ledger.register = register;
      }
    });

    test('other media types are refused', async () => {
      for (const type of ['application/json', 'text/plain', 'application/cbor', 'nonsense', 'a/b; c']) {
        assert.deepEqual(await refusal(await post('/entries', '{}', type)), {
          status: 415,
          code: 'MEDIA_TYPE_UNSUPPORTED',
          title: 'Unsupported Media Type',
        });
      }
    });

    test('unknown entries and keys', async () => {
      for (const [path, title] of [
        [`/entries/${'A'.repeat(43)}`, 'Not Found'],
        ['/entries/not!base64', 'Not Found'],
        [`/.well-known/scitt-keys/${'A'.repeat(43)}`, 'No such key'],
      ] as const) {
        assert.deepEqual(await refusal(await fetch(base + path)), { status: 404, code: 'NOT_FOUND', title });
      }
    });

    test('keys', async () => {
      for (const path of ['/.well-known/scitt-keys', `/.well-known/scitt-keys/${FakeLedger.kid}`]) {
        const response = await fetch(base + path);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-type'), 'application/cbor');
      }
    });

    test('curl alone can register', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'aichain-curl-'));
      try {
        writeFileSync(join(folder, 'statement.cose'), 'from curl');
        const { stdout } = await promisify(execFile)('curl', [
          ...['-sS', '--fail', '-D', '-', '-o', join(folder, 'receipt.cose')],
          ...['-H', 'content-type: application/cose', '--data-binary', `@${join(folder, 'statement.cose')}`],
          `${base}/entries`,
        ]);
        assert.match(stdout, /^HTTP\/1\.1 201 Created/);
        assert.match(stdout, /\r\nlocation: \/entries\/[A-Za-z0-9_-]{43}\r\n/i);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });

  describe('tlog-tiles', () => {
    test('checkpoint', async () => {
      const response = await fetch(`${base}/checkpoint`);
      assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
      assert.match(response.headers.get('cache-control')!, /max-age=[1-9]$/);
      assert.equal(await response.text(), ledger.head().checkpoint);
    });

    test('tiles are immutable bytes', async () => {
      for (const path of ['tile/0/000.p/2', 'tile/entries/x001/000', 'tile/statements/000']) {
        const response = await fetch(`${base}/${path}`);
        assert.equal(response.status, 200, path);
        assert.equal(response.headers.get('content-type'), 'application/octet-stream');
        assert.match(response.headers.get('cache-control')!, /immutable/);
        assert.equal(await response.text(), path);
      }
    });

    test('every other path is 404', async () => {
      for (const path of [
        ...[
          'tile/0/001',
          'tile/0/0',
          'tile/0/0000',
          'tile/00/000',
          'tile/64/000',
          'tile/-1/000',
          'tile/0/x001',
        ],
        ...[
          'tile/0/000.p/0',
          'tile/0/000.p/256',
          'tile/0/000.p/02',
          'tile/0/000.p/2/',
          'tile/0/000.p',
          'tile/',
        ],
        ...['tile/0/000.p/2?x=1', 'tile/0/%3000.p/2', 'tile/0//000', 'tile/0/000/../000', 'tile/data/000'],
        ...[`tile/0/${'x999/'.repeat(500)}999`, 'tile', 'TILE/0/000'],
      ]) {
        const response = await fetch(`${base}/${path}`);
        assert.deepEqual(await refusal(response), { status: 404, code: 'NOT_FOUND' }, path);
      }
    });
  });

  test('a log for development says so in every answer', async () => {
    for (const path of ['/v1/log', '/checkpoint', '/.well-known/scitt-keys', '/v1/nothing', '/tile/0/999']) {
      assert.equal((await fetch(`${base}${path}`)).headers.get('aichain-simulated'), 'true', path);
    }
  });

  describe('/v1', () => {
    test('log, head and checkpoint', async () => {
      const log = await json('/v1/log');
      assert.equal(log.body.origin, ledger.origin);
      assert.equal(log.body.simulated, true);
      assert.equal(log.body.status.accepting, true);
      assert.equal(log.body.genesis, toBase64url(ledger.genesis));
      for (const path of ['/v1/head', '/v1/checkpoint']) {
        const { body, headers } = await json(path);
        assert.equal(body.size, ledger.statements.length);
        assert.equal(body.checkpoint, ledger.head().checkpoint);
        assert.equal(headers.get('cache-control'), 'no-store');
      }
    });

    test('one statement, as JSON or as it is', async () => {
      const first = await json('/v1/statements', { statement: base64('json one') });
      assert.equal(first.status, 201);
      assert.equal(first.headers.get('location'), `/v1/entries/${first.body.entryId}`);
      assert.equal(first.body.existed, false);
      const again = await post('/v1/statements', 'json one', COSE);
      assert.equal(again.status, 200);
      assert.deepEqual(await again.json(), { ...first.body, existed: true });
    });

    test('several statements, each with its own outcome', async () => {
      const { status, body } = await json('/v1/statements', {
        statements: [
          ...[base64('json two'), base64('refuse:KEY_REVOKED'), 'not base64', base64('x'.repeat(5000))],
          ...[base64('json one'), base64('refuse:RATE_LIMITED')],
        ],
      });
      assert.equal(status, 200);
      const outcomes = body.results.map(
        (result: { failure?: { code: string }; registration?: { existed: boolean } }) =>
          result.failure?.code ?? result.registration?.existed,
      );
      assert.deepEqual(outcomes, [
        false,
        'KEY_REVOKED',
        'ARGUMENT_INVALID',
        'STATEMENT_TOO_LARGE',
        true,
        'RATE_LIMITED',
      ]);
      assert.equal(body.results[5].failure.retryAfter, 7);
    });

    test('proofs: stored only where everything asked is in the path', async () => {
      const id = toBase64url((await ledger.entry({ index: 0 })).leafData);
      for (const [path, stored] of [
        ['/v1/inclusion/0', false],
        [`/v1/inclusion/${id}`, false],
        ['/v1/inclusion/0/2', true],
        ['/v1/consistency/1', false],
        ['/v1/consistency/1/2', true],
        ['/v1/entries/0/effect', false],
        [`/v1/entries/${id}/effect`, false],
        ['/v1/entries?start=0&count=2', false],
        ['/v1/entries/0', true],
        [`/v1/entries/${id}`, true],
      ] as const) {
        const { status, headers } = await json(path);
        assert.equal(status, 200, path);
        assert.equal(headers.get('cache-control') !== 'no-store', stored, path);
      }
      const inclusion = await json('/v1/inclusion/0/2');
      assert.equal(inclusion.body.head.size, 2);
      assert.equal(inclusion.body.path.length, 2);
      assert.equal((await json('/v1/entries/2')).body.statement, null);
      assert.equal((await json('/v1/entries?count=1000')).body.entries.length, 3);
      assert.deepEqual((await json('/v1/entries?count=0')).body.entries, []);
      assert.equal((await json('/v1/entries/0/effect')).body.verdictCount, 1);
    });

    test('facts', async () => {
      const { status, body, headers } = await json('/v1/facts', {
        keys: [base64('a'), base64('b')],
        size: 1,
      });
      assert.equal(status, 200);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(body.facts[1].value, null);
      assert.equal(body.head.size, 1);
    });

    test('what is missing, malformed or out of range', async () => {
      const long = '9'.repeat(400);
      for (const [path, status, code] of [
        ['/v1/entries/99', 404, 'NOT_FOUND'],
        ['/v1/inclusion/0/999', 404, 'SIZE_NOT_AVAILABLE'],
        ['/v1/consistency/0', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries/-1', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries/01', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries/1e1', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries/0x1', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries/%31', 200, null],
        ['/v1/entries/9999999999999999', 400, 'ARGUMENT_INVALID'],
        [`/v1/entries/${'_'.repeat(43)}`, 400, 'ARGUMENT_INVALID'],
        [`/v1/entries/${long}`, 404, 'NOT_FOUND'],
        ['/v1/entries/__proto__', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries?start=a', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries?start=1&start=2', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries?other=1', 400, 'ARGUMENT_INVALID'],
        ['/v1/entries?__proto__=1', 400, 'ARGUMENT_INVALID'],
        ['/v1/%', 400, 'REQUEST_MALFORMED'],
        ['/v1/%ff', 400, 'REQUEST_MALFORMED'],
        ['/v1/%00', 404, 'NOT_FOUND'],
        ['/v1/constructor', 404, 'NOT_FOUND'],
        ['/__proto__', 404, 'NOT_FOUND'],
        ['//', 404, 'NOT_FOUND'],
        [`/${'a/'.repeat(7000)}`, 404, 'NOT_FOUND'],
      ] as const) {
        const response = await fetch(base + path);
        if (code === null) assert.equal(response.status, status, path);
        else assert.deepEqual(await refusal(response), { status, code }, path.slice(0, 60));
      }
    });

    test('bodies of every wrong kind', async () => {
      const deep = '['.repeat(500_000);
      for (const [path, body, status, code] of [
        ['/v1/facts', '{', 400, 'REQUEST_MALFORMED'],
        ['/v1/facts', '', 400, 'REQUEST_MALFORMED'],
        ['/v1/facts', '[]', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', 'null', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '1', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":[]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":[""]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":[1]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":"YQ=="}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YR=="]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ"]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ==","YQ==","YQ==","YQ==","YQ=="]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ=="],"size":"1"}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ=="],"size":1.5}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ=="],"size":-1}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ=="],"more":1}', 400, 'ARGUMENT_INVALID'],
        ['/v1/facts', '{"keys":["YQ=="],"__proto__":{"size":1}}', 400, 'REQUEST_MALFORMED'],
        ['/v1/facts', '{"keys":["YQ=="],"constructor":{"prototype":{}}}', 400, 'REQUEST_MALFORMED'],
        ['/v1/facts', deep, 400, 'REQUEST_MALFORMED'],
        ['/v1/facts', `${deep}${']'.repeat(500_000)}`, 400, 'REQUEST_MALFORMED'],
        ['/v1/facts', ' '.repeat(3 << 20), 413, 'REQUEST_TOO_LARGE'],
        ['/v1/statements', '{}', 400, 'ARGUMENT_INVALID'],
        ['/v1/statements', '{"statement":"YQ==","statements":["YQ=="]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/statements', '{"statement":1}', 400, 'ARGUMENT_INVALID'],
        ['/v1/statements', '{"statement":"*"}', 400, 'ARGUMENT_INVALID'],
        ['/v1/statements', '{"statements":[]}', 400, 'ARGUMENT_INVALID'],
        ['/v1/statements', `{"statements":[${'[],'.repeat(300_000)}[]]}`, 400, 'ARGUMENT_INVALID'],
        ['/v1/statements', `{"statement":"${base64('x'.repeat(5000))}"}`, 413, 'STATEMENT_TOO_LARGE'],
      ] as const) {
        const taken = processorTimer();
        const response = await post(path, body, 'application/json');
        assert.deepEqual(await refusal(response), { status, code }, `${path} ${body.slice(0, 60)}`);
        assert.ok(taken() < 1000, `${path}: ${taken()} ms`);
      }
      for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x']) {
        assert.deepEqual(await refusal(await post('/v1/statements', '{}', type)), {
          status: 415,
          code: 'MEDIA_TYPE_UNSUPPORTED',
        });
      }
      assert.deepEqual(await refusal(await post('/v1/statements', '', COSE)), {
        status: 400,
        code: 'REQUEST_MALFORMED',
      });
    });

    test('the OpenAPI document and its page', async () => {
      const { body } = await json('/v1/openapi.json');
      assert.equal(body.openapi, '3.1.0');
      assert.deepEqual(Object.keys(body.paths).sort(), [
        '/v1/checkpoint',
        '/v1/consistency/{from}',
        '/v1/consistency/{from}/{to}',
        '/v1/contracts',
        '/v1/datasets',
        '/v1/entries',
        '/v1/entries/{entry}',
        '/v1/entries/{entry}/effect',
        '/v1/facts',
        '/v1/gates/budget.spend',
        '/v1/gates/cleanroom.deploy',
        '/v1/gates/contract.activate',
        '/v1/gates/dataset.register',
        '/v1/gates/key.release',
        '/v1/gates/model.release',
        '/v1/gates/payment.settle',
        '/v1/gates/run.start',
        '/v1/head',
        '/v1/impact',
        '/v1/inclusion/{entry}',
        '/v1/inclusion/{entry}/{size}',
        '/v1/log',
        '/v1/models',
        '/v1/statements',
        '/v1/stats',
        '/v1/timeline',
        '/v1/trace',
      ]);
      const page = await fetch(`${base}/v1/docs`);
      assert.equal(page.status, 200);
      assert.match(await page.text(), /swagger-ui/);
    });
  });

  test('a method that a resource does not have', async () => {
    for (const [method, path, allow] of [
      ['DELETE', '/entries', 'POST'],
      ['GET', '/entries', 'POST'],
      ['POST', '/checkpoint', 'GET, HEAD'],
      ['PUT', '/tile/0/000', 'GET, HEAD'],
      ['PATCH', '/v1/statements', 'POST'],
      ['OPTIONS', '/v1/log', 'GET, HEAD'],
    ] as const) {
      const response = await fetch(base + path, { method, ...(method === 'POST' ? { body: 'x' } : {}) });
      assert.equal(response.headers.get('allow'), allow, `${method} ${path}`);
      assert.equal((await refusal(response)).code, 'METHOD_NOT_ALLOWED');
    }
    assert.equal((await fetch(`${base}/checkpoint`, { method: 'HEAD' })).status, 200);
  });

  test('operations', async () => {
    assert.equal(await (await fetch(`${base}/healthz`)).text(), 'ok\n');
    assert.equal(await (await fetch(`${base}/metrics`)).text(), 'up 1\n');
    assert.equal((await json('/readyz')).status, 200);
    ledger.accepting = false;
    const unready = await json('/readyz');
    ledger.accepting = true;
    assert.equal(unready.status, 503);
    assert.equal(unready.body.reason, 'LOG_READ_ONLY');
  });

  test('a request that takes too long is answered, and its work told to stop', async () => {
    const first = ledger.callers.length;
    const response = await post('/entries', 'slow http', COSE);
    assert.deepEqual(await refusal(response), {
      status: 503,
      code: 'DEADLINE_EXCEEDED',
      title: 'Service Unavailable',
      retry: '1',
    });
    assert.equal(ledger.callers[first]?.signal?.aborted, true);
  });

  test('work that takes its time within the deadline is not aborted', async () => {
    const answer = post('/entries', 'slow but in time', COSE);
    await new Promise((resolve) => setTimeout(resolve, 150));
    ledger.release();
    assert.equal((await answer).status, 201);
  });

  test('a client that goes away aborts its work', async () => {
    const first = ledger.callers.length;
    const gone = new AbortController();
    const request = fetch(`${base}/entries`, {
      method: 'POST',
      body: 'slow and gone',
      headers: { 'content-type': COSE },
      signal: gone.signal,
    }).catch(() => {});
    while (ledger.callers.length === first) await new Promise((resolve) => setTimeout(resolve, 5));
    gone.abort();
    await request;
    const { signal } = ledger.callers[first]!;
    for (let i = 0; i < 2500 && !signal!.aborted; i++) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(signal?.aborted, true);
  });

  test('a defect says nothing of itself', async () => {
    ledger.nextError = new TypeError('secret internals');
    const response = await fetch(`${base}/v1/entries/0`);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const text = await response.text();
    assert.ok(text.includes('INTERNAL') && !text.includes('secret'));
  });

  test('bytes that are no HTTP request', async () => {
    const answers = async (bytes: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk;
        });
        socket.on('error', () => resolve(text));
        socket.on('close', () => resolve(text));
      });
    for (const bytes of [
      'nonsense\r\n\r\n',
      '\u0000\u0001\u0002\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'POST /entries HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
      'POST /entries HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
      'POST /entries HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    ]) {
      assert.match(await answers(bytes), /^HTTP\/1\.1 4\d\d [\s\S]*aichain-code: REQUEST_MALFORMED/i, bytes);
    }
    const large = `GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(10_000)}\r\n`;
    assert.match(await answers(large), /^HTTP\/1\.1 431 [\s\S]*aichain-code: REQUEST_TOO_LARGE/);
    assert.match(
      await answers('PROPFIND /v1/log HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
      /^HTTP\/1\.1 40[45] /,
    );
    assert.equal((await fetch(`${base}/healthz`)).status, 200);
  });

  test('the observer sees patterns, never paths', async () => {
    observed.length = 0;
    await fetch(`${base}/v1/entries/0`);
    await fetch(`${base}/nothing/here`);
    await fetch(`${base}/v1/%ff`);
    for (let i = 0; i < 500 && observed.length < 3; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(
      observed.map(({ operation, status, code }) => [operation, status, code]),
      [
        ['GET /v1/entries/:entry', 200, null],
        ['GET *', 404, 'NOT_FOUND'],
        ['GET *', 400, 'REQUEST_MALFORMED'],
      ],
    );
  });

  test('security headers', async () => {
    const { headers } = await fetch(`${base}/checkpoint`);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.match(headers.get('content-security-policy')!, /default-src 'none'/);
    assert.equal(headers.get('strict-transport-security'), null);
  });
});

test('the rate limit answers 429 and when to come back, for each client', async () => {
  const limits = new Limits({
    requests: { points: 3, seconds: 60 },
    statements: { points: 2, seconds: 60 },
    statementBytes: 64,
  });
  const { app, close } = await createHttpServer({ ledger: new FakeLedger(), limits, trustProxy: true });
  const from = (client: string, path = '/checkpoint') =>
    app.inject({ path, headers: { 'x-forwarded-for': client } });
  for (let i = 0; i < 3; i++) assert.equal((await from('192.0.2.1')).statusCode, 200);
  const refused = await from('192.0.2.1');
  assert.equal(refused.statusCode, 429);
  assert.equal(refused.headers['aichain-code'], 'RATE_LIMITED');
  assert.ok(Number(refused.headers['retry-after']) > 50);
  assert.equal((await from('192.0.2.2')).statusCode, 200);
  const post = (statement: string) =>
    app.inject({
      method: 'POST',
      path: '/entries',
      payload: utf8(statement) as Buffer,
      headers: { 'content-type': COSE, 'x-forwarded-for': '192.0.2.3' },
    });
  assert.equal((await post('a')).statusCode, 201);
  assert.equal((await post('b')).statusCode, 201);
  assert.equal((await post('c')).statusCode, 429);
  await close(100);
});

test('requests that a client sends without reading are answered one after the other, a few of them wait, and it is cut off above that', async () => {
  const ledger = new FakeLedger();
  let under = 0;
  let most = 0;
  let begun = 0;
  ledger.entries = async () => {
    begun++;
    most = Math.max(most, ++under);
    await delay(10);
    under--;
    return [];
  };
  const server = await createHttpServer({ ledger, limits: new Limits() });
  const port = await server.listen('127.0.0.1', 0);
  const send = (count: number) => {
    const socket = connect(port, '127.0.0.1');
    const line = (n: number) => `GET /v1/entries?start=${n} HTTP/1.1\r\nhost: x\r\n`;
    const lines = Array.from({ length: count }, (_, n) => `${line(n)}\r\n`);
    socket.write(`${lines.join('')}${line(count)}connection: close\r\n\r\n`);
    return socket;
  };
  let text = '';
  for await (const chunk of send(20).setEncoding('latin1')) text += chunk;
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 21);
  assert.deepEqual([most, begun], [1, 21]);
  // One that leaves has no more of its requests begun.
  const leaving = send(20);
  await once(leaving, 'data');
  leaving.destroy();
  await delay(200);
  assert.ok(begun < 21 + 5, `${begun - 21} begun`);
  const before = begun;
  const many = send(1000);
  many.resume().on('error', () => {});
  await once(many, 'close');
  await delay(100);
  assert.ok(begun - before <= 2, `${begun - before} begun`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  await server.close(1000);
});
