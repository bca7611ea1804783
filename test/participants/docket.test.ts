import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Statement } from '../../src/chain/index.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { Docket, DocketFile } from '../../src/participants/appraiser/index.ts';
import { Retries } from '../../src/participants/appraiser/retries.ts';

const ME = 'did:web:verifier.example';
const digest = (n: number) => new Uint8Array(32).fill(n);
const statement = (kind: string, body: object, issuer = 'did:web:other.example') =>
  ({ issuer, chain: { kind }, body }) as unknown as Statement;
const attest = (room: string, n: number) => statement('cleanroom.attest', { id: room, evidence: digest(n) });
const publish = (kind: string) => statement(kind, { id: 'a' });
const revoke = (reason: string) => statement('key.revoke', { reason });

function read(docket: Docket, ...statements: (Statement | null)[]): Docket {
  for (const each of statements) docket.read(docket.next, each);
  return docket;
}
const pending = (docket: Docket) => docket.pending.map(({ cleanroom, entry }) => [cleanroom, entry]);

describe('a docket', () => {
  test('has what was listed, once, until it is settled; and all of it again when something is published', () => {
    const docket = read(new Docket(ME), null, attest('r1', 1), attest('r2', 1), attest('r1', 1), null);
    assert.deepEqual(pending(docket), [
      ['r1', 1],
      ['r2', 2],
    ]);
    const [first, second] = docket.pending;
    docket.settle(first!);
    docket.drop(second!);
    assert.deepEqual(pending(docket), []);
    for (const kind of ['anchors.publish', 'appraisal-policy.publish']) {
      read(docket, publish(kind));
      assert.deepEqual(pending(docket), [['r1', 1]], kind);
      docket.settle(docket.pending[0]!);
    }
    assert.deepEqual(docket.anchors, ['a']);
    read(docket, revoke('rotation'));
    assert.deepEqual(pending(docket), []);
    read(docket, revoke('compromise'));
    assert.deepEqual(pending(docket), [['r1', 1]]);
  });

  test('takes entries in order only', () => {
    assert.throws(() => new Docket(ME).read(1, null), { code: 'INTERNAL' });
  });

  test('is the same after it was kept, wherever it was stopped', () => {
    const entry = fc.oneof(
      fc.constant(null),
      fc.tuple(fc.constantFrom('r1', 'r2'), fc.nat(3)).map(([room, n]) => attest(room, n)),
      fc.constantFrom('rotation', 'compromise').map(revoke),
      fc.constantFrom('anchors.publish', 'appraisal-policy.publish').map(publish),
    );
    fc.assert(
      fc.property(fc.array(entry), fc.nat(), (entries, cut) => {
        const at = cut % (entries.length + 1);
        const before = read(new Docket(ME), ...entries.slice(0, at));
        const kept = Docket.fromJson(ME, JSON.parse(JSON.stringify(before.toJson())));
        assert.deepEqual(
          read(kept, ...entries.slice(at)).toJson(),
          read(new Docket(ME), ...entries).toJson(),
        );
      }),
    );
  });
});

describe('a docket on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-docket-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const trust = { origin: 'log.example/a', genesis: digest(1) };
  const path = join(folder, 'deep', 'docket');

  test('is read as it was written, by its verifier and for its log', async () => {
    const file = new DocketFile(path, trust);
    assert.equal((await file.read(ME)).next, 0);
    const docket = read(new Docket(ME), attest('r', 1));
    await file.write(docket);
    assert.deepEqual((await file.read(ME)).toJson(), docket.toJson());
    await assert.rejects(file.read('did:web:other.example'), { code: 'CONFIG_INVALID' });
    const other = new DocketFile(path, { ...trust, origin: 'log.example/b' });
    await assert.rejects(other.read(ME), { code: 'ORIGIN_MISMATCH' });
  });

  test('what is damaged is not gone on with', async () => {
    const file = new DocketFile(path, trust);
    for (const text of ['', '{', '[]', 'null', '{"v":1}', utf8('\u{1F600}').join()]) {
      writeFileSync(path, text);
      await assert.rejects(file.read(ME), (error: { code: string }) => error.code !== undefined, text);
    }
  });
});

test('retries come ever more seldom, and end when it works', () => {
  let now = 0;
  const retries = new Retries(() => now);
  const item = read(new Docket(ME), attest('r', 1)).pending[0]!;
  assert.equal(retries.next, undefined);
  assert.equal(retries.isTime(item), true);
  const delays = Array.from({ length: 14 }, () => {
    retries.failed(item);
    assert.equal(retries.isTime(item), false);
    const delay = retries.next!;
    now += delay;
    assert.equal(retries.isTime(item), true);
    return delay;
  });
  assert.deepEqual(delays.slice(0, 4), [1000, 2000, 4000, 8000]);
  assert.equal(delays.at(-1), 600_000);
  retries.done(item);
  assert.equal(retries.next, undefined);
});
