import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLedgerError } from '../../src/core/errors.ts';
import { WorkerPool } from '../../src/platform/worker-pool.ts';

/** Answers with what it is asked and what it was told first, and dies on request. */
const module = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    let told;
    parentPort.on('message', ({ id, request }) => {
      if (request === 'die') process.exit(1);
      if (request === 'bloat') for (const all = []; ; ) all.push(new Array(1000).fill({}));
      if (request.startsWith('told ')) told = request;
      parentPort.postMessage({ id, answer: told + ', ' + request });
    });`)}`,
);

async function withPool(use: (pool: WorkerPool<string, string>) => Promise<void>, size = 1): Promise<void> {
  const pool = new WorkerPool<string, string>({
    module,
    size,
    depth: 2,
    initial: () => ['told first'],
  });
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

test('a thread that dies fails what it had, and its successor takes what comes next', () =>
  withPool(async (pool) => {
    assert.equal(await pool.run('a'), 'told first, a');
    const lost = [pool.run('die'), pool.run('b')];
    for (const answer of lost) await assert.rejects(answer, (error) => isLedgerError(error, 'INTERNAL'));
    // At once, while no thread lives.
    assert.equal(await pool.run('c'), 'told first, c');
  }));

test('a thread that needs too much memory is ended, and nothing else is', () =>
  withPool(async (pool) => {
    await assert.rejects(pool.run('bloat'), (error) => isLedgerError(error, 'INTERNAL'));
    assert.equal(await pool.run('a'), 'told first, a');
  }));

test('a thread that cannot be had at once is asked for again', async () => {
  const ends: unknown[] = [];
  let started = 0;
  const pool = new WorkerPool<string, string>({
    get module() {
      // Where the system refuses one, node throws it at once.
      if (++started === 2) throw new Error('ERR_WORKER_INIT_FAILED');
      return module;
    },
    ...{ size: 1, depth: 2, initial: () => ['told first'], onExit: (error) => ends.push(error?.message) },
  });
  await assert.rejects(pool.run('die'));
  for (let answer = ''; answer === ''; ) answer = await pool.run('a').catch(() => '');
  assert.deepEqual([started, ends], [3, [undefined, 'ERR_WORKER_INIT_FAILED']]);
  await pool.close();
});

test('a closed pool answers nothing any more', () =>
  withPool(async (pool) => {
    const asked = pool.run('die');
    await pool.close();
    await assert.rejects(asked, isLedgerError);
    await assert.rejects(pool.run('a'), (error) => isLedgerError(error, 'LOG_CLOSING'));
  }));

test('what cannot be sent to a thread takes no place there', () =>
  withPool(async (pool) => {
    const unsendable = (() => undefined) as unknown as string;
    await assert.rejects(pool.run(unsendable), { name: 'DataCloneError' });
    assert.deepEqual(pool.load, { all: 0, least: 0 });
    assert.equal(await pool.run('a'), 'told first, a');
  }));

test('what the threads are told takes nobody a place', () =>
  withPool(async (pool) => {
    for (let n = 0; n < 5; n++) pool.tell('told again');
    assert.equal(pool.free, true);
    assert.deepEqual(pool.load, { all: 0, least: 0 });
    const answers = [pool.run('a'), pool.run('b')];
    assert.equal(pool.free, false);
    assert.deepEqual(await Promise.all(answers), ['told again, a', 'told again, b']);
    assert.equal(pool.free, true);
  }));

test('the thread with the least to do is asked', () =>
  withPool(async (pool) => {
    const answers = [pool.run('many', [], 10), pool.run('few', [], 2)];
    assert.deepEqual([pool.load, pool.free], [{ all: 12, least: 2 }, true]);
    answers.push(pool.run('one', [], 1));
    // Not free, although the other thread could hold another.
    assert.deepEqual([pool.load, pool.free], [{ all: 13, least: 3 }, false]);
    await Promise.all(answers);
    assert.deepEqual(pool.load, { all: 0, least: 0 });
    const died = pool.run('die', [], 4);
    await assert.rejects(died);
    assert.equal(await pool.run('a'), 'told first, a');
    assert.equal(pool.load.all, 0);
  }, 2));

test('a pool of no threads is never free', () =>
  withPool(async (pool) => {
    assert.deepEqual([pool.size, pool.free], [0, false]);
  }, 0));
