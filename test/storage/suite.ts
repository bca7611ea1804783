/**
 * The storage contract as tests. A driver's own test file calls `storageSuite` with how to open it; capabilities
 * switch what only some media can do.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, compare, toHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { type Range, type ReadableStorage, type Storage, WriteBatch } from '../../src/storage/contract.ts';

export interface Driver {
  name: string;
  capabilities: {
    /** What was written is there when the same medium is opened again. */
    persistent: boolean;
    /** A medium that is open cannot be opened a second time. */
    locks: boolean;
  };
  /** A new, empty medium. */
  medium(): Promise<Medium>;
}

export interface Medium {
  open(): Promise<Storage>;
  destroy(): Promise<void>;
}

type Row = [key: Bytes, value: Bytes];

export const b = utf8;
export const failsWith = (code: string) => (error: unknown) => isLedgerError(error, code);
export const put = (...rows: [string, string][]) =>
  rows.reduce((batch, [key, value]) => batch.put(b(key), b(value)), new WriteBatch());

export async function rowsOf(storage: ReadableStorage, range: Range = {}): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of storage.range(range)) rows.push(row);
  return rows;
}

async function keysOf(storage: Storage, range: Range = {}): Promise<string[]> {
  return (await rowsOf(storage, range)).map(([key]) => new TextDecoder().decode(key));
}

