/**
 * How long requests take, by operation and status, in a registry of prom-client. Its own histogram makes a text of the labels for
 * each value, and finds the bucket by another: a tenth of what it takes to hand out a tile.
 */
import type { Histogram, MetricValue, Registry } from 'prom-client';

interface Row {
  readonly labels: { readonly operation: string; readonly status: string };
  /** Values up to each bound, and above all those before; the last is of those above all. */
  readonly counts: number[];
  sum: number;
}

export interface RequestHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

type Value = MetricValue<string> & { readonly metricName: string };

export class RequestHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #buckets: readonly number[];
  readonly #rows = new Map<string, Map<number, Row>>();

  constructor({ name, help, buckets }: RequestHistogramOptions) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
  }

  register(registry: Registry): void {
    // What a registry asks of a metric is its name, and `get`; its declaration has the four that come with it.
    registry.registerMetric(this as unknown as Histogram);
  }

  observe(operation: string, status: number, seconds: number): void {
    const row = this.#rows.get(operation)?.get(status) ?? this.#add(operation, status);
    const buckets = this.#buckets;
    let bucket = 0;
    while (bucket < buckets.length && !(seconds <= buckets[bucket]!)) bucket++;
    row.counts[bucket]! += 1;
    row.sum += seconds;
  }

  #add(operation: string, status: number): Row {
    const row = {
      labels: { operation, status: String(status) },
      counts: new Array<number>(this.#buckets.length + 1).fill(0),
      sum: 0,
    };
    const byStatus = this.#rows.get(operation) ?? new Map<number, Row>();
    this.#rows.set(operation, byStatus.set(status, row));
    return row;
  }

  /** Called by the registry: cumulated, as the exposition format has it. */
  async get() {
    const values = [...this.#rows.values()].flatMap((rows) =>
      [...rows.values()].flatMap((row) => this.#values(row)),
    );
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values };
  }

  #values({ labels, counts, sum }: Row): Value[] {
    let count = 0;
    const values: Value[] = counts.map((own, i) => {
      count += own;
      const le = this.#buckets[i] ?? '+Inf';
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    values.push({ metricName: `${this.name}_sum`, labels, value: sum });
    values.push({ metricName: `${this.name}_count`, labels, value: count });
    return values;
  }
}
