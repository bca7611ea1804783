/**
 * What an operator measures, in a registry of its own: prom-client's global one would make two logs in a process
 * (as in tests) count into each other. Labels are taken from closed sets only (reason codes, methods, route
 * patterns), never from what a sender chose.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { RequestHistogram } from './request-histogram.ts';

/** A request that ended, on either surface. */
export interface EndedRequest {
  readonly surface: 'http' | 'grpc';
  /** Full gRPC method, or HTTP method and route pattern. */
  readonly operation: string;
  readonly status: number;
  readonly seconds: number;
}

/** A batch that became durable. */
export interface CommittedBatch {
  readonly statements: number;
  /** Bytes of the statements. */
  readonly bytes: number;
  readonly milliseconds: number;
  /** Tree size afterwards. */
  readonly size: number;
}

/** How a witness is doing. */
export interface WitnessState {
  /** In the policy: a closed set. */
  readonly name: string;
  readonly healthy: boolean;
  readonly size: number | null;
  /** Unix seconds. */
  readonly timestamp: number | null;
}

export interface Metrics {
  /** Counts a statement that the log was given: `EXISTED`, or the reason code of the refusal; new ones are counted by their batch. */
  registered(outcome: string): void;
  committed(batch: CommittedBatch): void;
  /** Seconds from handing a chunk of statements to a thread to its answer. */
  verified(seconds: number): void;
  /** Says where it is read how many statements wait for an answer, and their bytes. */
  queueOf(read: () => { readonly statements: number; readonly bytes: number }): void;
  /** Counts decisions of gates; `reason` is null for an allowance. */
  decided(step: string, decision: 'allow' | 'deny', reason: string | null): void;
  /** Size of the newest published tree. */
  published(size: number): void;
  /** An answer of a witness, or why there was none (reason code). */
  witnessed(witness: WitnessState, code: string | null): void;
  /** The head that the log answers from. @param freshness Unix seconds by which a quorum has seen it */
  cosigned(size: number, freshness: number | undefined): void;
  observe(request: EndedRequest): void;
  /** The exposition format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Adds those of the process and of node: memory, event loop, garbage collection (default false). */
  process?: boolean;
}

// From a commit to a fast disk to a deadline.
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const STATEMENTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

export function createMetrics({ process: withProcess = false }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (withProcess) collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const registrations = new Counter({
    name: 'aichain_registrations_total',
    help: 'Statements that the log was given, by outcome: OK, EXISTED or the reason code',
    labelNames: ['outcome'],
    registers,
  });
  const statementBytes = new Counter({
    name: 'aichain_statement_bytes_total',
    help: 'Bytes of statements committed',
    registers,
  });
  const batchStatements = new Histogram({
    name: 'aichain_batch_statements',
    help: 'Statements committed together',
    buckets: STATEMENTS,
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'aichain_commit_seconds',
    help: 'From taking a batch to its being durable',
    buckets: SECONDS,
    registers,
  });
  const verifySeconds = new Histogram({
    name: 'aichain_verify_seconds',
    help: 'From handing a chunk of statements to a thread that decodes and verifies, to its answer',
    buckets: SECONDS,
    registers,
  });
  let queue = () => ({ statements: 0, bytes: 0 });
  new Gauge({
    name: 'aichain_queue_statements',
    help: 'Statements between arrival and answer',
    registers,
    collect() {
      this.set(queue().statements);
    },
  });
  new Gauge({
    name: 'aichain_queue_bytes',
    help: 'Bytes of the statements between arrival and answer',
    registers,
    collect() {
      this.set(queue().bytes);
    },
  });
  const gateDecisions = new Counter({
    name: 'aichain_gate_decisions_total',
    help: 'Decisions of gates, by step, decision and reason code (OK for an allowance)',
    labelNames: ['step', 'decision', 'reason'],
    registers,
  });
  const treeSize = new Gauge({
    name: 'aichain_tree_size',
    help: 'Size of the newest published tree',
    registers,
  });
  const ofWitness = { labelNames: ['witness'] as const, registers };
  const witnessRequests = new Counter({
    name: 'aichain_witness_requests_total',
    help: 'Requests for a cosignature, by witness and outcome: OK or the reason code',
    labelNames: ['witness', 'outcome'],
    registers,
  });
  const witnessUp = new Gauge({
    name: 'aichain_witness_up',
    help: 'Whether the last answer of a witness was a cosignature',
    ...ofWitness,
  });
  const witnessSize = new Gauge({
    name: 'aichain_witness_tree_size',
    help: 'Size of the tree that a witness has cosigned last',
    ...ofWitness,
  });
  const witnessTime = new Gauge({
    name: 'aichain_witness_timestamp_seconds',
    help: 'Time of the last cosignature of a witness',
    ...ofWitness,
  });
  const cosignedSize = new Gauge({
    name: 'aichain_cosigned_tree_size',
    help: 'Size of the last tree whose cosignatures meet the quorum',
    registers,
  });
  const cosignedTime = new Gauge({
    name: 'aichain_cosigned_freshness_seconds',
    help: 'Time by which a quorum has seen that tree',
    registers,
  });
  const requestSeconds = {
    http: new RequestHistogram({
      name: 'aichain_http_request_seconds',
      help: 'HTTP requests, by route and status',
      buckets: SECONDS,
    }),
    grpc: new RequestHistogram({
      name: 'aichain_grpc_request_seconds',
      help: 'gRPC calls, by method and status',
      buckets: SECONDS,
    }),
  };
  for (const histogram of Object.values(requestSeconds)) histogram.register(registry);

  return {
    registered: (outcome) => registrations.inc({ outcome }),
    committed({ statements, bytes, milliseconds, size }) {
      registrations.inc({ outcome: 'OK' }, statements);
      statementBytes.inc(bytes);
      batchStatements.observe(statements);
      commitSeconds.observe(milliseconds / 1000);
      treeSize.set(size);
    },
    verified: (seconds) => verifySeconds.observe(seconds),
    queueOf(read) {
      queue = read;
    },
    decided: (step, decision, reason) => gateDecisions.inc({ step, decision, reason: reason ?? 'OK' }),
    witnessed({ name: witness, healthy, size, timestamp }, code) {
      witnessRequests.inc({ witness, outcome: code ?? 'OK' });
      witnessUp.set({ witness }, healthy ? 1 : 0);
      if (size !== null) witnessSize.set({ witness }, size);
      if (timestamp !== null) witnessTime.set({ witness }, timestamp);
    },
    cosigned(size, freshness) {
      cosignedSize.set(size);
      if (freshness !== undefined) cosignedTime.set(freshness);
    },
    published: (size) => treeSize.set(size),
    observe({ surface, operation, status, seconds }) {
      requestSeconds[surface].observe(operation, status, seconds);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
