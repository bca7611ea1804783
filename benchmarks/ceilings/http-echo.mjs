/** A bare fastify server that has one answer of 8 KiB, as large as a tile, with the headers of its argument (JSON). Prints its port. */
import Fastify from 'fastify';

const app = Fastify({ logger: false });
const tile = Buffer.alloc(8192, 7);
const headers = JSON.parse(process.argv[2] ?? 'null');
app.addContentTypeParser('application/cose', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
if (headers) app.get('/tile', async (_request, reply) => reply.headers(headers).send(tile));
else app.get('/tile', async (_request, reply) => reply.type('application/octet-stream').send(tile));
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${app.server.address().port}\n`);
process.on('SIGTERM', () => process.exit(0));
