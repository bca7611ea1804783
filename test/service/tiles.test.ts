/** Bundles as they are handed out: what a full one holds is kept, and is what the log holds; a cut one is of its own width. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpServer } from '../../src/http/index.ts';
import { parseEntryBundle, parseStatementBundle } from '../../src/merkle/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { Limits } from '../../src/service/limits.ts';
import { crypto, foreign, joined, startedLog } from '../log/world.ts';
import { wholeTile } from './whole-tile.ts';

test('bundles hold the leaves and statements of their width, however often and in whatever width they are asked for', async () => {
  const log = await startedLog();
  try {
    const member = await joined(log);
    await Promise.all(Array.from({ length: 560 }, (_, n) => log.submit(foreign(member, n))));
    const ledger = new LedgerService(crypto, log);
    const { size } = log.head;
    const rest = size % 256;
    const last = Math.floor(size / 256);
    const widths: [path: string, first: number, count: number][] = [
      ['000', 0, 256],
      ['001', 256, 256],
      ['000.p/7', 0, 7],
      ['000', 0, 256],
      [`00${last}.p/${rest}`, last * 256, rest],
    ];
    for (const [path, first, count] of widths) {
      const records = [];
      for (let i = 0; i < count; i++) records.push(await log.record(first + i));
      assert.deepEqual(
        parseEntryBundle(await wholeTile(ledger, `tile/entries/${path}`)).map((leaf) => [...leaf]),
        records.map((record) => [...log.leafData(record)]),
      );
      assert.deepEqual(
        parseStatementBundle(await wholeTile(ledger, `tile/statements/${path}`)).map(
          (body) => body && [...body],
        ),
        records.map(({ isStateEntry, bytes }) => (isStateEntry ? null : [...bytes])),
      );
    }
    // The leaves of a full bundle have been made, and are cut to every width.
    log.run = () => assert.fail('read again');
    for (const width of [1, 7, 255]) {
      const bundle = await wholeTile(ledger, `tile/entries/000.p/${width}`);
      assert.equal(parseEntryBundle(bundle).length, width);
    }
  } finally {
    await log.close();
  }
});

test('a bundle of large statements comes in parts: whole it would have 256 MiB, for everybody who asks', async () => {
  const log = await startedLog();
  const http = await createHttpServer({ ledger: new LedgerService(crypto, log), limits: new Limits() });
  try {
    const member = await joined(log);
    // Twenty of 900 kB, and small ones before, between and behind them, up to the end of the bundle.
    for (let n = 0; log.head.size < 200; n++) {
      await log.submit(foreign(member, n, n % 4 === 0 && n < 80 ? 'x'.repeat(900_000) : undefined));
    }
    await Promise.all(Array.from({ length: 100 }, (_, n) => log.submit(foreign(member, 1000 + n))));
    const url = `http://127.0.0.1:${await http.listen('127.0.0.1', 0)}`;
    for (const [path, count] of [
      ['tile/statements/000', 256],
      ['tile/statements/000.p/150', 150],
    ] as const) {
      const records = [];
      for (let i = 0; i < count; i++) records.push(await log.record(i));
      const tile = await new LedgerService(crypto, log).tile(path);
      assert.ok(!(tile instanceof Uint8Array));
      const lengths: number[] = [];
      for await (const part of tile) lengths.push(part.length);
      assert.ok(Math.max(...lengths) < 6 << 20, `parts of ${lengths} bytes`);
      const response = await fetch(`${url}/${path}`);
      assert.equal(response.status, 200);
      const bodies = parseStatementBundle(new Uint8Array(await response.arrayBuffer()));
      assert.deepEqual(
        bodies.map((body) => body && crypto.sha256(body)),
        records.map(({ isStateEntry, bytes }) => (isStateEntry ? null : crypto.sha256(bytes))),
      );
    }
    // Who asks what there is, and for nothing of it, has nothing read but what says whether it is there.
    const { run } = log;
    let runs = 0;
    log.run = (index) => {
      runs++;
      return run.call(log, index);
    };
    const head = await fetch(`${url}/tile/statements/000`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, null]);
    await fetch(`${url}/tile/statements/999`, { method: 'HEAD' });
    assert.equal(runs, 0);
    log.run = run;
    // Who leaves in the middle is no concern of anybody else.
    const leaving = new AbortController();
    const response = await fetch(`${url}/tile/statements/000`, { signal: leaving.signal });
    await response.body!.getReader().read();
    leaving.abort();
    assert.equal((await fetch(`${url}/tile/statements/000`)).status, 200);
  } finally {
    await http.close(1000);
    await log.close();
  }
});
