/** Webhooks of the contract service: signatures, and an outbox that says a thing once and loses none. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { toBase64 } from '../../../src/core/bytes.ts';
import { Outbox } from '../../../src/participants/contract-service/outbox.ts';
import { Webhook } from '../../../src/participants/contract-service/webhook.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { checkWebhook, signWebhook, webhookSecret } from '../../../src/platform/webhook-signature.ts';

const NOW = 1_800_000_000_000;
const TEXT = `whsec_${toBase64(new Uint8Array(24).fill(1))}`;

describe('webhooks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-webhook-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('the signature is the one of Standard Webhooks', () => {
    // The example of the specification's own libraries.
    const secret = webhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const body = '{"test": 2432232314}';
    const headers = signWebhook(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_000, body);
    assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('whatever is changed in a request is noticed; so are those of another time', () => {
    const secret = webhookSecret(TEXT);
    const body = '{"amount":5}';
    const headers = signWebhook(secret, 'evt_1', NOW, body);
    checkWebhook(secret, { ...headers }, NOW, body);
    const two = { ...headers, 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` };
    checkWebhook(secret, two, NOW + 299_000, body);
    const refused = { code: 'UNAUTHENTICATED' };
    const check = (change: object, now = NOW, text = body) =>
      assert.throws(() => checkWebhook(secret, { ...headers, ...change }, now, text), refused);
    check({ 'webhook-id': 'evt_2' });
    check({ 'webhook-timestamp': String(NOW / 1000 + 1) });
    check({ 'webhook-signature': headers['webhook-signature'].replace('v1', 'v2') });
    check({ 'webhook-signature': undefined });
    check({}, NOW + 301_000);
    check({}, NOW - 301_000);
    for (let i = 0; i < body.length; i++) {
      check({}, NOW, `${body.slice(0, i)}${body[i] === 'x' ? 'y' : 'x'}${body.slice(i + 1)}`);
    }
    for (const text of ['whsec_', 'whsec_AAAA', TEXT.slice(6), `whsec_${'A'.repeat(200)}`]) {
      assert.throws(() => webhookSecret(text), { code: 'CONFIG_INVALID' }, text);
    }
  });

  test('a thing is said once, also after a restart; a damaged outbox is not gone on with', async () => {
    const path = join(folder, 'events');
    const outbox = await Outbox.open(crypto, path, () => NOW);
    assert(outbox.say('payment.due', ['c', 0, 'r'], { row: 0 }));
    assert(!outbox.say('payment.due', ['c', 0, 'r'], { row: 0 }));
    assert(outbox.say('payment.earned', ['c', 0, 'r'], { row: 0 }));
    const again = await Outbox.open(crypto, path, () => NOW);
    assert(!again.say('payment.earned', ['c', 0, 'r'], { row: 0 }));
    assert.deepEqual(
      (await again.after(0, 10)).map(({ sequence, type }) => [sequence, type]),
      [
        [1, 'payment.due'],
        [2, 'payment.earned'],
      ],
    );
    assert.deepEqual(await again.after(7, 10), []);
    writeFileSync(join(path, '0000000001.json'), '{"sequence":2}');
    await assert.rejects(
      Outbox.open(crypto, path, () => NOW),
      { code: 'CONFIG_INVALID' },
    );
  });

  test('a receiver that is away, or refuses, gets everything in the end, in order, and what it wants', async () => {
    const outbox = await Outbox.open(crypto, join(folder, 'sent'), () => NOW);
    const taken: string[] = [];
    let calls = 0;
    const server = createServer((incoming, response) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      incoming.on('end', () => {
        checkWebhook(webhookSecret(TEXT), incoming.headers, NOW, body);
        const refused = ++calls <= 2;
        if (!refused) taken.push(JSON.parse(body).data.n);
        // A redirect is not followed.
        response.writeHead(refused ? 302 : 204, refused ? { location: '/' } : {}).end();
        if (taken.length === 2) stop.abort();
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const stop = new AbortController();
    const receiver = { name: 'bank', url, secret: TEXT, events: ['payment.'] };
    outbox.say('payment.due', [1], { n: 'first' });
    outbox.say('contract.stopped', [2], { n: 'not wanted' });
    outbox.say('payment.due', [3], { n: 'second' });
    const webhook = new Webhook({ receiver, outbox, now: () => NOW, pauseMs: 1 });
    await webhook.run(stop.signal);
    server.close();
    server.closeAllConnections();
    assert.deepEqual(taken, ['first', 'second']);
    const bad = (change: object) => () =>
      new Webhook({ receiver: { ...receiver, ...change }, outbox, now: () => NOW });
    for (const change of [{ url: 'http://bank.example/' }, { name: '../x' }, { events: ['money'] }]) {
      assert.throws(bad(change), { code: 'CONFIG_INVALID' });
    }
  });
});
