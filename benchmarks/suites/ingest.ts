/**
 * How many statements a second a log takes: each signature verified, each entry durable before it is answered with its receipt.
 * Statements are signed before. The load is a process beside the server's, on the same cores.
 */
import { type Bytes, fromBase64, toBase64, utf8 } from '../../src/core/bytes.ts';
import { copiedTogether } from '../../src/core/slab.ts';
import { aichain } from '../../src/proto/aichain.js';
import type { CeilingName } from '../ceilings.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { grpcLoad } from '../grpc-load.ts';
import { httpLoad, postRequest } from '../http-load.ts';
import { enrol, LoadStream, type Member, prepareAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { type Receipted, verifyReceipts } from '../receipts.ts';
import { type BenchServer, portOf, startBenchServer } from '../server.ts';

const { RegisterRequest, RegisterResponse } = aichain.v1;
const MOST = 60_000;
/** Until then the engine compiles what it finds busy: what is run once for each batch takes so many to become that. */
const WARM_UP = 60_000;
const HTTP_BATCH = 100;
/** 9,000 and 6,500 a second on a machine that verifies 27,100. */
const [HTTP_SHARE, UNARY_SHARE] = [0.33, 0.24];

type Sample = readonly Receipted[];
/** Makes requests of statements. What it gives sends them: to make them while the clock runs would be load. */
type Way = (server: BenchServer, statements: readonly Bytes[]) => () => Promise<Sample>;

export const suite: Suite = {
  describe: 'registers foreign statements of about 400 bytes in every way that there is',
  ceilings: ['P-256 verify', 'Ed25519 verify', 'Ed25519 verify, libsodium', 'synced puts'],
  async run({ entries, progress }) {
    const dataDir = temporaryFolder('ingest');
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    try {
      const p256 = await enrol(stream, dataDir, server.origin);
      const ed25519 = await enrol(stream, dataDir, server.origin, 'Ed25519');
      const count = Math.min(entries, MOST);
      let first = 0;
      const measured = async (member: Member, way: Way): Promise<number> => {
        await way(server, await signed(member, first, Math.min(WARM_UP, count)))();
        const send = way(server, await signed(member, first + WARM_UP, count));
        first += WARM_UP + count;
        const started = performance.now();
        const sample = await send();
        const seconds = (performance.now() - started) / 1000;
        const verified = verifyReceipts(dataDir, server.origin, sample);
        progress(`${Math.round(count / seconds).toLocaleString('en')}/s, ${verified} receipts verified`);
        return count / seconds;
      };
      const streamed: Way = (_server, statements) => prepareAll(stream, statements);
      const inP256 = await measured(p256, streamed);
      const inEd25519 = await measured(ed25519, streamed);
      return [
        line('P-256, batches over a stream', inP256, 'P-256 verify', 0.75),
        line('Ed25519, batches over a stream', inEd25519, 'Ed25519 verify', 0.75),
        line('the same, beside the library', inEd25519, 'Ed25519 verify, libsodium'),
        line('P-256, HTTP, batches', await measured(p256, httpBatches), 'P-256 verify'),
        line('P-256, HTTP, one a request', await measured(p256, httpSingle), 'P-256 verify', HTTP_SHARE),
        line('P-256, gRPC, one a call', await measured(p256, unary), 'P-256 verify', UNARY_SHARE),
      ];
    } finally {
      stream.close();
      await server.stop();
      removeFolder(dataDir);
    }
  },
};

function line(name: string, value: number, of: CeilingName, share?: number): Measure {
  return { name, value, unit: '/s', of, ...(share === undefined ? {} : { share }) };
}

function httpSingle({ http }: BenchServer, statements: readonly Bytes[]): () => Promise<Sample> {
  const requests = copiedTogether(
    statements.map((bytes) => postRequest('/entries', 'application/cose', bytes)),
  );
  return async () => {
    const { sample } = await httpLoad({ port: portOf(http), requests, connections: 256 });
    return sample.map(({ request, body }) => ({ statement: statements[request]!, receipt: body }));
  };
}

function httpBatches({ http }: BenchServer, statements: readonly Bytes[]): () => Promise<Sample> {
  const batches = Array.from({ length: Math.ceil(statements.length / HTTP_BATCH) }, (_, n) =>
    statements.slice(n * HTTP_BATCH, (n + 1) * HTTP_BATCH),
  );
  const requests = batches.map((batch) =>
    postRequest(
      '/v1/statements',
      'application/json',
      utf8(JSON.stringify({ statements: batch.map(toBase64) })),
    ),
  );
  return async () => {
    const { sample } = await httpLoad({ port: portOf(http), requests, connections: 8 });
    return sample.map(({ request, body }) => {
      const { results } = JSON.parse(Buffer.from(body).toString()) as {
        results: { registration?: { receipt: string } }[];
      };
      if (results.some(({ registration }) => registration === undefined))
        throw new Error('a statement was refused');
      return { statement: batches[request]![0]!, receipt: fromBase64(results[0]!.registration!.receipt) };
    });
  };
}

function unary({ grpc }: BenchServer, statements: readonly Bytes[]): () => Promise<Sample> {
  const messages = copiedTogether(
    statements.map((bytes) => RegisterRequest.encode({ statement: bytes as Uint8Array }).finish()),
  );
  const path = '/aichain.v1.RegistrationService/Register';
  return async () => {
    const { sample } = await grpcLoad({ port: portOf(grpc), path, messages, connections: 4, streams: 64 });
    return sample.map(({ request, body }) => ({
      statement: statements[request]!,
      receipt: RegisterResponse.decode(body).registration!.receipt as Uint8Array,
    }));
  };
}
