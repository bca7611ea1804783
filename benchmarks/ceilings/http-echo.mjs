/** A bare fastify server that has one answer of 8 KiB, as large as a tile. Prints its port. */
import Fastify from 'fastify';

const app = Fastify({ logger: false });
const tile = Buffer.alloc(8192, 7);
app.addContentTypeParser('application/cose', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
app.get('/tile', async (_request, reply) => reply.type('application/octet-stream').send(tile));
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${app.server.address().port}\n`);
process.on('SIGTERM', () => process.exit(0));
