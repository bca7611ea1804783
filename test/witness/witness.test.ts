/** Every rule and status code of C2SP tlog-witness, over the real interface. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import {
  cosigner,
  formatAddCheckpoint,
  formatVerifierKey,
  noteSigner,
  openNote,
  parseCheckpoint,
  parseCosignatures,
  signNote,
  type VerifierKey,
} from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage, type Storage } from '../../src/storage/index.ts';
import { CosignedRecords, createWitnessServer, parseLogList, Witness } from '../../src/witness/index.ts';
import { mangled } from '../core/mangle.ts';
import { WitnessedLog } from './witnessed-log.ts';

const privateKey = crypto.generatePrivateKey('Ed25519');
const own = cosigner(crypto, 'example.com/witness', privateKey);
const NOW = 1_780_000_000_000;
const TEXT = 'text/plain; charset=utf-8';

async function world(
  logs: readonly WitnessedLog[],
  {
    storage = memoryStorage(),
    now = () => NOW,
    prefix = '',
  }: { storage?: Storage; now?: () => number; prefix?: string } = {},
) {
  const list = logs.map((log) => `origin ${formatVerifierKey(log.key)} ${log.origin}\n`).join('');
  const records = await CosignedRecords.open(crypto, storage, own.verifierKey);
  const witness = new Witness({ crypto, cosigner: own, logs: parseLogList(list), records, now });
  const { app } = createWitnessServer(witness, prefix);
  const post = async (body: string | Uint8Array, headers: Record<string, string> = {}) => {
    const {
      statusCode: status,
      headers: sent,
      body: text,
    } = await app.inject({
      method: 'POST',
      url: `${prefix}/add-checkpoint`,
      payload: Buffer.from(body),
      headers,
    });
    return { status, type: sent['content-type'], text };
  };
  const get = async (hash: Uint8Array) => {
    const {
      statusCode: status,
      headers,
      body: text,
    } = await app.inject(`${prefix}/${toHex(hash)}/checkpoint`);
    return { status, type: headers['content-type'], text };
  };
  return { witness, app, post, get, storage };
}

/** The timestamp of a cosignature that verifies over the checkpoint. */
function timestampOf(text: string, checkpoint: string, key: VerifierKey = own.verifierKey): number {
  parseCosignatures(text);
  return openNote(crypto, `${checkpoint}${text}`, [key]).cosignatures[0]!.timestamp;
}

