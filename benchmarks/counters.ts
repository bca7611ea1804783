/** What a server has counted by itself, from its /metrics: who asks sees answers, and a tool that asks not even those. */

/** Rows of the exposition format: name with labels, as in `up{instance="a"}`, and value. */
type Counters = ReadonlyMap<string, number>;

async function countersOf(http: string): Promise<Counters> {
  const text = await textOf(http, '/metrics');
  const rows = new Map<string, number>();
  for (const line of text.split('\n')) {
    const end = line.lastIndexOf(' ');
    if (!line.startsWith('#') && end > 0) rows.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return rows;
}

async function textOf(http: string, path: string): Promise<string> {
  const answer = await fetch(new URL(path, http));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

/** Sum of the rows of a metric of which `which` has a part. @param metric without labels */
function sum(counters: Counters, metric: string, which: (row: string) => boolean = () => true): number {
  let total = 0;
  for (const [row, value] of counters) {
    if (row.split('{', 1)[0] === metric && which(row)) total += value;
  }
  return total;
}

/** What a log has done with all the statements that it was given. */
export interface Registered {
  /** Leaves of the published tree. */
  readonly size: number;
  /** Each has a state entry, which is a leaf too. */
  readonly commits: number;
  readonly logged: number;
  /** That were there already, or were refused. */
  readonly others: number;
}

/** @param http address of the server */
export async function registered(http: string): Promise<Registered> {
  const counters = await countersOf(http);
  const logged = (row: string) => row.endsWith('{outcome="OK"}');
  const outcomes = 'aichain_registrations_total';
  return {
    size: Number((await textOf(http, '/checkpoint')).split('\n', 2)[1]),
    commits: sum(counters, 'aichain_batch_statements_count'),
    logged: sum(counters, outcomes, logged),
    others: sum(counters, outcomes, (row) => !logged(row)),
  };
}

/**
 * That each of `count` statements was logged anew and nothing else was: by the log's own count, and by the size of its tree.
 * @throws it was not so
 */
export function checkLogged(before: Registered, after: Registered, count: number): void {
  const logged = after.logged - before.logged;
  const others = after.others - before.others;
  if (logged !== count || others !== 0) {
    throw new Error(`of ${count} statements ${logged} were logged, and ${others} were there or refused`);
  }
  const grown = after.size - before.size - (after.commits - before.commits);
  if (grown !== count) throw new Error(`the tree has ${grown} more statements, and ${count} were sent`);
}

/** gRPC calls by status that a server has answered with an error so far; not those that the caller has given up. */
export async function failedCalls(http: string): Promise<ReadonlyMap<string, number>> {
  const calls = new Map<string, number>();
  for (const [row, value] of await countersOf(http)) {
    const [, status] = /^aichain_grpc_request_seconds_count\{.*status="(\d+)"/.exec(row) ?? [];
    if (status === undefined || status === '0' || status === '1') continue;
    calls.set(status, (calls.get(status) ?? 0) + value);
  }
  return calls;
}

/** Decisions of gates so far. */
export async function decided(http: string): Promise<{ readonly allowed: number; readonly denied: number }> {
  const counters = await countersOf(http);
  const by = (decision: string) =>
    sum(counters, 'aichain_gate_decisions_total', (row) => row.includes(`decision="${decision}"`));
  return { allowed: by('allow'), denied: by('deny') };
}