export function storageSuite(driver: Driver): void {
  describe(`storage contract: ${driver.name}`, () => {
    let medium: Medium;
    let storage: Storage;

    before(async () => {
      medium = await driver.medium();
      storage = await medium.open();
    });
    beforeEach(async () => {
      const clean = new WriteBatch();
      for (const [key] of await rowsOf(storage)) clean.del(key);
      await storage.write(clean);
    });
    after(async () => {
      await storage.close();
      await medium.destroy();
    });

    describe('get, getMany', () => {
      it('finds what was written, and undefined for what was not', async () => {
        await storage.write(put(['a', '1'], ['b', '']));
        assert.deepEqual(await storage.get(b('a')), b('1'));
        assert.deepEqual(await storage.get(b('b')), new Uint8Array(0));
        assert.equal(await storage.get(b('c')), undefined);
        assert.equal(await storage.get(b('A')), undefined);
      });

      it('answers many in the order of the keys, repeated and missing ones included', async () => {
        await storage.write(put(['a', '1'], ['b', '2']));
        const found = await storage.getMany([b('b'), b('x'), b('a'), b('b')]);
        assert.deepEqual(found, [b('2'), undefined, b('1'), b('2')]);
        assert.deepEqual(await storage.getMany([]), []);
      });

      it('gives plain byte arrays that belong to the caller', async () => {
        const value = b('1');
        await storage.write(new WriteBatch().put(b('a'), value));
        value[0] = 0; // the write has settled: the storage holds a copy
        const first = await storage.get(b('a'));
        assert.equal(Object.getPrototypeOf(first), Uint8Array.prototype);
        assert.deepEqual(first, b('1'));
        first![0] = 0;
        for await (const row of storage.range({})) for (const bytes of row) bytes.fill(0);
        assert.deepEqual(await storage.getMany([b('a')]), [b('1')]);
        assert.deepEqual(await rowsOf(storage), [[b('a'), b('1')]]);
      });

      it('keeps any bytes as key and value', async () => {
        const all = Uint8Array.from({ length: 256 }, (_, i) => i);
        await storage.write(new WriteBatch().put(all, all).put(Uint8Array.of(0), Uint8Array.of(0)));
        assert.deepEqual(await storage.get(all), all);
        assert.deepEqual(await storage.get(Uint8Array.of(0)), Uint8Array.of(0));
        assert.equal(await storage.get(Uint8Array.of(0, 0)), undefined);
      });

      it('takes values of 4 MiB and keys of 4 KiB', async () => {
        const value = new Uint8Array(4 * 1024 * 1024).map((_, i) => (i * 2654435761) >>> 13);
        const key = new Uint8Array(4096).fill(0xff);
        await storage.write(new WriteBatch().put(key, value).put(b('a'), value));
        assert.ok(compare((await storage.get(key))!, value) === 0);
        const sizes = (await rowsOf(storage)).map((row) => row[1].length);
        assert.deepEqual(sizes, [value.length, value.length]);
      });
    });

    describe('range', () => {
      beforeEach(() => storage.write(put(['a', '1'], ['b', '2'], ['ba', '3'], ['c', '4'], ['d', '5'])));

      it('gives rows in bytewise order, a prefix first', async () => {
        assert.deepEqual(await keysOf(storage), ['a', 'b', 'ba', 'c', 'd']);
        await storage.write(new WriteBatch().put(Uint8Array.of(0xff), b('')).put(Uint8Array.of(0x7f), b('')));
        const keys = (await rowsOf(storage, { gte: b('d') })).map(([key]) => toHex(key));
        assert.deepEqual(keys, ['64', '7f', 'ff']);
      });

      const cases: [Range, string[]][] = [
        [{ gte: b('b') }, ['b', 'ba', 'c', 'd']],
        [{ lt: b('c') }, ['a', 'b', 'ba']],
        [{ gte: b('b'), lt: b('c') }, ['b', 'ba']],
        [{ gte: b('bb'), lt: b('z') }, ['c', 'd']],
        [{ gte: b('b'), lt: b('b') }, []],
        [{ gte: b('c'), lt: b('b') }, []],
        [{ gte: b('x') }, []],
        [{ limit: 2 }, ['a', 'b']],
        [{ limit: 0 }, []],
        [{ limit: 9 }, ['a', 'b', 'ba', 'c', 'd']],
        [{ reverse: true }, ['d', 'c', 'ba', 'b', 'a']],
        [{ reverse: true, limit: 2 }, ['d', 'c']],
        [{ gte: b('b'), lt: b('d'), reverse: true, limit: 2 }, ['c', 'ba']],
        [{ lt: b('a'), reverse: true, limit: 1 }, []],
      ];
      for (const [range, keys] of cases) {
        const shown = Object.entries(range).map(([name, value]) =>
          value instanceof Uint8Array ? `${name} ${new TextDecoder().decode(value)}` : `${name} ${value}`,
        );
        it(`{${shown.join(', ')}} gives ${keys.join(' ') || 'nothing'}`, async () => {
          assert.deepEqual(await keysOf(storage, range), keys);
        });
      }

      it('shows the rows as they were when iteration began', async () => {
        const keys: string[] = [];
        for await (const [key, value] of storage.range({})) {
          keys.push(new TextDecoder().decode(key));
          if (keys.length === 1) {
            await storage.write(put(['bb', 'new'], ['c', 'changed']).del(b('d')));
          }
          assert.notDeepEqual(value, b('changed'));
        }
        assert.deepEqual(keys, ['a', 'b', 'ba', 'c', 'd']);
        assert.deepEqual(await keysOf(storage), ['a', 'b', 'ba', 'bb', 'c']);
      });

      it('can be left early, many times, and at once with others', async () => {
        for (let i = 0; i < 200; i++) for await (const _ of storage.range({})) break;
        await assert.rejects(async () => {
          for await (const _ of storage.range({})) throw new RangeError('left by a throw');
        }, RangeError);
        const both = await Promise.all([keysOf(storage), keysOf(storage, { reverse: true })]);
        assert.deepEqual(both[0], both[1].reverse());
      });

      it('goes through many large rows', async () => {
        const value = new Uint8Array(64 * 1024).fill(7);
        const batch = new WriteBatch();
        for (let i = 0; i < 300; i++) batch.put(b(`x${String(i).padStart(4, '0')}`), value);
        await storage.write(batch);
        let rows = 0;
        for await (const [, found] of storage.range({ gte: b('x') })) {
          assert.equal(found.length, value.length);
          rows++;
        }
        assert.equal(rows, 300);
      });
    });

    describe('write', () => {
      it('applies all operations of a batch, the last one on a key', async () => {
        await storage.write(put(['a', '1'], ['b', '2']));
        const batch = put(['c', '3'], ['a', '4']).del(b('b')).put(b('d'), b('5')).del(b('d'));
        await storage.write(batch.del(b('e')).put(b('e'), b('6')).del(b('not there')));
        const rows = (await rowsOf(storage)).map((row) =>
          row.map((bytes) => new TextDecoder().decode(bytes)),
        );
        assert.deepEqual(rows, [
          ['a', '4'],
          ['c', '3'],
          ['e', '6'],
        ]);
      });

      it('takes effect in the order of the calls, without waiting for each other', async () => {
        const writes = Array.from({ length: 50 }, (_, i) => storage.write(put(['n', `${i}`], [`k${i}`, ''])));
        await Promise.all(writes);
        assert.deepEqual(await storage.get(b('n')), b('49'));
        assert.equal((await keysOf(storage, { gte: b('k'), lt: b('l') })).length, 50);
      });

      it('is never seen in part', async () => {
        let done = false;
        const writer = (async () => {
          for (let i = 0; i < 100; i++) await storage.write(put(['x', `${i}`], ['y', `${i}`], ['z', `${i}`]));
          done = true;
        })();
        while (!done) {
          const [x, y, z] = await storage.getMany([b('x'), b('y'), b('z')]);
          assert.deepEqual([y, z], [x, x]);
          await new Promise(setImmediate);
        }
        await writer;
      });

      it('refuses an empty key before anything is written', () => {
        assert.throws(() => new WriteBatch().put(new Uint8Array(0), b('1')), failsWith('ARGUMENT_INVALID'));
        assert.throws(() => new WriteBatch().del(new Uint8Array(0)), failsWith('ARGUMENT_INVALID'));
      });

      it('an empty batch is nothing', async () => {
        await storage.write(new WriteBatch());
        assert.deepEqual(await rowsOf(storage), []);
      });
    });

    describe('compare and swap', () => {
      const head = b('head');

      it('writes when the value is the expected one, or expectedly missing', async () => {
        await storage.write(put(['head', '1']), { key: head, value: undefined });
        await storage.write(put(['head', '2']), { key: head, value: b('1') });
        assert.deepEqual(await storage.get(head), b('2'));
      });

      it('otherwise writes nothing, says STORAGE_CONFLICT and stays usable', async () => {
        const conflicts = async (value: Bytes | undefined) =>
          assert.rejects(storage.write(put(['a', '1']), { key: head, value }), failsWith('STORAGE_CONFLICT'));
        await conflicts(b('1'));
        await conflicts(b(''));
        await storage.write(put(['head', '']));
        await conflicts(undefined);
        await conflicts(b('1'));
        assert.deepEqual(await keysOf(storage), ['head']);
        await storage.write(put(['a', '1']), { key: head, value: b('') });
        assert.deepEqual(await keysOf(storage), ['a', 'head']);
      });

      it('compares for an empty batch too', async () => {
        const empty = new WriteBatch();
        await storage.write(empty, { key: head, value: undefined });
        await assert.rejects(
          storage.write(empty, { key: head, value: b('1') }),
          failsWith('STORAGE_CONFLICT'),
        );
      });

      it('lets exactly one of many win', async () => {
        const tries = Array.from({ length: 20 }, (_, i) =>
          storage.write(put(['head', `${i}`]), { key: head, value: undefined }),
        );
        const outcomes = await Promise.allSettled(tries);
        assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') assert.ok(failsWith('STORAGE_CONFLICT')(outcome.reason));
        }
      });
    });

    it('behaves like a sorted map under any sequence of batches and ranges', async () => {
      const key = fc
        .uint8Array({ minLength: 1, maxLength: 3 })
        .map((bytes) => bytes.map((byte) => byte & 0xc1));
      const value = fc.uint8Array({ maxLength: 4 });
      const batch = fc.array(fc.record({ key, value: fc.option(value, { nil: undefined }) }), {
        maxLength: 12,
      });
      const range = fc.record(
        { gte: key, lt: key, reverse: fc.boolean(), limit: fc.nat(6) },
        { requiredKeys: [] },
      );
      const steps = fc.array(fc.record({ batch, range }), { minLength: 1, maxLength: 5 });
      const property = fc.asyncProperty(steps, async (all) => {
        const clean = new WriteBatch();
        for (const [old] of await rowsOf(storage)) clean.del(old);
        await storage.write(clean);
        const model = new Map<string, Row>();
        for (const step of all) {
          const write = new WriteBatch();
          for (const change of step.batch) {
            if (change.value) write.put(change.key, change.value);
            else write.del(change.key);
            if (change.value) model.set(toHex(change.key), [change.key, change.value]);
            else model.delete(toHex(change.key));
          }
          await storage.write(write);
          assert.deepEqual(await rowsOf(storage, step.range), modelRange([...model.values()], step.range));
          const keys = step.batch.map((change) => change.key);
          const expected = keys.map((asked) => model.get(toHex(asked))?.[1]);
          assert.deepEqual(await storage.getMany(keys), expected);
        }
      });
      await fc.assert(property, { numRuns: 30 });
    });

    describe('open and close', () => {
      let own: Medium;
      beforeEach(async () => {
        own = await driver.medium();
      });

      it('starts empty; refuses everything once closed; close can be called again', async () => {
        const opened = await own.open();
        assert.deepEqual(await rowsOf(opened), []);
        await opened.write(put(['a', '1']));
        const begun = opened.range({})[Symbol.asyncIterator]();
        const late = opened.write(put(['b', '2'])); // asked for before close: must go through
        await opened.close();
        await opened.close();
        await late;
        const closed = failsWith('STORAGE_FAILED');
        await assert.rejects(opened.get(b('a')), closed);
        await assert.rejects(opened.getMany([b('a')]), closed);
        await assert.rejects(opened.write(put(['a', '2'])), closed);
        await assert.rejects(opened.write(new WriteBatch()), closed);
        await assert.rejects(rowsOf(opened), closed);
        await assert.rejects(async () => begun.next(), closed);
        await own.destroy();
      });

      it('an iteration that is under way at close ends with an error, not as if it were complete', async () => {
        const opened = await own.open();
        const batch = new WriteBatch();
        for (let i = 0; i < 50; i++) batch.put(b(`k${i}`), new Uint8Array(64 * 1024));
        await opened.write(batch);
        await assert.rejects(async () => {
          for await (const _ of opened.range({})) await opened.close();
        }, failsWith('STORAGE_FAILED'));
        await own.destroy();
      });

      if (driver.capabilities.persistent) {
        it('finds what was written when it is opened again', async () => {
          const first = await own.open();
          await first.write(put(['a', '1'], ['b', '2']));
          await first.write(put(['a', '3']).del(b('b')));
          await first.close();
          const second = await own.open();
          assert.deepEqual(await rowsOf(second), [[b('a'), b('3')]]);
          await second.close();
          await own.destroy();
        });
      }

      if (driver.capabilities.locks) {
        it('cannot be opened twice at a time', async () => {
          const first = await own.open();
          await assert.rejects(own.open(), failsWith('LOG_LOCKED'));
          await first.write(put(['a', '1'])); // the one that has it is not disturbed
          await first.close();
          await (await own.open()).close();
          await own.destroy();
        });
      }
    });
  });
}

function modelRange(rows: Row[], { gte, lt, reverse, limit }: Range): Row[] {
  const inside = rows
    .filter(([key]) => (!gte || compare(key, gte) >= 0) && (!lt || compare(key, lt) < 0))
    .sort((x, y) => compare(x[0], y[0]));
  return (reverse ? inside.reverse() : inside).slice(0, limit);
}