describe('add-checkpoint', () => {
  it('200: cosigns the first head, then each that extends it', async () => {
    const log = new WitnessedLog();
    const { post, get } = await world([log]);
    assert.equal((await get(log.hash())).status, 404);
    let old = 0;
    for (const size of [5, 6, 8, 32, 33, 70]) {
      const { status, type, text } = await post(log.request(old, size));
      assert.deepEqual([status, type], [200, TEXT], text);
      assert.equal(timestampOf(text, log.checkpoint(size)), NOW / 1000);
      const shown = await get(log.hash());
      assert.deepEqual([shown.status, shown.type], [200, TEXT]);
      const { text: body, verified } = openNote(crypto, shown.text, [log.key, own.verifierKey]);
      assert.equal(verified.length, 2);
      assert.equal(parseCheckpoint(body).size, size);
      old = size;
    }
  });

  it('200: the empty tree, and from there any', async () => {
    const log = new WitnessedLog();
    const { post } = await world([log]);
    for (const [old, size] of [
      [0, 0],
      [0, 0],
      [0, 7],
      [7, 7],
    ] as const) {
      assert.equal((await post(log.request(old, size))).status, 200);
    }
  });

  it('200: the same size again renews the timestamp', async () => {
    const log = new WitnessedLog();
    let now = NOW;
    const { post, get } = await world([log], { now: () => now });
    await post(log.request(0, 9));
    for (const later of [1, 30, 4000]) {
      now = NOW + later * 1000;
      const { text } = await post(log.request(9, 9));
      assert.equal(timestampOf(text, log.checkpoint(9)), NOW / 1000 + later);
      assert.ok((await get(log.hash())).text.endsWith(text));
    }
    // Set back a little it stands still; far, it goes back: it cannot be kept in the future for ever.
    now = NOW + 3990 * 1000;
    assert.equal(timestampOf((await post(log.request(9, 9))).text, log.checkpoint(9)), NOW / 1000 + 4000);
    now = NOW;
    assert.equal(timestampOf((await post(log.request(9, 9))).text, log.checkpoint(9)), NOW / 1000);
  });

  it('200: any content type, or none', async () => {
    const log = new WitnessedLog();
    const { post } = await world([log]);
    assert.equal((await post(log.request(0, 3), { 'content-type': 'text/plain' })).status, 200);
    assert.equal((await post(log.request(3, 4), { 'content-type': 'application/json' })).status, 200);
    assert.equal((await post(log.request(4, 5), { 'content-type': 'x' })).status, 200);
    assert.equal((await post(log.request(5, 6))).status, 200);
  });

  it('200: signatures by others are passed over, and not kept', async () => {
    const log = new WitnessedLog();
    const { post, get } = await world([log]);
    const stranger = noteSigner(crypto, 'example.com/stranger', crypto.generatePrivateKey('Ed25519'));
    // By the same name, under another key: not known, so it says nothing.
    const namesake = noteSigner(crypto, log.origin, crypto.generatePrivateKey('Ed25519'));
    const other = cosigner(crypto, 'example.com/other', crypto.generatePrivateKey('Ed25519'));
    const text = log.text(6);
    const cosigned = { verifierKey: other.verifierKey, sign: () => other.cosign(text, 5) };
    const checkpoint = signNote(text, [stranger, namesake, log.signer, cosigned]);
    assert.equal((await post(formatAddCheckpoint({ old: 0, proof: [], checkpoint }))).status, 200);
    assert.equal((await get(log.hash())).text.split('\n— ').length - 1, 2);
  });

  it('200: each key of a log is good, and its origin may hold spaces', async () => {
    const first = new WitnessedLog('go.sum database tree', 20, 'sum.golang.org');
    const second = new WitnessedLog('go.sum database tree', 20, 'sum.golang.org/2');
    const { post } = await world([first, second]);
    assert.equal((await post(first.request(0, 4))).status, 200);
    assert.equal((await post(second.request(4, 9))).status, 200);
  });

  it('400: what is malformed', async () => {
    const log = new WitnessedLog();
    const { post } = await world([log]);
    await post(log.request(0, 5));
    const [head, rest] = [log.request(5, 9).split('\n\n')[0]!, log.checkpoint(9)];
    for (const body of [
      '',
      'old 5',
      `old 05\n\n${rest}`,
      `${head}\n${rest}`,
      `${head}\n\n`,
      `${head}\n\n${log.text(9)}`,
      `${head}\n\n${rest}x`,
      `${head}\n\n${signNote('example.com/log\nnine\n', [log.signer])}`,
      `${head}\n\n${signNote('example.com/log\n09\nAAAA\n', [log.signer])}`,
      `${head}\n\n${signNote(`example.com/log\n9\nAAAA\n`, [log.signer])}`,
      `${head}${'\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw='.repeat(64)}\n\n${rest}`,
    ]) {
      const { status, type } = await post(body);
      assert.deepEqual([status, type], [400, TEXT], body.slice(0, 60));
    }
    assert.equal((await post(log.request(5, 9))).status, 200);
  });

  it('400: an old size above the new one', async () => {
    const log = new WitnessedLog();
    const { post } = await world([log]);
    await post(log.request(0, 9));
    assert.equal((await post(log.request(9, 8))).status, 400);
    assert.equal((await post(log.request(20, 8))).status, 400);
  });

  it('403: no signature by a key of the log, or one that fails', async () => {
    const log = new WitnessedLog();
    const impostor = new WitnessedLog(); // the same origin, another key
    const { post } = await world([log]);
    assert.equal((await post(impostor.request(0, 5))).status, 403);
    const broken = log.checkpoint(5).replace('\n5\n', '\n6\n');
    assert.equal((await post(formatAddCheckpoint({ old: 0, proof: [], checkpoint: broken }))).status, 403);
    // A good line beside one that fails: somebody has tampered.
    const [bad] = log.checkpoint(6).split('\n\n')[1]!.split('\n');
    const both = `${log.checkpoint(5)}${bad}\n`;
    assert.equal((await post(formatAddCheckpoint({ old: 0, proof: [], checkpoint: both }))).status, 403);
    // A key of another listed log.
    const other = new WitnessedLog('example.com/other');
    const two = await world([log, other]);
    const crossed = signNote(log.text(5), [other.signer]);
    assert.equal(
      (await two.post(formatAddCheckpoint({ old: 0, proof: [], checkpoint: crossed }))).status,
      403,
    );
  });

  it('404: an origin that is not listed, before anything else is said about it', async () => {
    const { post, get } = await world([new WitnessedLog()]);
    const unknown = new WitnessedLog('example.com/unknown');
    assert.equal((await post(unknown.request(0, 5))).status, 404);
    assert.equal((await post(unknown.request(9, 8))).status, 404);
    assert.equal((await get(unknown.hash())).status, 404);
  });

  it('409: the old size is not the recorded one, which is the answer', async () => {
    const log = new WitnessedLog();
    const { post } = await world([log]);
    for (const [old, size, recorded] of [
      [3, 5, 0],
      [5, 5, 0],
    ] as const) {
      const { status, type, text } = await post(log.request(old, size));
      assert.deepEqual([status, type, text], [409, 'text/x.tlog.size', `${recorded}\n`]);
    }
    await post(log.request(0, 9));
    for (const [old, size] of [
      [0, 9],
      [0, 20],
      [8, 20],
      [10, 20],
      [0, 0],
      [5, 5],
      [20, 20],
    ] as const) {
      const { status, type, text } = await post(log.request(old, size));
      assert.deepEqual([status, type, text], [409, 'text/x.tlog.size', '9\n']);
    }
    // Also with a proof that does not hold: the record is looked at first.
    const noise = [new Uint8Array(32).fill(1)];
    const asked = formatAddCheckpoint({ old: 4, proof: noise, checkpoint: log.checkpoint(20) });
    assert.equal((await post(asked)).status, 409);
  });

  it('422: a bad proof, a proof from nothing, another root of the same size, a wrong empty root', async () => {
    const log = new WitnessedLog();
    const { post, get } = await world([log]);
    const noise = new Uint8Array(32).fill(1);
    const ask = async (old: number, proof: Uint8Array[], checkpoint: string) =>
      (await post(formatAddCheckpoint({ old, proof, checkpoint }))).status;
    const emptyTree = log.checkpoint(0).split('\n')[2]!;
    const wrongEmpty = signNote(`${log.origin}\n0\n${log.checkpoint(5).split('\n')[2]!}\n`, [log.signer]);
    assert.notEqual(wrongEmpty.split('\n')[2], emptyTree);
    assert.equal(await ask(0, [], wrongEmpty), 422);
    assert.equal(await ask(0, [noise], log.checkpoint(0)), 422);
    assert.equal(await ask(0, [noise], log.checkpoint(9)), 422);
    assert.equal((await get(log.hash())).status, 404, 'nothing was recorded');
    assert.equal(await ask(0, [], log.checkpoint(9)), 200);
    assert.equal(await ask(9, [], log.checkpoint(9, noise)), 422);
    assert.equal(await ask(9, [noise], log.checkpoint(9)), 422);
    assert.equal(await ask(9, [], log.checkpoint(20)), 422);
    const good = log.proof(9, 20);
    for (const bad of [[...good, noise], good.slice(1), [...good].reverse(), good.map(() => noise)]) {
      assert.equal(await ask(9, bad, log.checkpoint(20)), 422);
    }
    assert.equal(await ask(9, good, log.checkpoint(20, noise)), 422);
    assert.equal(parseCheckpoint(`${(await get(log.hash())).text.split('\n\n')[0]}\n`).size, 9);
    assert.equal(await ask(9, good, log.checkpoint(20)), 200);
  });

  it('413: more than anybody needs', async () => {
    const { post } = await world([new WitnessedLog()]);
    assert.equal((await post(`old 0\n\n${'x'.repeat(300 << 10)}`)).status, 413);
  });

  it('keeps logs apart, and answers below its prefix only', async () => {
    const [a, b] = [new WitnessedLog('example.com/a'), new WitnessedLog('example.com/b')];
    const { post, app, get } = await world([a, b], { prefix: '/w' });
    assert.equal((await post(a.request(0, 9))).status, 200);
    assert.equal((await post(b.request(0, 4))).status, 200);
    assert.equal((await post(a.request(9, 10))).status, 200);
    assert.equal((await get(b.hash())).status, 200);
    assert.equal(
      (await app.inject({ method: 'POST', url: '/add-checkpoint', payload: 'x' })).statusCode,
      404,
    );
    assert.equal((await app.inject(`/w/${toHex(a.hash()).toUpperCase()}/checkpoint`)).statusCode, 404);
    assert.equal((await app.inject('/w/add-checkpoint')).statusCode, 404);
    assert.equal((await app.inject(`/w/${'0'.repeat(65)}/checkpoint`)).statusCode, 404);
  });

  it('gives no cosignature for a mangled request, unless it means the same', async () => {
    const log = new WitnessedLog();
    const { post, witness } = await world([log]);
    await post(log.request(0, 5));
    const text = log.text(9);
    let cosigned = 0;
    for (const bytes of mangled(utf8(log.request(5, 9)))) {
      let outcome: Awaited<ReturnType<typeof witness.addCheckpoint>>;
      try {
        outcome = await witness.addCheckpoint(bytes);
      } catch (error) {
        const { code } = error as { code?: string };
        assert.ok(code !== undefined && code !== 'INTERNAL', String(error));
        continue;
      }
      if (outcome.type === 'conflict') {
        assert.equal(outcome.size, 5 + (cosigned > 0 ? 4 : 0));
        continue;
      }
      cosigned++;
      // What it has signed is the honest head, and nothing else.
      const [signature] = outcome.signatures;
      assert.deepEqual(signature, own.cosign(text, NOW / 1000));
    }
  });
});

