/** What a clean room is put together from, each by itself. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { MODEL } from '../../../src/chain/records/model.ts';
import { concat, toBase64url, utf8 } from '../../../src/core/bytes.ts';
import { mountBase, openBase, sealedBase } from '../../../src/participants/cleanroom/base-model.ts';
import { modelStatedIn, openDelivery, sealDelivery } from '../../../src/participants/cleanroom/delivery.ts';
import { Journal } from '../../../src/participants/cleanroom/journal.ts';
import { KmsClient } from '../../../src/participants/cleanroom/kms-client.ts';
import { clearTheWayOut, leave } from '../../../src/participants/cleanroom/leaving.ts';
import { packOutputs, unpackOutputs } from '../../../src/participants/cleanroom/output-files.ts';
import { commitmentTo } from '../../../src/participants/cleanroom/planned.ts';
import { SealedFolder } from '../../../src/participants/cleanroom/sealed-folder.ts';
import { openSimulator } from '../../../src/participants/cleanroom/simulator-file.ts';
import type { Site } from '../../../src/participants/cleanroom/site.ts';
import { keepAnswer, packAnswers, unpackAnswers } from '../../../src/participants/gate-answers.ts';
import { generateUnwrappingKey } from '../../../src/participants/key-wrap.ts';
import { seal } from '../../../src/participants/sealed-file.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../../core/mangle.ts';

const folder = mkdtempSync(join(tmpdir(), 'aichain-room-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;
const file = (name: string, text: string) => ({ name, bytes: utf8(text) });

test('outputs are packed and unpacked; whatever is damaged is refused', () => {
  const files = [file('a.safetensors', 'weights'), file('b.json', ''), file('c', 'x')];
  const packed = packOutputs(crypto, files);
  assert.deepEqual(unpackOutputs(crypto, packed), files);
  assert.deepEqual(unpackOutputs(crypto, packOutputs(crypto, [])), []);
  for (const bytes of mangled(packed)) {
    const found = outcome(() => unpackOutputs(crypto, bytes));
    // The names are bound by what seals them; of a damaged one there is nothing to compare it with here.
    if ('code' in found) assert.equal(found.code, 'MODEL_MALFORMED');
    else
      assert.deepEqual(
        found.value.map(({ bytes: content }) => content),
        files.map((each) => each.bytes),
      );
  }
  for (const name of ['', '../a', 'a/b', '.hidden', 'ü', 'x'.repeat(129)]) {
    assert.throws(() => packOutputs(crypto, [file(name, '')]), { code: 'ARGUMENT_INVALID' }, name);
  }
  assert.throws(() => packOutputs(crypto, [file('a', '1'), file('a', '2')]), { code: 'ARGUMENT_INVALID' });
});

test('a delivery opens for its addressee, as the model that it is, and for nobody else', async () => {
  const [mine, other] = [await generateUnwrappingKey('X25519'), await generateUnwrappingKey('X25519')];
  const addressee = {
    log: 'log.example/x',
    model: 'urn:depa:model:log.example/x:m',
    to: 'did:web:tdc.example',
  };
  const files = [file('model.safetensors', 'weights')];
  const delivery = await sealDelivery(crypto, addressee, mine.listed, files);
  assert.deepEqual(await openDelivery(crypto, addressee, mine, delivery), files);
  await assert.rejects(openDelivery(crypto, addressee, other, delivery), { code: 'WRAPPED_KEY_INVALID' });
  for (const change of [{ log: 'log.example/y' }, { model: 'm' }, { to: 'did:web:somebody.example' }]) {
    const else_ = { ...addressee, ...change };
    await assert.rejects(openDelivery(crypto, else_, mine, delivery), { code: 'WRAPPED_KEY_INVALID' });
  }
  assert.equal(await modelStatedIn(delivery.sealed), addressee.model);
  // One file, of which every byte is what the ledger has the digest of; and without that, of what it is made of.
  for (const [i, sealed] of [...mangled(delivery.sealed)].entries()) {
    await assert.rejects(openDelivery(crypto, addressee, mine, { ...delivery, sealed }), {
      code: 'SEALED_FILE_INVALID',
    });
    if (i % 200 !== 0) continue;
    const renamed = { sealed, ciphertext: crypto.sha256(sealed) };
    await assert.rejects(openDelivery(crypto, addressee, mine, renamed), (error: { code?: string }) =>
      ['SEALED_FILE_INVALID', 'WRAPPED_KEY_INVALID'].includes(error.code!),
    );
  }
  const altered = { ...delivery, sealed: Uint8Array.from(delivery.sealed) };
  altered.sealed[altered.sealed.length - 1]! ^= 1;
  await assert.rejects(openDelivery(crypto, addressee, mine, altered), { code: 'SEALED_FILE_INVALID' });
  const swapped = { ...altered, ciphertext: crypto.sha256(altered.sealed) };
  await assert.rejects(openDelivery(crypto, addressee, mine, swapped), { code: 'SEALED_FILE_INVALID' });
});

test('the commitment is to pipeline, supplement and salt together', () => {
  const [pipeline, supplement, salt] = [utf8('{"pipeline":[]}'), utf8('{}'), new Uint8Array(32)];
  const all = [
    commitmentTo(crypto, { pipeline, salt }),
    commitmentTo(crypto, { pipeline, supplement, salt }),
    commitmentTo(crypto, { pipeline: supplement, supplement: pipeline, salt }),
    commitmentTo(crypto, { pipeline, supplement, salt: new Uint8Array(32).fill(1) }),
  ];
  // As an import of DEPA's files makes it.
  assert.deepEqual(all[0], crypto.sha256(concat(salt, pipeline)));
  assert.equal(new Set(all.map(toBase64url)).size, all.length);
});

test('encrypted files are found by what they say that they are of', async () => {
  const data = join(folder, 'data');
  mkdirSync(join(data, 'inner'), { recursive: true });
  const sealed = async (subject: string, version: number) => {
    const parts: Uint8Array[] = [];
    const of = { subject, version, dataKeyId: 'k' };
    for await (const part of seal(new Uint8Array(32), of, [utf8('rows')])) parts.push(part);
    return concat(...parts);
  };
  const one = await sealed('urn:depa:dataset:x:1', 1);
  writeFileSync(join(data, 'any name'), one);
  writeFileSync(join(data, 'README'), 'not encrypted');
  const found = await SealedFolder.open(data);
  assert.deepEqual(Uint8Array.from(await found.read('urn:depa:dataset:x:1', 1)), one);
  await assert.rejects(found.read('urn:depa:dataset:x:1', 2), { code: 'ARGUMENT_INVALID' });
  writeFileSync(join(data, 'another'), await sealed('urn:depa:dataset:x:1', 1));
  await assert.rejects(SealedFolder.open(data), { code: 'ARGUMENT_INVALID' });
  await assert.rejects(SealedFolder.open(join(data, 'README')), { code: 'ARGUMENT_INVALID' });
});

test('a journal remembers one room of one log', () => {
  const path = join(folder, 'work', 'room.json');
  const journal = new Journal(path, 'log.example/x');
  assert.equal(journal.left, undefined);
  journal.begin('urn:depa:cleanroom:x:1');
  assert.equal(new Journal(path, 'log.example/x').left, 'urn:depa:cleanroom:x:1');
  assert.throws(() => new Journal(path, 'log.example/y').left, { code: 'ORIGIN_MISMATCH' });
  for (const bytes of mangled(Uint8Array.from(readFileSync(path)))) {
    writeFileSync(path, bytes);
    const found = outcome(() => journal.left);
    if ('code' in found) assert(['CONFIG_INVALID', 'ORIGIN_MISMATCH'].includes(found.code));
  }
  journal.end();
  assert.equal(journal.left, undefined);
});

test('what is no simulator is told so', () => {
  const path = join(folder, 'simulator');
  for (const text of [
    '',
    '{}',
    '{"v":2}',
    '{"v":1,"root":"AA","intermediate":"AA","signatures":{},"chip":"AA"}',
  ]) {
    writeFileSync(path, text);
    assert.throws(() => openSimulator(crypto, path), { code: 'CONFIG_INVALID' }, text);
  }
});

test('a KMS is asked, and believed nothing', async () => {
  let answer: RequestListener = () => {};
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new KmsClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const ask = (deadlineMs = 2000) => client.release('urn:r', signal, deadlineMs);
  const json = (status: number, body: unknown, type = 'application/json'): RequestListener => {
    return (_, response) => response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
  };
  try {
    answer = async (request, response) => {
      assert.deepEqual([request.method, request.url], ['POST', '/v1/releases']);
      assert.deepEqual(JSON.parse((await request.toArray()).join('')), { release: 'urn:r' });
      json(200, { release: 'urn:r', wrapped: toBase64url(utf8('key')) })(request, response);
    };
    assert.deepEqual(await ask(), utf8('key'));
    const problem = { code: 'BUDGET_EXHAUSTED', detail: 'no ε is left' };
    answer = json(403, problem, 'application/problem+json');
    await assert.rejects(ask(), { code: 'BUDGET_EXHAUSTED', message: 'no ε is left' });
    for (const body of [
      ...[{ release: 'urn:other', wrapped: 'AA' }, { release: 'urn:r' }, { release: 'urn:r', wrapped: '!' }],
      ...[null, [], 'text', { release: 'urn:r', wrapped: 'A'.repeat(8192) }],
    ]) {
      answer = json(200, body);
      await assert.rejects(ask(), { code: 'RESPONSE_MALFORMED' }, JSON.stringify(body));
    }
    // What passes is asked again, as long as there is time.
    let times = 0;
    answer = (request, response) => {
      times += 1;
      const body = times < 3 ? { code: 'UNAVAILABLE' } : { release: 'urn:r', wrapped: '' };
      json(times < 3 ? 503 : 200, body, 'application/problem+json')(request, response);
    };
    assert.deepEqual(await ask(), new Uint8Array(0));
    answer = () => {};
    await assert.rejects(ask(200), { code: 'DEADLINE_EXCEEDED' });
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
  await assert.rejects(new KmsClient('http://127.0.0.1:9').release('urn:r', signal, 300), {
    code: 'UNAVAILABLE',
  });
  assert.throws(() => new KmsClient('ftp://kms.example'), { code: 'ARGUMENT_INVALID' });
});

test('what leaves a room is declared, or nothing leaves', async () => {
  const files = [file('m.safetensors', 'weights'), file('log.json', '{}')];
  const listed = files.map(({ name, bytes }) => {
    return { name, bytes, format: 'json', digest: crypto.sha256(bytes), size: bytes.length, private: true };
  });
  const sealed = utf8('sealed');
  const delivery = { sealed, ciphertext: crypto.sha256(sealed) };
  const spent = { epsilon: 0, delta: 0 };
  const run = { id: 'urn:run', outputs: listed, spent };
  const released = { model: 'urn:model', to: 'did:web:tdc.example', wrapKid: sealed, delivery };
  let out = '';
  /** Into a new folder, as if the ledger had these records. */
  const leaving = async (change: { model?: object; outputs?: readonly object[]; state?: string } = {}) => {
    const { outputs = listed, state = 'COMPLETED' } = change;
    const model = {
      run: run.id,
      ciphertext: delivery.ciphertext,
      digest: listed[0]!.digest,
      ...change.model,
    };
    const read = async (type: unknown) => (type === MODEL ? model : { outputs, state });
    await leave(out, { crypto, state: { read } } as unknown as Site, run, released);
  };
  const undeclared = async (change: Parameters<typeof leaving>[0], message: RegExp) => {
    out = mkdtempSync(join(folder, 'out-'));
    await assert.rejects(leaving(change), { code: 'OUTPUT_NOT_DECLARED', message });
    assert.deepEqual(readdirSync(out), []);
  };
  const [model, log] = listed;
  await undeclared({ outputs: [model!] }, /log\.json/);
  for (const change of [{ name: 'other.json' }, { size: 3 }, { digest: model!.digest }]) {
    await undeclared({ outputs: [model!, { ...log, ...change }] }, /log\.json/);
  }
  await undeclared({ state: 'STARTED' }, /not the one that was released/);
  for (const change of [{ run: 'urn:other' }, { ciphertext: log!.digest }, { digest: log!.digest }]) {
    await undeclared({ model: change }, /not the one that was released/);
  }

  out = join(mkdtempSync(join(folder, 'out-')), 'new');
  clearTheWayOut(out, []);
  await leaving();
  assert.deepEqual(readdirSync(out), ['model.sealed']);
  // A file that somebody has put there: the room does not begin, and if it comes later, nothing joins it.
  assert.throws(() => clearTheWayOut(out, []), { code: 'ARGUMENT_INVALID', message: /model\.sealed/ });
  out = mkdtempSync(join(folder, 'out-'));
  writeFileSync(join(out, 'rows.csv'), '1,2,3');
  await assert.rejects(leaving(), { code: 'OUTPUT_NOT_DECLARED', message: /rows\.csv/ });
  assert.deepEqual(readdirSync(out), ['rows.csv']);
  // What the room writes for itself, or a tool for it, lies elsewhere: told before anything is begun, also through a link.
  out = mkdtempSync(join(folder, 'out-'));
  const link = `${out}-link`;
  symlinkSync(out, link);
  for (const within of [
    out,
    join(out, 'work'),
    join(out, 'a', 'b'),
    join(link, 'work'),
    `${out}/../${basename(out)}`,
  ]) {
    assert.throws(() => clearTheWayOut(out, [within]), {
      code: 'ARGUMENT_INVALID',
      message: /only the model/,
    });
  }
  clearTheWayOut(join(out, 'model'), [out, `${out}-work`, join(link, '..', 'work')]);
});

