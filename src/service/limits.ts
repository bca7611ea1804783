/**
 * Limits from day one: how large, how many and how long a request may be. One object serves gRPC and HTTP, so a
 * client cannot double its rate by using both. Rates are counted in memory and are for each client; the limit for
 * each issuer is the log's own, because only the log knows who signed.
 */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

/** At most `points` in each window of `seconds`; one window follows the other, so that twice as many may fall around its end. */
export interface Rate {
  readonly points: number;
  readonly seconds: number;
}

export interface LimitOptions {
  /** Requests of one client; a batch on a stream and a page of entries count as one. `null`: no limit. */
  readonly requests: Rate | null;
  /** Pieces of evidence that one client stores or reads. `null`: no limit. */
  readonly evidence: Rate | null;
  /** Statements of one client, however they are batched. `null`: no limit. */
  readonly statements: Rate | null;
  /** Bytes of one statement as it arrives. */
  readonly statementBytes: number;
  /** Statements in one batch. */
  readonly batchStatements: number;
  /** Bytes of one request message or body. */
  readonly messageBytes: number;
  /** Bytes of all request messages together that are received and not yet answered (gRPC). */
  readonly pendingBytes: number;
  /** Batches of one stream that are received and not yet answered: their number, and their bytes. */
  readonly pendingBatches: number;
  readonly pendingBatchBytes: number;
  /** Facts in one request, and bytes of one key. */
  readonly facts: number;
  readonly factKeyBytes: number;
  /** Entries in one page. */
  readonly pageEntries: number;
  /** Milliseconds that a request may take when its sender names no deadline; an earlier one is honoured. */
  readonly deadline: number;
}

const MIB = 1 << 20;

export const DEFAULT_LIMITS: LimitOptions = {
  requests: { points: 20_000, seconds: 10 },
  statements: { points: 100_000, seconds: 10 },
  evidence: { points: 100, seconds: 10 },
  statementBytes: MIB,
  batchStatements: 1024,
  messageBytes: 8 * MIB,
  pendingBytes: 64 * MIB,
  pendingBatches: 64,
  pendingBatchBytes: 4 * MIB,
  facts: 256,
  factKeyBytes: 4096,
  pageEntries: 1024,
  deadline: 30_000,
};

export class Limits {
  readonly options: LimitOptions;
  readonly #requests: RateLimiterAbstract | null;
  readonly #statements: RateLimiterAbstract | null;
  readonly #evidence: RateLimiterAbstract | null;

  constructor(options: Partial<LimitOptions> = {}) {
    this.options = { ...DEFAULT_LIMITS, ...options };
    this.#requests = limiter('requests', this.options.requests);
    this.#statements = limiter('statements', this.options.statements);
    this.#evidence = limiter('evidence', this.options.evidence);
  }

  /** Counts one request; undefined: there is no limit to wait for. @throws RATE_LIMITED with the seconds until the window ends */
  admitRequest(client: string): Promise<void> | undefined {
    return take(this.#requests, client, 1);
  }

  /**
   * Counts statements: all of a batch or none of it. A batch larger than a whole window passes when the window is
   * empty, otherwise it never could. @throws RATE_LIMITED
   */
  admitStatements(client: string, count: number): Promise<void> | undefined {
    return take(this.#statements, client, Math.min(count, this.options.statements?.points ?? count));
  }

  /** Counts one piece of evidence, on top of the request. @throws RATE_LIMITED */
  admitEvidence(client: string): Promise<void> | undefined {
    return take(this.#evidence, client, 1);
  }

  /** @throws STATEMENT_TOO_LARGE */
  checkStatement(statement: Bytes): void {
    if (statement.length > this.options.statementBytes) {
      throw fail('STATEMENT_TOO_LARGE', `a statement has at most ${this.options.statementBytes} bytes`);
    }
  }

  /** @throws ARGUMENT_INVALID none; REQUEST_TOO_LARGE too many */
  checkBatch(statements: readonly unknown[]): void {
    if (statements.length === 0) throw fail('ARGUMENT_INVALID', 'a batch has at least one statement');
    if (statements.length > this.options.batchStatements) {
      throw fail('REQUEST_TOO_LARGE', `a batch has at most ${this.options.batchStatements} statements`);
    }
  }

  /** @throws ARGUMENT_INVALID no key, or an empty one; REQUEST_TOO_LARGE too many, or too long */
  checkFactKeys(keys: readonly Bytes[]): void {
    if (keys.length === 0) throw fail('ARGUMENT_INVALID', 'at least one key is needed');
    if (keys.length > this.options.facts) {
      throw fail('REQUEST_TOO_LARGE', `at most ${this.options.facts} keys in one request`);
    }
    for (const key of keys) {
      if (key.length === 0) throw fail('ARGUMENT_INVALID', 'a key is a CBOR array');
      if (key.length > this.options.factKeyBytes) {
        throw fail('REQUEST_TOO_LARGE', `a key has at most ${this.options.factKeyBytes} bytes`);
      }
    }
  }
}

function limiter(name: string, rate: Rate | null): RateLimiterAbstract | null {
  return rate && new RateLimiterMemory({ keyPrefix: name, points: rate.points, duration: rate.seconds });
}

/** Undefined where there is no limit: nothing to wait for. */
function take(
  limiter: RateLimiterAbstract | null,
  client: string,
  points: number,
): Promise<void> | undefined {
  if (!limiter) return undefined;
  const key = rateKey(client);
  return limiter.consume(key, points).then(passed, async (refusal) => {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    // What was refused is not charged: a smaller batch may still fit.
    await limiter.reward(key, points);
    throw fail('RATE_LIMITED', 'too many requests from this client', {
      retryAfter: Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)),
    });
  });
}

const passed = () => undefined;

/**
 * An IPv6 client counts by its /64: whoever has one address there has all 2^64. Names that are no IPv6 address count
 * as they are.
 */
function rateKey(client: string): string {
  if (!client.includes(':') || !/^[0-9a-f:.]+$/i.test(client)) return client;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(client);
  if (mapped) return mapped[1]!;
  const [head = '', tail] = client.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) while (groups.length < 4) groups.push('0');
  return groups.slice(0, 4).join(':');
}