describe('two requests at once', () => {
  it('of one old size: exactly one wins, the other learns the size', async () => {
    for (let round = 0; round < 20; round++) {
      const log = new WitnessedLog();
      const { post } = await world([log], { storage: slow(memoryStorage()) });
      await post(log.request(0, 5));
      const answers = await Promise.all([9, 12, 20, 33].map((size) => post(log.request(5, size))));
      const won = answers.filter(({ status }) => status === 200);
      assert.equal(won.length, 1, answers.map(({ status }) => status).join());
      const size = [9, 12, 20, 33][answers.indexOf(won[0]!)]!;
      for (const answer of answers) {
        if (answer !== won[0]) assert.deepEqual([answer.status, answer.text], [409, `${size}\n`]);
      }
    }
  });

  it('of one old size with two histories: exactly one is cosigned', async () => {
    for (let round = 0; round < 20; round++) {
      const log = new WitnessedLog();
      const { post } = await world([log], { storage: slow(memoryStorage()) });
      const forged = log.checkpoint(9, new Uint8Array(32).fill(round));
      const answers = await Promise.all([
        post(log.request(0, 9)),
        post(formatAddCheckpoint({ old: 0, proof: [], checkpoint: forged })),
      ]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    }
  });

  it('that renew the same head both have a cosignature', async () => {
    const log = new WitnessedLog();
    let now = NOW;
    const { post } = await world([log], { storage: slow(memoryStorage()), now: () => (now += 1000) });
    await post(log.request(0, 9));
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(log.request(9, 9))));
    for (const { status, text } of answers) {
      assert.equal(status, 200);
      timestampOf(text, log.checkpoint(9));
    }
  });

  it('within one second write once', async () => {
    const log = new WitnessedLog();
    const storage = memoryStorage();
    const { post } = await world([log], { storage });
    await post(log.request(0, 9));
    let writes = 0;
    const write = storage.write.bind(storage);
    storage.write = (...args) => {
      writes++;
      return write(...args);
    };
    for (let i = 0; i < 5; i++) assert.equal((await post(log.request(9, 9))).status, 200);
    assert.equal(writes, 0);
  });
});

