/**
 * How many statements a second a log takes: each signature verified, each entry durable before it is answered with its receipt.
 * Statements are signed before. The load is a process beside the server's, on the same cores. The outcome of every statement is
 * checked, by its answer and by what the log has counted; receipts of some are verified.
 */
import { setTimeout } from 'node:timers/promises';
import { type Bytes, fromBase64, toBase64, utf8 } from '../../src/core/bytes.ts';
import { copiedTogether } from '../../src/core/slab.ts';
import { aichain } from '../../src/proto/aichain.js';
import type { Mean } from '../beside.ts';
import type { CeilingName } from '../ceilings.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { checkLogged, registered } from '../counters.ts';
import { grpcLoad } from '../grpc-load.ts';
import { httpLoad, postRequest } from '../http-load.ts';
import { ceilingLine } from '../judged.ts';
import { enrol, LoadStream, type Member, prepareAll, signed } from '../load.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { type Receipted, verifyReceipts } from '../receipts.ts';
import { type BenchServer, portOf, startBenchServer } from '../server.ts';

const { RegisterRequest, RegisterResponse } = aichain.v1;
const MOST = 60_000;
/** Until then the engine compiles what it finds busy: what is run once for each batch takes so many to become that. */
const WARM_UP = 60_000;
/** Where the way has just been measured with the other algorithm. */
const WARM_AGAIN = 10_000;
const HTTP_BATCH = 100;
/** Receipts of each way that are verified, about. */
const RECEIPTS = 60;
const SIGNERS = 1000;
/** Participants that are registered at the same time. */
const ENROLLED_AT_ONCE = 50;
/** A server is idle that has used less than so many seconds of processor time in so many milliseconds. */
const [IDLE_CPU, IDLE_MS] = [0.03, 300];
const MOST_IDLE_CHECKS = 30;
/** Some thirty of them are measured. */
const CEILING_MS = 2000;
/** First bytes: of a COSE_Sign1, and of the answer's `registration`. */
const [SIGN1, REGISTRATION] = [0xd2, (1 << 3) | 2];

/** Some of what was sent and came back: read when the clock has stopped. */
type Sample = () => readonly Receipted[];
/**
 * Makes requests of statements. What it gives sends them, and throws if an answer is not that its statements are logged: to make
 * them while the clock runs would be load.
 */
type Way = (log: Log, statements: readonly Bytes[]) => () => Promise<Sample>;

type Target = Pick<Measure, 'bound' | 'share'>;

interface Case {
  readonly name: string;
  readonly by: keyof Signers;
  readonly way: Way;
  /** What it is a share of; a target is of the first. */
  readonly of: readonly CeilingName[];
  readonly target?: Target;
  readonly warmUp?: number;
}

const P256 = ['P-256 verify'] as const;
/** By OpenSSL, as the target has it, and by what the log has for it. */
const ED25519 = ['Ed25519 verify', 'Ed25519 verify, libsodium'] as const;
const SHARE = { share: 0.75 };
/** A second; and their shares on a machine that verifies 27,100. */
const HTTP_SINGLE = { bound: { least: 9000 }, share: 0.33 };
const UNARY = { bound: { least: 6500 }, share: 0.24 };

const CASES: readonly Case[] = [
  {
    ...{ name: 'P-256, batches over a stream', by: 'p256', way: streamed },
    ...{ of: [...P256, 'synced puts'], target: SHARE },
  },
  { name: 'Ed25519, batches over a stream', by: 'ed25519', way: streamed, of: ED25519, target: SHARE },
  { name: 'P-256, batches over a stream, 1,000 signers', by: 'many', way: streamed, of: P256 },
  { name: 'P-256, HTTP, batches', by: 'p256', way: httpBatches, of: P256 },
  { name: 'Ed25519, HTTP, batches', by: 'ed25519', way: httpBatches, of: ED25519, warmUp: WARM_AGAIN },
  { name: 'P-256, HTTP, one a request', by: 'p256', way: httpSingle, of: P256, target: HTTP_SINGLE },
  { name: 'Ed25519, HTTP, one a request', by: 'ed25519', way: httpSingle, of: ED25519, warmUp: WARM_AGAIN },
  { name: 'P-256, gRPC, one a call', by: 'p256', way: unary, of: P256, target: UNARY },
  { name: 'Ed25519, gRPC, one a call', by: 'ed25519', way: unary, of: ED25519, warmUp: WARM_AGAIN },
];

export const suite: Suite = {
  describe: 'registers foreign statements of about 400 bytes in every way that there is',
  loaders: { stream: 'own', http: 'own', grpc: 'own' },
  entries: { most: MOST },
  async run(options) {
    const dataDir = temporaryFolder('ingest');
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    try {
      const signers = {
        p256: await enrol(stream, dataDir, server.origin),
        ed25519: await enrol(stream, dataDir, server.origin, 'Ed25519'),
        many: await enrolMany(stream, dataDir, server.origin),
      };
      const log = { server, stream, dataDir, signers };
      const measures: Measure[] = [];
      for (const each of CASES) measures.push(...(await measured(log, each, options)));
      return measures;
    } finally {
      stream.close();
      await server.stop();
      removeFolder(dataDir);
    }
  },
};

