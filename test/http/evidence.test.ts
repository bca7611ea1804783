/** The routes of the evidence store: what is asked before a body is read, and what is never said. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EVIDENCE } from '../../src/chain/index.ts';
import { type Bytes, equal, toBase64url, toHex, utf8 } from '../../src/core/bytes.ts';
import { EvidenceFiles } from '../../src/evidence/index.ts';
import { createHttpServer, type HttpServer } from '../../src/http/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { EvidenceAccess, EvidenceService, Limits } from '../../src/service/index.ts';
import { FakeLedger } from '../service/fake-ledger.ts';

const folder = mkdtempSync(join(tmpdir(), 'aichain-http-evidence-'));
const TOKEN = 'r'.repeat(43);
const ROOM = 'urn:depa:cleanroom:log.example/test:00000000-0000-4000-8000-000000000001';
const PIECE = utf8('a piece of evidence');
const DIGEST = crypto.sha256(PIECE);
const seen: string[] = [];
const status = { accepting: true, reason: null as string | null };
let server: HttpServer;

before(async () => {
  const key = EVIDENCE.key(ROOM, DIGEST);
  const state = { get: (asked: Bytes) => (equal(asked, key) ? new Uint8Array(1) : undefined) };
  const evidence = new EvidenceService({
    log: { snapshot: { state }, status } as never,
    files: await EvidenceFiles.open(crypto, folder, { maxBytes: 64, totalBytes: 1000 }),
    access: EvidenceAccess.parse(crypto, `read token sha256:${toHex(crypto.sha256(utf8(TOKEN)))}`),
    observe: ({ what }) => seen.push(what),
  });
  const limits = new Limits({ requests: null, evidence: { points: 30, seconds: 60 } });
  server = await createHttpServer({ ledger: new FakeLedger(), limits, evidence });
});
after(async () => {
  await server.close(100);
  rmSync(folder, { recursive: true, force: true });
});

const url = (digest = DIGEST) => `/v1/evidence/${toBase64url(digest)}`;
interface Sent {
  readonly digest?: Bytes;
  readonly room?: string;
  readonly body?: Bytes;
  readonly headers?: Record<string, string>;
}
async function put({ digest, room, body = PIECE, headers = {} }: Sent) {
  const query = room === undefined ? '' : `?cleanroom=${encodeURIComponent(room)}`;
  const type = { 'content-type': 'application/octet-stream', ...headers };
  const answer = await server.app.inject({
    ...{ method: 'PUT', url: `${url(digest)}${query}`, payload: Buffer.from(body), headers: type },
  });
  return [answer.statusCode, answer.headers['aichain-code']];
}
async function get(digest: Bytes, authorization?: string) {
  const headers = authorization === undefined ? {} : { authorization };
  return server.app.inject({ method: 'GET', url: url(digest), headers });
}

test('bytes that the log names may be stored by whoever has them, and by nobody as something else', async () => {
  assert.deepEqual(await put({}), [403, 'EVIDENCE_ACCESS_DENIED']);
  assert.deepEqual(await put({ room: `${ROOM.slice(0, -1)}2` }), [422, 'EVIDENCE_NOT_LISTED']);
  assert.deepEqual(await put({ room: 'not a urn' }), [422, 'EVIDENCE_NOT_LISTED']);
  assert.deepEqual(await put({ room: ROOM, digest: new Uint8Array(32) }), [422, 'EVIDENCE_NOT_LISTED']);
  assert.deepEqual(await put({ room: ROOM, body: utf8('other') }), [400, 'EVIDENCE_DIGEST_MISMATCH']);
  assert.deepEqual(await put({ room: ROOM, body: new Uint8Array(65) }), [413, 'REQUEST_TOO_LARGE']);
  assert.deepEqual(await put({ room: ROOM, body: new Uint8Array() }), [400, 'REQUEST_MALFORMED']);
  assert.deepEqual(await put({ room: ROOM }), [201, undefined]);
  assert.deepEqual(await put({ room: ROOM, headers: { 'content-type': 'text/plain' } }), [200, undefined]);
  assert.equal(seen.filter((what) => what === 'stored').length, 1);
});

test('a right is needed to read, and to learn whether there is anything', async () => {
  for (const digest of [DIGEST, new Uint8Array(32)]) {
    for (const authorization of [undefined, 'Bearer', `Bearer ${'x'.repeat(43)}`, `Basic ${TOKEN}`, TOKEN]) {
      const answer = await get(digest, authorization);
      assert.deepEqual([answer.statusCode, answer.headers['aichain-code']], [403, 'EVIDENCE_ACCESS_DENIED']);
    }
  }
  const found = await get(DIGEST, `Bearer ${TOKEN}`);
  assert.equal(found.statusCode, 200);
  assert.deepEqual(new Uint8Array(found.rawPayload), PIECE);
  assert.equal(found.headers['cache-control'], 'no-store');
  const missing = await get(new Uint8Array(32), `Bearer ${TOKEN}`);
  assert.deepEqual([missing.statusCode, missing.headers['aichain-code']], [404, 'EVIDENCE_NOT_FOUND']);
  assert.equal(seen.filter((what) => what === 'read').length, 1);
});

test('what is no digest names nothing', async () => {
  for (const name of ['x', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}_`]) {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await server.app.inject({ method: 'GET', url: `/v1/evidence/${name}`, headers });
    assert.equal(answer.headers['aichain-code'], 'ARGUMENT_INVALID', name);
  }
});

test('a log that takes nothing stores nothing', async () => {
  Object.assign(status, { accepting: false, reason: 'LOG_READ_ONLY' });
  assert.deepEqual(await put({ room: ROOM }), [503, 'LOG_READ_ONLY']);
  Object.assign(status, { accepting: true, reason: null });
});

test('evidence has a rate of its own', async () => {
  for (let i = 0; i < 40; i++) {
    const answer = await get(DIGEST);
    if (answer.statusCode === 429) return;
  }
  assert.fail('no limit');
});