describe('records', () => {
  it('of another key are not taken over', async () => {
    const storage = memoryStorage();
    await CosignedRecords.open(crypto, storage, own.verifierKey);
    await CosignedRecords.open(crypto, storage, own.verifierKey);
    const other = cosigner(crypto, 'example.com/witness', crypto.generatePrivateKey('Ed25519'));
    await assert.rejects(CosignedRecords.open(crypto, storage, other.verifierKey), {
      code: 'CONFIG_INVALID',
    });
  });

  it('that were changed on the disk are not believed', async () => {
    const log = new WitnessedLog();
    const storage = memoryStorage();
    const { post } = await world([log], { storage });
    await post(log.request(0, 9));
    const rows: [Uint8Array, Uint8Array][] = [];
    for await (const row of storage.range({ gte: utf8('c'), lt: utf8('d') })) rows.push(row);
    const [[key, row]] = rows as [[Uint8Array, Uint8Array]];
    const { WriteBatch } = await import('../../src/storage/index.ts');
    for (let at = 0; at < row.length; at += 7) {
      const damaged = Uint8Array.from(row);
      damaged[at]! ^= 1;
      await storage.write(new WriteBatch().put(key, damaged));
      const { status } = await post(log.request(9, 20));
      // What is damaged may be the log's own line, which the record does not rest on.
      if (status !== 200) assert.equal(status, 500);
      await storage.write(new WriteBatch().put(key, row));
    }
  });
});

/** The gap between reading and writing as a real disk has it. */
function slow(storage: Storage): Storage {
  const wait = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
  return {
    ...storage,
    get: async (key) => {
      const value = await storage.get(key);
      await wait();
      return value;
    },
    write: async (batch, expect) => {
      await wait();
      await storage.write(batch, expect);
      await wait();
    },
  };
}
