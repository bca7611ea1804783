/**
 * How many statements a second a log takes: each signature verified, each entry durable before it is answered with its receipt.
 * Statements are signed before. The load is a process beside the server's, on the same cores. The outcome of every statement is
 * checked, by its answer and by what the log has counted; receipts of some are verified.
 */
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { type Bytes, fromBase64, toBase64, utf8 } from '../../src/core/bytes.ts';
import { copiedTogether } from '../../src/core/slab.ts';
import { aichain } from '../../src/proto/aichain.js';
import type { Ceiling, CeilingName } from '../ceilings.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { checkLogged, registered } from '../counters.ts';
import { grpcLoad } from '../grpc-load.ts';
import { httpLoad, postRequest } from '../http-load.ts';
import { enrol, LoadStream, type Member, prepareAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { type Receipted, verifyReceipts } from '../receipts.ts';
import { type BenchServer, portOf, startBenchServer } from '../server.ts';
import { verifyCeiling } from '../verify-ceiling.ts';

const { RegisterRequest, RegisterResponse } = aichain.v1;
const MOST = 60_000;
/** Until then the engine compiles what it finds busy: what is run once for each batch takes so many to become that. */
const WARM_UP = 60_000;
const HTTP_BATCH = 100;
/** Receipts of each way that are verified, about. */
const RECEIPTS = 60;
const SIGNERS = 1000;
/** Participants that are registered at the same time. */
const ENROLLED_AT_ONCE = 50;
/** A second; and their shares on a machine that verifies 27,100. */
const HTTP_SINGLE = { bound: { least: 9000 }, share: 0.33 };
const UNARY = { bound: { least: 6500 }, share: 0.24 };
/** A server is idle that has used less than so many seconds of processor time in so many milliseconds. */
const [IDLE_CPU, IDLE_MS] = [0.03, 300];
const MOST_IDLE_CHECKS = 30;
/** Fourteen of them are measured. */
const CEILING_MS = 2000;
const CEILINGS = {
  'P-256 verify': ['P-256', false],
  'Ed25519 verify': ['Ed25519', false],
  'Ed25519 verify, libsodium': ['Ed25519', true],
} as const;
/** First bytes: of a COSE_Sign1, and of the answer's `registration`. */
const [SIGN1, REGISTRATION] = [0xd2, (1 << 3) | 2];

/** Some of what was sent and came back: read when the clock has stopped. */
type Sample = () => readonly Receipted[];
/**
 * Makes requests of statements. What it gives sends them, and throws if an answer is not that its statements are logged: to make
 * them while the clock runs would be load.
 */
type Way = (server: BenchServer, statements: readonly Bytes[]) => () => Promise<Sample>;

/** Of those that the whole bench knows, the ones that are measured around each way. */
type Verifying = keyof typeof CEILINGS & CeilingName;
type Found = ReadonlyMap<Verifying, Required<Ceiling>>;

interface Taken {
  /** Statements a second. */
  readonly rate: number;
  /** Processor time of the server for one, in microseconds. */
  readonly cpu: number;
  /** What the machine could do at most, just before and just after. */
  readonly ceilings: Found;
}

export const suite: Suite = {
  describe: 'registers foreign statements of about 400 bytes in every way that there is',
  ceilings: ['synced puts'],
  entries: { most: MOST },
  async run({ entries: count, progress }) {
    const dataDir = temporaryFolder('ingest');
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    try {
      const p256 = await enrol(stream, dataDir, server.origin);
      const ed25519 = await enrol(stream, dataDir, server.origin, 'Ed25519');
      const many = await enrolMany(stream, dataDir, server.origin);
      let first = 0;
      const measured = async (by: Member | readonly Member[], way: Way, names: readonly Verifying[]) => {
        await way(server, await signed(by, first, Math.min(WARM_UP, count)))();
        const send = way(server, await signed(by, first + WARM_UP, count));
        first += WARM_UP + count;
        const before = await ceilingsBeside(server, names);
        const had = await registered(server.http);
        const used = server.cpu();
        const started = performance.now();
        const sample = await send();
        const seconds = (performance.now() - started) / 1000;
        const cpu = ((server.cpu() - used) / count) * 1e6;
        checkLogged(had, await registered(server.http), count);
        const verified = verifyReceipts(dataDir, server.origin, sample());
        const after = await ceilingsBeside(server, names);
        progress(`${Math.round(count / seconds).toLocaleString('en')}/s, ${verified} receipts verified`);
        return { rate: count / seconds, cpu, ceilings: means(before, after) };
      };
      const verify = ['P-256 verify'] as const;
      const streamed: Way = (_server, statements) => {
        const send = prepareAll(stream, statements);
        return async () => {
          const sample = await send();
          return () => sample;
        };
      };
      const [openssl, sodium] = ['Ed25519 verify', 'Ed25519 verify, libsodium'] as const;
      const lines: Measure[] = [];
      const add = (name: string, taken: Taken, target: Target = {}) =>
        lines.push(...measures(name, taken, 'P-256 verify', target));
      add('P-256, batches over a stream', await measured(p256, streamed, verify), { share: 0.75 });
      const inEd25519 = await measured(ed25519, streamed, [openssl, sodium]);
      lines.push(
        ...measures('Ed25519, batches over a stream, beside OpenSSL', inEd25519, openssl, { share: 0.75 }),
        ...measures('Ed25519, the same, beside libsodium (no target)', inEd25519, sodium),
      );
      add('P-256, batches over a stream, 1,000 signers', await measured(many, streamed, verify));
      add('P-256, HTTP, batches', await measured(p256, httpBatches, verify));
      add('P-256, HTTP, one a request', await measured(p256, httpSingle, verify), HTTP_SINGLE);
      add('P-256, gRPC, one a call', await measured(p256, unary, verify), UNARY);
      return lines;
    } finally {
      stream.close();
      await server.stop();
      removeFolder(dataDir);
    }
  },
};

type Target = Pick<Measure, 'bound' | 'share'>;

function measures(name: string, { rate, cpu, ceilings }: Taken, of: Verifying, target: Target = {}) {
  const ceiling = ceilings.get(of)!;
  return [
    { name, value: rate, unit: '/s', cpu, of, ceiling, ...target },
    { name: `${name}: the ceiling around it`, value: ceiling.rate, unit: '/s', cpu: ceiling.cpu },
  ] satisfies Measure[];
}

/** What a log does when nobody waits for it would make the ceiling low, and its share of it high. */
async function ceilingsBeside(server: BenchServer, names: readonly Verifying[]): Promise<Found> {
  for (let checks = 0; checks < MOST_IDLE_CHECKS; checks++) {
    const used = server.cpu();
    await setTimeout(IDLE_MS);
    if (server.cpu() - used < IDLE_CPU) break;
  }
  const found = new Map<Verifying, Required<Ceiling>>();
  for (const name of names) {
    const [algorithm, sodium] = CEILINGS[name];
    const { rate, cpu } = await verifyCeiling(availableParallelism(), CEILING_MS, algorithm, sodium);
    found.set(name, { rate, cpu: cpu * 1e6 });
  }
  return found;
}

function means(before: Found, after: Found): Found {
  return new Map(
    [...before].map(([name, first]) => {
      const later = after.get(name)!;
      return [name, { rate: (first.rate + later.rate) / 2, cpu: (first.cpu + later.cpu) / 2 }];
    }),
  );
}

async function enrolMany(stream: LoadStream, dataDir: string, log: string): Promise<Member[]> {
  const members: Member[] = [];
  while (members.length < SIGNERS) {
    const some = Array.from({ length: ENROLLED_AT_ONCE }, (_, i) =>
      enrol(stream, dataDir, log, 'ES256', `signer-${members.length + i}`),
    );
    members.push(...(await Promise.all(some)));
  }
  return members;
}

function httpSingle({ http }: BenchServer, statements: readonly Bytes[]): () => Promise<Sample> {
  const requests = copiedTogether(
    statements.map((bytes) => postRequest('/entries', 'application/cose', bytes)),
  );
  const accepts = (_request: number, body: Bytes) => body[0] === SIGN1;
  const load = { port: portOf(http), requests, connections: 256, keepEvery: keepEvery(requests), accepts };
  return async () => {
    const { sample } = await httpLoad(load);
    return () => sample.map(({ request, body }) => ({ statement: statements[request]!, receipt: body }));
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
  // A batch is answered with 200 whatever became of its statements: `existed` is in what says that one is logged, and only there.
  const accepts = (request: number, body: Bytes) =>
    occurrences(body, '"existed":false') === batches[request]!.length;
  const load = { port: portOf(http), requests, connections: 8, keepEvery: keepEvery(requests), accepts };
  return async () => {
    const { sample } = await httpLoad(load);
    return () =>
      sample.map(({ request, body }, n) => {
        const { results } = JSON.parse(Buffer.from(body).toString()) as {
          results: { registration: { receipt: string } }[];
        };
        const place = n % results.length;
        return {
          statement: batches[request]![place]!,
          receipt: fromBase64(results[place]!.registration.receipt),
        };
      });
  };
}

function unary({ grpc }: BenchServer, statements: readonly Bytes[]): () => Promise<Sample> {
  const messages = copiedTogether(
    statements.map((bytes) => RegisterRequest.encode({ statement: bytes as Uint8Array }).finish()),
  );
  const path = '/aichain.v1.RegistrationService/Register';
  const accepts = (_request: number, body: Bytes) => body[0] === REGISTRATION;
  const calls = { connections: 4, streams: 64, keepEvery: keepEvery(messages), accepts };
  return async () => {
    const { sample } = await grpcLoad({ port: portOf(grpc), path, messages, ...calls });
    return () =>
      sample.map(({ request, body }) => ({
        statement: statements[request]!,
        receipt: RegisterResponse.decode(body).registration!.receipt as Uint8Array,
      }));
  };
}

function keepEvery(requests: readonly Bytes[]): number {
  return Math.max(1, Math.floor(requests.length / RECEIPTS));
}

/** How often a text is in bytes: of a search that the engine does a million bytes take a fraction of a millisecond. */
function occurrences(bytes: Bytes, text: string): number {
  const searched = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let count = 0;
  for (let at = searched.indexOf(text, 0, 'latin1'); at >= 0; at = searched.indexOf(text, at + 1, 'latin1')) {
    count++;
  }
  return count;
}
