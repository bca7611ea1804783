/**
 * How long requests took, by operation and status, as a metric of prom-client's. Its own histogram checks and joins the labels
 * of each value to find where to count it; here that place is looked up by what each request has at hand already.
 */
import type { Metric, Registry } from 'prom-client';

interface Series {
  /** Values in each bucket alone, the last being for all that is above the largest. */
  readonly counts: Float64Array;
  sum: number;
}

export class RequestSeconds {
  readonly name: string;
  readonly help: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Map<number, Series>>();

  /** @param buckets upper bounds, the smallest first */
  constructor(name: string, help: string, buckets: readonly number[], registry: Registry) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    // A registry asks for no more than a name and `get`; its type lists prom-client's own classes.
    registry.registerMetric(this as unknown as Metric);
  }

  observe(operation: string, status: number, seconds: number): void {
    const series = this.#series.get(operation)?.get(status) ?? this.#add(operation, status);
    let bucket = 0;
    while (seconds > this.#buckets[bucket]!) bucket++;
    series.counts[bucket]!++;
    series.sum += seconds;
  }

  #add(operation: string, status: number): Series {
    const series = { counts: new Float64Array(this.#buckets.length + 1), sum: 0 };
    const known = this.#series.get(operation);
    if (known) known.set(status, series);
    else this.#series.set(operation, new Map([[status, series]]));
    return series;
  }

  async get() {
    const { name, help } = this;
    const values = [...this.#series].flatMap(([operation, byStatus]) =>
      [...byStatus].flatMap(([status, series]) => this.#values({ operation, status }, series)),
    );
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }

  #values(labels: { readonly operation: string; readonly status: number }, { counts, sum }: Series) {
    let count = 0;
    const buckets = [...counts].map((each, i) => {
      count += each;
      const le = this.#buckets[i] ?? '+Inf';
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}
