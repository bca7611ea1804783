/**
 * A running log, and software that others wrote or that shares no code with it: @transmute/cose verifies its receipts,
 * @auth0/cose the signatures of what it logged, Go's sumdb libraries and a reader of our own its checkpoints and tiles.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as auth0 from '@auth0/cose';
import * as transmute from '@transmute/cose';
import type { SignatureAlgorithm } from '../../src/core/crypto.ts';
import type { Member } from '../chain/world.ts';
import { Parties } from '../e2e/parties.ts';
import { type ServedLog, serveLog } from '../e2e/served-log.ts';
import { openCheckpoint, readLog, TiledLog } from './tiled-log.ts';

const run = promisify(execFile);
const GO_PROGRAM = fileURLToPath(new URL('./go', import.meta.url));
/** Where Debian's golang-golang-x-mod-dev puts the libraries. */
const DEBIAN_GOPATH = '/usr/share/gocode';
const hasGo = spawnSync('go', ['version']).status === 0;

type JsonKey = { readonly kty: string; readonly crv: string; readonly x: string; readonly y?: string };

/** A COSE key (RFC 9053 §7) as JWK. */
function jwkOf(key: ReadonlyMap<number, number | Uint8Array>): JsonKey {
  const coordinate = (label: number) => Buffer.from(key.get(label) as Uint8Array).toString('base64url');
  if (key.get(1) === 1) return { kty: 'OKP', crv: 'Ed25519', x: coordinate(-2) };
  const crv = { 1: 'P-256', 2: 'P-384' }[key.get(-1) as number]!;
  return { kty: 'EC', crv, x: coordinate(-2), y: coordinate(-3) };
}