test('answers of gates are one file, which is read strictly', () => {
  const bundles = [utf8('one'), utf8('')];
  const packed = packAnswers(bundles);
  assert.deepEqual(unpackAnswers(packed), bundles);
  for (const bytes of mangled(packed)) {
    const found = outcome(() => unpackAnswers(bytes));
    if ('code' in found) assert.equal(found.code, 'BUNDLE_MALFORMED');
  }
  // No answer of a gate: nothing is written by the name that it gives itself.
  assert.throws(() => keepAnswer(folder, 1, utf8('one')), { code: 'BUNDLE_MALFORMED' });
});

test('a base model is the registered one: open to all, or sealed with a key that was released', async () => {
  const [id, model] = ['urn:depa:model:x:base', utf8('weights')];
  const digest = crypto.sha256(model);
  const site = (record: object | undefined) =>
    ({ crypto, state: { read: async () => record } }) as unknown as Site;
  const open = { digest, format: 'safetensors' };
  const contract = { baseModel: id };
  const mounted = await mountBase(site(open), contract, model);
  assert.deepEqual(await openBase(site(open), mounted, []), model);
  await assert.rejects(mountBase(site(open), contract, utf8('other')), { code: 'MOUNT_DIGEST_MISMATCH' });
  await assert.rejects(mountBase(site(open), {}, model), { code: 'ARGUMENT_INVALID' });
  await assert.rejects(mountBase(site(undefined), contract, model), { code: 'ARGUMENT_INVALID' });
  const onnx = { ...open, format: 'onnx' };
  await assert.rejects(mountBase(site(onnx), contract, model), { code: 'FORMAT_NOT_SUPPORTED' });

  const key = crypto.randomBytes(32);
  const secret = { ...open, kms: { did: 'did:web:kms.example', dataKeyId: 'k' } };
  const sealed = async (subject: string, bytes: Uint8Array) => {
    const parts: Uint8Array[] = [];
    for await (const part of seal(key, sealedBase(subject, 'k'), [bytes])) parts.push(part);
    return concat(...parts);
  };
  const released = [{ subject: id, version: undefined, dataKeyId: 'k', key }];
  const opened = async (bytes: Uint8Array, keys = released) => {
    const file = await sealed(id, bytes);
    return openBase(site(secret), await mountBase(site(secret), contract, file), keys);
  };
  assert.deepEqual(await opened(model), model);
  await assert.rejects(opened(utf8('other')), { code: 'MOUNT_DIGEST_MISMATCH' });
  await assert.rejects(opened(model, []), { code: 'MOUNT_NOT_KEYED' });
  const elses = await sealed('urn:depa:model:x:other', model);
  await assert.rejects(mountBase(site(secret), contract, elses), { code: 'MOUNT_DIGEST_MISMATCH' });
  await assert.rejects(mountBase(site(secret), contract, model), { code: 'SEALED_FILE_INVALID' });
});
