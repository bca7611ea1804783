/**
 * A bare fastify server whose answers have 8 KiB, as tiles do, with the headers of its argument (JSON). Each is of other bytes than the one
 * before, as those of a log are: one that is always the same stays in the processor's cache, and is sent in a microsecond less. Prints its port.
 */
import { randomBytes } from 'node:crypto';
import Fastify from 'fastify';

const app = Fastify({ logger: false });
const tiles = Array.from({ length: 256 }, () => randomBytes(8192));
let next = 0;
const tile = () => tiles[next++ % tiles.length];
const headers = JSON.parse(process.argv[2] ?? 'null');
app.addContentTypeParser('application/cose', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
if (headers) app.get('/tile', async (_request, reply) => reply.headers(headers).send(tile()));
else app.get('/tile', async (_request, reply) => reply.type('application/octet-stream').send(tile()));
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${app.server.address().port}\n`);
process.on('SIGTERM', () => process.exit(0));