describe('a running log and other people’s software', { timeout: 300_000 }, () => {
  let log: ServedLog;
  /** Statements in the log, by their signer. */
  const statements: { statement: Uint8Array; member: Member }[] = [];
  const checkpoints: string[] = [];

  const text = async (path: string) => (await fetch(`${log.http}${path}`)).text();
  const bytes = async (path: string) => Buffer.from(await (await fetch(`${log.http}${path}`)).arrayBuffer());

  before(async () => {
    log = await serveLog();
    const parties = new Parties(log);
    checkpoints.push(await text('/checkpoint'));
    const members: Member[] = [];
    for (const algorithm of ['ES256', 'ES384', 'Ed25519'] satisfies SignatureAlgorithm[]) {
      members.push(await parties.join(`member-${algorithm.toLowerCase()}`, ['TDC'], algorithm));
      checkpoints.push(await text('/checkpoint'));
    }
    // More than two full tiles; after each batch another tree head.
    for (const count of [1, 2, 61, 177, 253, 256, 40]) {
      const batch = Array.from({ length: count }, () => {
        const n = statements.length;
        const member = members[n % members.length]!;
        const statement = parties.world.foreign(member, {
          subject: `urn:example:${n}`,
          hashEnvelope: n % 2 === 0,
        });
        statements.push({ statement, member });
        return statement;
      });
      await parties.registerAll(batch);
      checkpoints.push(await text('/checkpoint'));
    }
  });
  after(() => log?.stop());

  /** Under the key that the log lists. */
  async function receiptVerifier() {
    const keySet = transmute.cbor.decode(await bytes('/.well-known/scitt-keys')) as Parameters<
      typeof jwkOf
    >[0][];
    assert.equal(keySet.length, 1);
    const key = { ...jwkOf(keySet[0]!), alg: 'ES256' };
    return transmute.detached.verifier({ resolver: { resolve: async () => key as never } });
  }

  const entryIdOf = (statement: Uint8Array) => createHash('sha256').update(statement).digest();

  test('@transmute/cose verifies receipts fetched over SCRAPI, given the entry id', async () => {
    const verifier = await receiptVerifier();
    const newest = openCheckpoint(await text('/checkpoint'), log.verifierKey);
    const wrong = await transmute.receipt.leaf(entryIdOf(Buffer.from('another')));
    for (const { statement } of statements.filter((_, n) => n % 10 === 0)) {
      const entryId = entryIdOf(statement);
      const receipt = transmute.cbor.toArrayBuffer(await bytes(`/entries/${entryId.toString('base64url')}`));
      const entry = await transmute.receipt.leaf(entryId);
      const root = await transmute.receipt.inclusion.verify({ entry, receipt, verifier });
      assert.deepEqual(Buffer.from(root), newest.root);
      await assert.rejects(transmute.receipt.inclusion.verify({ entry: wrong, receipt, verifier }));
    }
  });

  test('@transmute/cose verifies consistency receipts between published heads', async () => {
    const verifier = await receiptVerifier();
    const heads = checkpoints.map((note) => openCheckpoint(note, log.verifierKey));
    const newest = heads.at(-1)!;
    let checked = 0;
    for (const older of heads.slice(0, -1)) {
      // Its verifier leaves out step 2 of RFC 9162 §2.1.4.2, so that a size that is a power of two fails there.
      if (Number.isInteger(Math.log2(older.size))) continue;
      const path = `/v1/consistency/${older.size}/${newest.size}`;
      const { receipt } = JSON.parse(await text(path)) as { receipt: string };
      const verify = (oldRoot: Buffer) =>
        transmute.receipt.consistency.verify({
          oldRoot: transmute.cbor.toArrayBuffer(oldRoot),
          newRoot: transmute.cbor.toArrayBuffer(newest.root),
          receipt: transmute.cbor.toArrayBuffer(Buffer.from(receipt, 'base64')),
          verifier,
        });
      assert.equal(await verify(older.root), true);
      assert.equal(await verify(newest.root), false);
      checked++;
    }
    assert.ok(checked >= 5);
  });

  test('@auth0/cose verifies the signatures of what is served', async () => {
    const newest = openCheckpoint(await text('/checkpoint'), log.verifierKey);
    const tiles = new TiledLog(log.http, newest.size);
    const signers = new Map(
      statements.map(({ statement, member }) => [entryIdOf(statement).toString('hex'), member]),
    );
    const keys = new Map<Member, KeyObject>();
    const keyOf = (member: Member) => {
      const { algorithm, bytes: point } = member.keys[0].publicKey;
      const half = (point.length - 1) / 2;
      const part = (start: number, end: number) => Buffer.from(point.slice(start, end)).toString('base64url');
      const jwk =
        algorithm === 'Ed25519'
          ? { kty: 'OKP', crv: 'Ed25519', x: part(0, 32) }
          : {
              kty: 'EC',
              crv: algorithm === 'ES256' ? 'P-256' : 'P-384',
              x: part(1, 1 + half),
              y: part(1 + half, point.length),
            };
      return createPublicKey({ key: jwk, format: 'jwk' });
    };
    let verified = 0;
    for (let n = 0; n * 256 < newest.size; n++) {
      for (const statement of await tiles.bundle('statements', n, 4)) {
        const member = signers.get(entryIdOf(statement).toString('hex'));
        if (!member) continue;
        const key = keys.get(member) ?? keyOf(member);
        keys.set(member, key);
        const sign1 = auth0.Sign1.decode(statement);
        await sign1.verify(key);
        verified++;
      }
    }
    assert.equal(verified, statements.length);
  });

  test('a reader that shares no code with the log proves all of it over HTTP', async () => {
    const found = await readLog(log.http, log.verifierKey, checkpoints);
    assert.equal(found.origin, log.origin);
    assert.equal(found.proven, found.size);
    assert.equal(found.statements + found.stateEntries, found.size);
    // Genesis and policy, two for each of three members, and the foreign ones.
    assert.equal(found.statements, 2 + 2 * 3 + statements.length);
    assert.equal(found.consistent.length, (checkpoints.length * (checkpoints.length + 1)) / 2);
  });

  test('that reader notices what is wrong', async () => {
    const [note] = checkpoints;
    assert.throws(() => openCheckpoint(note!.replace('\n', 'x\n'), log.verifierKey));
    assert.throws(() => openCheckpoint(note!.replace(/^(.*\n)(\d+)/, '$19'), log.verifierKey), /verify/);
    const other = await serveLog();
    try {
      assert.throws(() => openCheckpoint(note!, other.verifierKey));
      await assert.rejects(readLog(other.http, log.verifierKey, []));
      await assert.rejects(readLog(other.http, other.verifierKey, [note!]));
    } finally {
      await other.stop();
    }
  });

  test('Go’s sumdb/note and tlog prove all of it over HTTP', {
    skip: !hasGo && 'Go is not installed',
  }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'aichain-go-'));
    try {
      const program = await buildReader(join(folder, 'readlog'));
      const files = checkpoints.map((note, i) => {
        const file = join(folder, `checkpoint-${i}`);
        writeFileSync(file, note);
        return file;
      });
      const { stdout } = await run(program, [log.http, log.verifierKey, ...files], { timeout: 120_000 });
      const found = JSON.parse(stdout) as object;
      t.diagnostic(stdout.trim());
      assert.deepEqual(found, await readLog(log.http, log.verifierKey, checkpoints));
      // Another key, and a checkpoint that was changed.
      await assert.rejects(run(program, [log.http, `${log.verifierKey.slice(0, -4)}AAAA`]));
      writeFileSync(files[0]!, checkpoints[0]!.replace(/^(.*\n)(\d+)/, '$19'));
      await assert.rejects(run(program, [log.http, log.verifierKey, files[0]!]), /invalid signature/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Builds the Go program: with the module that go.sum pins, or, without a way to it, with Debian's copy. */
async function buildReader(program: string): Promise<string> {
  const build = (env: NodeJS.ProcessEnv) =>
    run('go', ['build', '-o', program, '.'], {
      cwd: GO_PROGRAM,
      env: { ...process.env, ...env },
      timeout: 180_000,
    });
  try {
    await build({ GOFLAGS: '-mod=readonly -buildvcs=false' });
  } catch (error) {
    await build({ GO111MODULE: 'off', GOPATH: DEBIAN_GOPATH, GOFLAGS: '-buildvcs=false' }).catch(() => {
      throw error;
    });
  }
  return program;
}
