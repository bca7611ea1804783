import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concat, fromHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { readSafetensors, type Tensor, writeSafetensors } from '../../src/participants/safetensors.ts';
import { readModel, writeModel } from '../../src/participants/training/model-file.ts';
import { Network } from '../../src/participants/training/network.ts';
import { mangled, outcome } from '../core/mangle.ts';

/** By the format's own library, 0.8.0: three tensors, one of metadata. */
const REFERENCE = fromHex(
  'c0000000000000007b225f5f6d657461646174615f5f223a7b226b223a2276227d2c226e223a7b226474797065223a22493634222c227368' +
    '617065223a5b315d2c22646174615f6f666673657473223a5b302c385d7d2c2261223a7b226474797065223a22463332222c227368617065' +
    '223a5b322c315d2c22646174615f6f666673657473223a5b382c31365d7d2c2262223a7b226474797065223a22463332222c227368617065' +
    '223a5b325d2c22646174615f6f666673657473223a5b31362c32345d7d7d2020f9ffffffffffffff0000803e000000410000c03f000000c0',
);
const refused = (error: unknown) => isLedgerError(error, 'MODEL_MALFORMED');

test('a file of the format’s own library is read, and written byte for byte', () => {
  const file = readSafetensors(REFERENCE);
  assert.deepEqual([...file.metadata], [['k', 'v']]);
  assert.deepEqual(
    file.tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
    [
      ['n', 'I64', [1]],
      ['a', 'F32', [2, 1]],
      ['b', 'F32', [2]],
    ],
  );
  assert.deepEqual(writeSafetensors(file), REFERENCE);
});

test('what is written is read', () => {
  const tensor = fc.record({
    dtype: fc.constantFrom('F32', 'U8', 'I64', 'F16') as fc.Arbitrary<Tensor['dtype']>,
    shape: fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
  });
  const width = { F32: 4, U8: 1, I64: 8, F16: 2 } as Record<string, number>;
  const names = fc.uniqueArray(
    fc.string({ unit: fc.constantFrom('a', '1', '"', '\\', '\n', 'é', '😀', '\u2028'), maxLength: 4 }),
    { maxLength: 4 },
  );
  const metadata = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(names, fc.array(tensor, { minLength: 4, maxLength: 4 }), metadata, (names, kinds, texts) => {
      const tensors = names.map((name, i): Tensor => {
        const { dtype, shape } = kinds[i]!;
        const size = shape.reduce((a, b) => a * b, width[dtype]!);
        return { name, dtype, shape, data: Uint8Array.from({ length: size }, (_, j) => i + j) };
      });
      // JSON has no member __proto__ that a plain object keeps.
      const metadata = new Map(Object.entries(texts).filter(([name]) => name !== '__proto__'));
      const read = readSafetensors(writeSafetensors({ tensors, metadata }));
      const byName = (a: Tensor, b: Tensor) => (a.name < b.name ? -1 : 1);
      assert.deepEqual([...read.tensors].sort(byName), [...tensors].sort(byName));
      assert.deepEqual(new Map([...read.metadata].sort()), new Map([...metadata].sort()));
    }),
  );
});

/** A file of this header and so many bytes. */
function fileOf(header: string, data: number): Bytes {
  const text = utf8(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return concat(length, text, new Uint8Array(data));
}

test('every byte of the data belongs to one tensor, and to no two', () => {
  const a = (place: string, shape = '[1]', dtype = '"F32"') =>
    `"a":{"dtype":${dtype},"shape":${shape},"data_offsets":${place}}`;
  assert.equal(readSafetensors(fileOf(`{${a('[0,4]')}}`, 4)).tensors.length, 1);
  assert.equal(readSafetensors(fileOf('{}', 0)).tensors.length, 0);
  const wrong: [string, number][] = [
    [`{${a('[0,4]')}}`, 5],
    [`{${a('[0,4]')}}`, 3],
    [`{${a('[4,8]')}}`, 8],
    [`{${a('[4,0]')}}`, 4],
    [`{${a('[0,4]', '[2]')}}`, 4],
    [`{${a('[0,4]', '[1]', '"F8"')}}`, 4],
    [`{${a('[0,4]', '[1]', '"toString"')}}`, 4],
    [`{${a('[0,4]', '[1.0]')}}`, 4],
    [`{${a('[0,4]', '[-1,-1]')}}`, 4],
    [`{${a('[0,4]', '[9007199254740993]')}}`, 4],
    [`{${a('[0,0]', '[4294967296,4294967296,0]')}}`, 1],
    [`{${a('[0,4,4]')}}`, 4],
    [`{${a('[0,4]')},${a('[0,4]')}}`, 4],
    [`{${a('[0,4]')},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4],
    [`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}`, 4],
    [`{"a":1}`, 0],
    [`{"__metadata__":{"k":1}}`, 0],
    [`{"__metadata__":[]}`, 0],
    [' {}', 0],
    ['[]', 0],
    ['{', 0],
    ['', 0],
  ];
  for (const [header, data] of wrong)
    assert.throws(() => readSafetensors(fileOf(header, data)), refused, header);
  for (const length of [0n, 1n, 2n ** 40n, 2n ** 64n - 1n]) {
    const bytes = Uint8Array.from(REFERENCE);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    assert.throws(() => readSafetensors(bytes), refused);
  }
});

test('a damaged file is refused, or is the same tensors with other bytes or names', () => {
  for (const bytes of mangled(REFERENCE)) {
    const found = outcome(() => readSafetensors(bytes));
    if ('code' in found) assert.equal(found.code, 'MODEL_MALFORMED');
    else {
      const size = found.value.tensors.reduce((sum, { data }) => sum + data.length, 0);
      assert.equal(size, 24);
    }
  }
});

test('what cannot be written is refused', () => {
  const tensor = (name: string, size: number): Tensor => ({
    ...{ name, dtype: 'U8', shape: [2], data: new Uint8Array(size) },
  });
  const wrong = [[tensor('a', 1)], [tensor('a', 2), tensor('a', 2)], [tensor('__metadata__', 2)]];
  for (const tensors of wrong) {
    assert.throws(
      () => writeSafetensors({ tensors, metadata: new Map() }),
      (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
    );
  }
});

test('a damaged model is refused, or a model of the same form', () => {
  const network = new Network({ inputs: 2, hidden: [2], dropout: 0 });
  network.parameters.set([0.5, -1, 2, 0.25, 1, -1, 3, -2, 0.125]);
  const scale = { offset: 0, factor: 1 };
  const file = writeModel({ network, features: ['a', 'b'], target: 'y' }, [scale, scale]);
  assert.deepEqual(readModel(file).network.parameters, network.parameters);
  for (const bytes of mangled(file)) {
    const found = outcome(() => readModel(bytes));
    if ('code' in found) assert.equal(found.code, 'MODEL_MALFORMED');
    else assert.equal(found.value.network.parameters.every(Number.isFinite), true);
  }
});
