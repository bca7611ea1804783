/** SCRAPI with nothing but curl: what a shell script in any language's place would do. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { toBase64url } from '../../src/core/bytes.ts';
import { decode } from '../../src/core/cbor.ts';
import {
  decodeCoseKey,
  decodeReceipt,
  isEncryptionKey,
  verifyInclusionReceipt,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { Parties } from './parties.ts';
import { type ServedLog, serveLog } from './served-log.ts';

const missing = spawnSync('curl', ['--version']).error !== undefined;
if (missing && process.env.CI) throw new Error('curl is missing: scripts/ci-setup.sh installs it');

describe('SCRAPI by curl alone', { skip: missing && 'curl is not installed' }, () => {
  let log: ServedLog;
  let folder: string;
  let statement: Uint8Array;
  before(async () => {
    log = await serveLog();
    folder = mkdtempSync(join(tmpdir(), 'aichain-curl-'));
    const parties = new Parties(log);
    statement = parties.world.foreign(await parties.join('publisher'));
    writeFileSync(join(folder, 'statement.cose'), statement);
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await log.stop();
  });

  /** Runs curl in the folder; its answer's status, headers and body. */
  function curl(path: string, ...args: string[]) {
    const files = ['--dump-header', 'headers', '--output', 'body'];
    const run = spawnSync(
      'curl',
      ['--silent', '--show-error', '--max-time', '20', ...files, ...args, log.http + path],
      {
        cwd: folder,
      },
    );
    assert.equal(run.status, 0, run.stderr.toString());
    const [first, ...lines] = readFileSync(join(folder, 'headers'), 'latin1').trim().split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    return {
      status: Number(first!.split(' ')[1]),
      headers,
      body: new Uint8Array(readFileSync(join(folder, 'body'))),
    };
  }
  const post = (type: string, file: string) =>
    curl('/entries', '--header', `content-type: ${type}`, '--data-binary', `@${file}`);

  test('registers a statement, fetches its receipt, and the key that verifies it', () => {
    const created = post('application/scitt-statement+cose', 'statement.cose');
    assert.equal(created.status, 201, new TextDecoder().decode(created.body));
    assert.equal(created.headers.get('content-type'), 'application/scitt-receipt+cose');
    const entryId = nodeCrypto.sha256(statement);
    const location = created.headers.get('location')!;
    assert.ok(location.endsWith(`/entries/${toBase64url(entryId)}`), location);

    const fetched = curl(location);
    assert.equal(fetched.status, 200);
    assert.equal(fetched.headers.get('content-type'), 'application/scitt-receipt+cose');

    const keySet = curl('/.well-known/scitt-keys');
    assert.equal(keySet.status, 200);
    const [listed] = decode(keySet.body, { profile: 'definite' }) as ReadonlyMap<number, Uint8Array>[];
    const one = curl(`/.well-known/scitt-keys/${toBase64url(listed!.get(2)!)}`);
    assert.equal(one.status, 200);
    const key = decodeCoseKey(one.body);
    assert.ok(!isEncryptionKey(key));
    const publicKey = nodeCrypto.importPublicKey(key.algorithm, key.bytes);
    for (const { body } of [created, fetched]) {
      verifyInclusionReceipt(nodeCrypto, publicKey, decodeReceipt(body), entryId);
    }
  });

  test('the same statement again is no error', () => {
    const again = post('application/cose', 'statement.cose');
    assert.equal(again.status, 201);
  });

  test('a refusal is a problem in CBOR, with its reason code', () => {
    writeFileSync(join(folder, 'broken.cose'), statement.slice(0, -1));
    const refused = post('application/cose', 'broken.cose');
    assert.equal(refused.status, 400);
    assert.equal(refused.headers.get('content-type'), 'application/concise-problem-details+cbor');
    assert.equal(refused.headers.get('aichain-code'), 'CBOR_MALFORMED');
    const problem = decode(refused.body) as ReadonlyMap<number, string>;
    assert.equal(problem.get(-1), 'Malformed request');
    assert.match(problem.get(-2)!, /^CBOR_MALFORMED: /);
  });

  test('an entry that is not there', () => {
    assert.equal(curl(`/entries/${toBase64url(new Uint8Array(32))}`).status, 404);
  });
});
