/**
 * What is left of a log when the log is taken out of it: statements over a stream of grpc-js, verified in threads, written to
 * LevelDB and synced, answered with as many bytes as a receipt has, and handed out over HTTP. No tree, no state, no receipts, no
 * look-up, nothing decoded. `bare-log.mjs FOLDER KEY THREADS` prints its ports.
 */
import { createServer } from 'node:http';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Level } from 'level';
import { Threads } from './bare-threads.mjs';

const [folder, key, threads] = process.argv.slice(2);
const LENGTH = 400;
const ANSWER = 450;
const BUNDLE = 256;

const db = new Level(folder, { keyEncoding: 'view', valueEncoding: 'view', writeBufferSize: 8 << 20 });
await db.open();
const pool = new Threads(Number(threads), key);
let size = 0;
let ready = [];
let committing = false;

const keyOf = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
};

async function commit() {
  if (committing) return;
  committing = true;
  while (ready.length > 0) {
    const batch = ready;
    ready = [];
    const write = db.batch();
    let next = size;
    for (const { bytes } of batch) {
      for (let at = 0; at < bytes.length; at += LENGTH)
        write.put(keyOf(next++), bytes.subarray(at, at + LENGTH));
    }
    await write.write({ sync: true });
    size = next;
    for (const { bytes, call } of batch) call.write(Buffer.alloc((bytes.length / LENGTH) * ANSWER));
  }
  committing = false;
}

const same = (bytes) => bytes;
const grpc = new Server({ 'grpc.max_receive_message_length': 8 << 20 });
grpc.addService(
  {
    add: {
      ...{ path: '/bare.Log/Add', requestStream: true, responseStream: true },
      ...{
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
  },
  {
    add: (call) => {
      call.on('data', async (bytes) => {
        await pool.verify(bytes);
        ready.push({ bytes, call });
        void commit();
      });
      call.on('end', () => call.end());
    },
  },
);
const http = createServer(async (request, response) => {
  const from = Number(request.url.slice(1));
  const to = Math.min(size, from + BUNDLE);
  const rows = from < to ? await db.values({ gte: keyOf(from), lt: keyOf(to) }).all() : [];
  response.end(Buffer.concat(rows));
});
grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  http.listen(0, '127.0.0.1', () => process.stdout.write(`${port} ${http.address().port}\n`));
});
process.on('SIGTERM', () => process.exit(0));
