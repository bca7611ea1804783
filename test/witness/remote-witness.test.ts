/** What a log makes of whatever a witness, or something in its place, answers over the network. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, it } from 'node:test';
import { cosigner, formatVerifierKey, openNote } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import {
  CosignedRecords,
  createWitnessServer,
  parseLogList,
  RemoteWitness,
  Witness,
} from '../../src/witness/index.ts';
import { WitnessedLog } from './witnessed-log.ts';

const log = new WitnessedLog();
const asked = { old: 0, proof: [], checkpoint: log.checkpoint(9) };
const soon = () => AbortSignal.timeout(20_000);

/** Something that answers in a witness's place. */
async function answering<T>(
  listener: RequestListener,
  ask: (witness: RemoteWitness, url: string) => Promise<T>,
): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const witness = new RemoteWitness(url);
  try {
    return await ask(witness, url);
  } finally {
    await witness.close();
    server.closeAllConnections();
    server.close();
  }
}

describe('a witness over the network', () => {
  it('lets connections go that nothing is asked on, where they are many: one client does not keep out the log', async () => {
    const own = cosigner(crypto, 'example.com/w', crypto.generatePrivateKey('Ed25519'));
    const records = await CosignedRecords.open(crypto, memoryStorage(), own.verifierKey);
    const logs = parseLogList(`log ${formatVerifierKey(log.key)}\n`);
    const server = createWitnessServer(new Witness({ crypto, cosigner: own, logs, records }));
    const port = await server.listen('127.0.0.1', 0);
    const witness = new RemoteWitness(`http://127.0.0.1:${port}`);
    const sockets = Array.from({ length: 1024 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    try {
      // Each has asked once, is answered, and is kept.
      const answered = sockets.map(
        (socket) => new Promise((resolve) => socket.on('data', resolve).on('close', resolve)),
      );
      for (const socket of sockets) socket.write('GET /x HTTP/1.1\r\nhost: x\r\n\r\n');
      await Promise.all(answered);
      await witness.addCheckpoint(asked, soon()).catch(() => undefined);
      assert.equal((await witness.lastCosigned(log.hash(), soon())).length > 0, true);
    } finally {
      for (const socket of sockets) socket.destroy();
      await witness.close();
      await server.close();
    }
  });

  it('cosigns, conflicts, refuses, and shows what it has cosigned', async () => {
    const own = cosigner(crypto, 'example.com/w', crypto.generatePrivateKey('Ed25519'));
    const records = await CosignedRecords.open(crypto, memoryStorage(), own.verifierKey);
    const logs = parseLogList(`log ${formatVerifierKey(log.key)}\n`);
    const server = createWitnessServer(new Witness({ crypto, cosigner: own, logs, records }), '/w');
    const port = await server.listen('127.0.0.1', 0);
    const witness = new RemoteWitness(`http://127.0.0.1:${port}/w/`);
    try {
      await assert.rejects(witness.lastCosigned(log.hash(), soon()), {
        code: 'WITNESS_REFUSED',
        message: /404/,
      });
      const cosigned = await witness.addCheckpoint(asked, soon());
      assert.equal(cosigned.type, 'cosigned');
      assert.deepEqual(await witness.addCheckpoint(asked, soon()), { type: 'conflict', size: 9 });
      const next = { old: 9, proof: log.proof(9, 20), checkpoint: log.checkpoint(20) };
      assert.equal((await witness.addCheckpoint(next, soon())).type, 'cosigned');
      const bad = { ...next, old: 20, checkpoint: log.checkpoint(33) };
      await assert.rejects(witness.addCheckpoint(bad, soon()), {
        code: 'WITNESS_REFUSED',
        message: /answers 422: /,
      });
      const stranger = new WitnessedLog('example.com/stranger');
      const unknown = { old: 0, proof: [], checkpoint: stranger.checkpoint(3) };
      await assert.rejects(witness.addCheckpoint(unknown, soon()), {
        code: 'WITNESS_REFUSED',
        message: /404/,
      });
      openNote(crypto, await witness.lastCosigned(log.hash(), soon()), [own.verifierKey]);
    } finally {
      await witness.close();
      await server.close();
    }
    await assert.rejects(witness.addCheckpoint(asked, soon()), { code: 'UNAVAILABLE' });
  });

  for (const [name, code, listener] of [
    ['nonsense', 'NOTE_MALFORMED', (_, reply) => reply.end('hello\n')],
    ['nothing', 'NOTE_MALFORMED', (_, reply) => reply.end()],
    ['a conflict of no type', 'WITNESS_REFUSED', (_, reply) => reply.writeHead(409).end('9\n')],
    [
      'a conflict without a size',
      'RESPONSE_MALFORMED',
      (_, reply) => reply.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end('nine'),
    ],
    [
      'a redirection',
      'WITNESS_REFUSED',
      (_, reply) => reply.writeHead(302, { location: 'http://127.0.0.1:1' }).end(),
    ],
    ['a server error', 'UNAVAILABLE', (_, reply) => reply.writeHead(502).end()],
    ['too many requests', 'UNAVAILABLE', (_, reply) => reply.writeHead(429).end()],
    ['more than any witness has to say', 'RESPONSE_MALFORMED', (_, reply) => reply.end('x'.repeat(1 << 20))],
    ['a broken connection', 'UNAVAILABLE', (request) => request.socket.destroy()],
    [
      'half an answer',
      'UNAVAILABLE',
      (_, reply) => {
        reply.writeHead(200, { 'content-length': '100' });
        reply.write('— ');
        setTimeout(() => reply.destroy(), 20);
      },
    ],
  ] as const satisfies readonly (readonly [string, string, RequestListener])[]) {
    it(`${name} is ${code}`, async () => {
      await answering(listener, (witness) => assert.rejects(witness.addCheckpoint(asked, soon()), { code }));
    });
  }

  it('says how long it wants not to be asked, in seconds', async () => {
    for (const [header, retryAfter] of [
      ['7', 7],
      ['soon', undefined],
      ['-1', undefined],
      ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ] as const) {
      const busy: RequestListener = (_, reply) => reply.writeHead(503, { 'retry-after': header }).end();
      await answering(busy, (witness) =>
        assert.rejects(witness.addCheckpoint(asked, soon()), { code: 'UNAVAILABLE', retryAfter }),
      );
    }
  });

  it('is not waited for longer than it may take', async () => {
    const slow: RequestListener = (_, reply) => {
      reply.writeHead(200);
      const drip = setInterval(() => reply.write('—'), 20);
      reply.on('close', () => clearInterval(drip));
    };
    for (const listener of [() => {}, slow]) {
      await answering(listener, async (witness) => {
        const started = performance.now();
        await assert.rejects(witness.addCheckpoint(asked, AbortSignal.timeout(100)), {
          code: 'DEADLINE_EXCEEDED',
        });
        assert.ok(performance.now() - started < 10_000);
      });
    }
  });

  it('has an http or https URL', () => {
    for (const url of ['', 'example.com', 'ftp://example.com', 'http://x/?a', 'http://x/#a']) {
      assert.throws(() => new RemoteWitness(url), { code: 'ARGUMENT_INVALID' }, url);
    }
  });
});
