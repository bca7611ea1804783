import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StatementSource } from '../../src/client/statement-source.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';

const statement = (size: number): Bytes => new Uint8Array(size);
const limits = { statements: 4, bytes: 100 };

async function sizes(source: StatementSource): Promise<number[][]> {
  const all: number[][] = [];
  for (let batch = await source.batch(); batch; batch = await source.batch()) {
    all.push(batch.map(({ length }) => length));
  }
  return all;
}

describe('a source of statements', () => {
  test('is cut by number and by size, in its order', async () => {
    const items = [1, 2, 3, 4, 5, 60, 50, 7, 300, 8].map(statement);
    assert.deepEqual(await sizes(new StatementSource(items, limits)), [
      [1, 2, 3, 4],
      [5, 60, 50],
      [7, 300],
      [8],
    ]);
    assert.deepEqual(await sizes(new StatementSource([], limits)), []);
  });

  test('that pauses gives what it has', async () => {
    async function* slow() {
      yield statement(1);
      yield statement(2);
      await delay(60);
      yield statement(3);
    }
    assert.deepEqual(await sizes(new StatementSource(slow(), limits)), [[1, 2], [3]]);
  });

  test('that fails, fails where it does', async () => {
    async function* broken() {
      yield statement(1);
      throw new Error('the source broke');
    }
    await assert.rejects(new StatementSource(broken(), limits).batch(), /the source broke/);
    const wrong = new StatementSource(['text'] as unknown as Bytes[], limits);
    await assert.rejects(wrong.batch(), (error) => isLedgerError(error, 'ARGUMENT_INVALID'));
  });

  test('is told when nothing more is wanted, even while it waits', async () => {
    let told = 0;
    const waiting: AsyncIterable<Bytes> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          told++;
          return { done: true, value: undefined };
        },
      }),
    };
    const source = new StatementSource(waiting, limits);
    void source.batch();
    source.close();
    assert.equal(told, 1);
  });
});