interface Signers {
  readonly p256: Member;
  readonly ed25519: Member;
  /** In turn. */
  readonly many: readonly Member[];
}

interface Log {
  readonly server: BenchServer;
  readonly stream: LoadStream;
  readonly dataDir: string;
  readonly signers: Signers;
}

async function measured(log: Log, each: Case, options: SuiteOptions): Promise<Measure[]> {
  const { name, by, way, of, target, warmUp = WARM_UP } = each;
  const { entries: count, progress, beside } = options;
  // No two cases have a statement in common.
  const first = CASES.indexOf(each) * (WARM_UP + count);
  await way(log, await signed(log.signers[by], first, warmUp))();
  const send = way(log, await signed(log.signers[by], first + WARM_UP, count));
  const idle = async () => {
    const isQuiet = await becomesIdle(log.server);
    if (!isQuiet) progress(`${name}: the server is still at work while the ceiling is measured`);
  };
  await idle();
  const work = async () => {
    const found = await taken(log, count, send);
    const rate = Math.round(found.rate).toLocaleString('en');
    progress(`${name}: ${rate}/s, ${found.receipts} receipts verified`);
    await idle();
    return found;
  };
  const { result, ceilings } = await beside(name, of, work, CEILING_MS);
  return of.flatMap((ceiling, n) =>
    n === 0
      ? lines(name, result, ceiling, ceilings[ceiling], target)
      : lines(`${name}, beside ${ceiling}`, result, ceiling, ceilings[ceiling]),
  );
}

function lines(name: string, taken: Taken, of: CeilingName, ceiling: Mean, target: Target = {}): Measure[] {
  return [
    { ...{ name, value: taken.rate, unit: '/s', cpu: taken.cpu }, of, ceiling, ...target },
    ceilingLine(`${name}: the ceiling around it`, ceiling),
  ];
}

interface Taken {
  /** Statements a second. */
  readonly rate: number;
  /** Processor time of the server for one, in microseconds. */
  readonly cpu: number;
  /** That were verified. */
  readonly receipts: number;
}

async function taken({ server, dataDir }: Log, count: number, send: () => Promise<Sample>): Promise<Taken> {
  const had = await registered(server.http);
  const used = server.cpu();
  const started = performance.now();
  const sample = await send();
  const seconds = (performance.now() - started) / 1000;
  const cpu = ((server.cpu() - used) / count) * 1e6;
  checkLogged(had, await registered(server.http), count);
  const receipts = verifyReceipts(dataDir, server.origin, sample());
  return { rate: count / seconds, cpu, receipts };
}

/** What a log does when nobody waits for it would make the ceiling low, and its share of it high. @returns whether it ends */
async function becomesIdle(server: BenchServer): Promise<boolean> {
  for (let checks = 0; checks < MOST_IDLE_CHECKS; checks++) {
    const used = server.cpu();
    await setTimeout(IDLE_MS);
    if (server.cpu() - used < IDLE_CPU) return true;
  }
  return false;
}

function streamed({ stream }: Log, statements: readonly Bytes[]): () => Promise<Sample> {
  const send = prepareAll(stream, statements);
  return async () => {
    const sample = await send();
    return () => sample;
  };
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

function httpSingle({ server }: Log, statements: readonly Bytes[]): () => Promise<Sample> {
  const requests = copiedTogether(
    statements.map((bytes) => postRequest('/entries', 'application/cose', bytes)),
  );
  const accepts = (_request: number, body: Bytes) => body[0] === SIGN1;
  const load = {
    port: portOf(server.http),
    requests,
    connections: 256,
    keepEvery: keepEvery(requests),
    accepts,
  };
  return async () => {
    const { sample } = await httpLoad(load);
    return () => sample.map(({ request, body }) => ({ statement: statements[request]!, receipt: body }));
  };
}

function httpBatches({ server }: Log, statements: readonly Bytes[]): () => Promise<Sample> {
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
  const load = {
    port: portOf(server.http),
    requests,
    connections: 8,
    keepEvery: keepEvery(requests),
    accepts,
  };
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

function unary({ server }: Log, statements: readonly Bytes[]): () => Promise<Sample> {
  const messages = copiedTogether(
    statements.map((bytes) => RegisterRequest.encode({ statement: bytes as Uint8Array }).finish()),
  );
  const path = '/aichain.v1.RegistrationService/Register';
  const accepts = (_request: number, body: Bytes) => body[0] === REGISTRATION;
  const calls = { connections: 4, streams: 64, keepEvery: keepEvery(messages), accepts };
  return async () => {
    const { sample } = await grpcLoad({ port: portOf(server.grpc), path, messages, ...calls });
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
