/**
 * Every setting of the server, declared once: its type and limits, its default and its meaning. Flags, environment
 * variables, the configuration file and the reference documentation follow from this declaration.
 */
import { availableParallelism } from 'node:os';
import Type, { type Static } from 'typebox';

const MiB = 1024 * 1024;
const CLOSED = { additionalProperties: false };

const text = (description: string, rest: object = {}) => Type.String({ minLength: 1, description, ...rest });
const count = (description: string, limits: { default: number; minimum: number; maximum: number }) =>
  Type.Integer({ description, ...limits });
const bytes = (description: string, value: number, maximum: number) =>
  count(`${description} (bytes).`, { default: value, minimum: 1, maximum });
const host = (surface: string, rest: object) =>
  text(`Address that ${surface} listens on. The default is this machine only.`, {
    pattern: '^[0-9A-Za-z.:_%-]+$',
    ...rest,
  });
const port = (surface: string, value: number) =>
  count(`Port of ${surface}; 0 takes any free one.`, { default: value, minimum: 0, maximum: 65_535 });
const tls = (surface: string) =>
  Type.Optional(
    Type.Object(
      {
        cert: text(`PEM file of the certificate chain of ${surface}. Without it there is no TLS.`),
        key: text(`PEM file of the private key of ${surface}.`),
        clientCa: Type.Optional(
          text(
            `PEM file of the authorities that client certificates of ${surface} must come from; given, every client needs one.`,
          ),
        ),
      },
      CLOSED,
    ),
  );
const perSecond = (who: string, value: number) =>
  count(`Statements a second that one ${who} may send; 0 is no limit.`, {
    default: value,
    minimum: 0,
    maximum: 10_000_000,
  });

export const CONFIG = Type.Object(
  {
    dataDir: text('Folder of the log’s data, made if it is not there; relative to the working directory.', {
      default: 'ledger-data',
    }),
    // A note's key name and a checkpoint's first line: no white space, no "+" (C2SP signed-note).
    origin: Type.Optional(
      text('Name of the log, checked against the one it was made with; chosen when the log is made.', {
        pattern: '^[!-*,-~]+$',
        maxLength: 255,
      }),
    ),
    httpHost: host('HTTP', { default: '127.0.0.1' }),
    httpPort: port('HTTP', 8080),
    httpTls: tls('HTTP'),
    grpcHost: host('gRPC', { default: '127.0.0.1' }),
    grpcPort: port('gRPC', 8081),
    grpcTls: tls('gRPC'),
    trustProxy: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Addresses or networks (CIDR) of the proxies whose X-Forwarded-For is believed; with commas between them in a flag or variable. Whoever is believed can choose the address that limits go by.',
    }),
    workers: Type.Integer({
      default: availableParallelism(),
      defaultText: 'the number of cores',
      minimum: 1,
      maximum: 256,
      description: 'Threads that decode statements and verify signatures.',
    }),
    maxQueued: count('Statements that may wait for admission; beyond, the log answers LOG_OVERLOADED.', {
      default: 8192,
      minimum: 1,
      maximum: 1_000_000,
    }),
    maxQueuedBytes: bytes('Size of all statements that may wait for admission', 64 * MiB, 4096 * MiB),
    // FORMATS §1 sets the upper limit: replayers refuse what is larger.
    maxStatementBytes: bytes('Size of the largest statement that is taken', MiB, MiB),
    maxBatch: count('Statements that are committed together at most.', {
      default: 1024,
      minimum: 1,
      maximum: 65_536,
    }),
    rateLimit: Type.Object(
      {
        clientPerSecond: perSecond('client (certificate, else address)', 10_000),
        issuerPerSecond: perSecond('issuer of statements', 5000),
        burst: count('Statements that may come at once before the limits a second hold.', {
          default: 20_000,
          minimum: 1,
          maximum: 10_000_000,
        }),
      },
      CLOSED,
    ),
    evidence: Type.Object(
      {
        accessFile: Type.Optional(
          text(
            'File that says who may read evidence over the network, and who may store what the log does not name. Without it nobody may.',
          ),
        ),
        maxBytes: bytes('Size of the largest piece of evidence that is stored', MiB, 16 * MiB),
        totalBytes: bytes('Size of all evidence that is stored', 1024 * MiB, Number.MAX_SAFE_INTEGER),
      },
      CLOSED,
    ),
    witness: Type.Object(
      {
        policy: Type.Optional(
          text(
            'Trust policy (C2SP tlog-policy) that names the witnesses and the quorum. With it, the log is cosigned, and answers only from heads that meet the quorum. Without it there are no witnesses.',
          ),
        ),
        urls: Type.Array(Type.String({ pattern: '^[^=,\\s]+=https?://[^,\\s]+$' }), {
          default: [],
          description:
            'Submission prefixes of witnesses, as NAME=URL by the names of the policy, where the policy has none or another; with commas between them in a flag or variable.',
        }),
        replayers: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description:
            'Names of the policy’s cosigners that compute the state themselves, for the trust file that the server writes; with commas between them in a flag or variable.',
        }),
        renewSeconds: count(
          'Seconds after which the head of an idle log is cosigned again, so that verifiers find it fresh.',
          { default: 15, minimum: 1, maximum: 86_400 },
        ),
      },
      CLOSED,
    ),
    highWaterFile: Type.Optional(
      text(
        'File on another disk than the data folder’s, in which the newest head is kept before anybody sees it. A log that holds less than that refuses to start.',
      ),
    ),
    diskFloorBytes: count('Free disk space below which the log takes no more entries (bytes).', {
      default: 256 * MiB,
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    deadlineMs: count('Longest wait for the answer to a registration, when the caller sets none (ms).', {
      default: 30_000,
      minimum: 100,
      maximum: 600_000,
    }),
    logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      description: 'Least severe level that is written to standard error.',
    }),
  },
  CLOSED,
);

export type Config = Static<typeof CONFIG>;
