import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromUtf8, utf8 } from '../../src/core/bytes.ts';
import {
  formatAddCheckpoint,
  formatCosignatures,
  MAX_ADD_CHECKPOINT,
  parseAddCheckpoint,
  parseCosignatures,
  parseTlogSize,
} from '../../src/note/index.ts';
import { mangled, outcome } from '../core/mangle.ts';

const MALFORMED = { code: 'REQUEST_MALFORMED' };
const CHECKPOINT =
  'example.com/log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— example.com/log AAAAAAAA\n';
const HASH = 'PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=';

describe('the body of add-checkpoint', () => {
  it('reads the example of the specification', () => {
    const body = [
      'old 20852014',
      HASH,
      'jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=',
      '5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=',
      '/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=',
      '',
      CHECKPOINT,
    ].join('\n');
    const { old, proof, checkpoint } = parseAddCheckpoint(body);
    assert.deepEqual([old, proof.length, checkpoint], [20852014, 4, CHECKPOINT]);
    assert.equal(formatAddCheckpoint({ old, proof, checkpoint }), body);
  });

  it('may have no proof', () => {
    assert.deepEqual(parseAddCheckpoint(`old 0\n\n${CHECKPOINT}`), {
      old: 0,
      proof: [],
      checkpoint: CHECKPOINT,
    });
  });

  it('refuses what is not exactly the form', () => {
    for (const head of [
      '',
      'old',
      'old ',
      'old 00',
      'old 01',
      'old +1',
      'old -1',
      'old 1.0',
      'old 1e3',
      'old  1',
      'old 1 ',
      ' old 1',
      'OLD 1',
      'old 0x1',
      'old ١',
      'old 9007199254740992',
      'old 18446744073709551615',
      'old 99999999999999999999999',
      `${HASH}\nold 1`,
      'old 1\r',
      `old 1\n${HASH.slice(0, -1)}`,
      `old 1\n${HASH} `,
      `old 1\n ${HASH}`,
      'old 1\nAAAA',
      `old 1\n${'A'.repeat(86)}==`,
      `old 1\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkax=`,
      `old 1${`\n${HASH}`.repeat(64)}`,
    ]) {
      assert.throws(() => parseAddCheckpoint(`${head}\n\n${CHECKPOINT}`), MALFORMED, head);
    }
    assert.throws(() => parseAddCheckpoint('old 0\n'), MALFORMED);
    assert.throws(() => parseAddCheckpoint(Uint8Array.of(...utf8('old 0\n\n'), 0xff)), MALFORMED);
    assert.throws(() => parseAddCheckpoint(`old 0\n\n${'x'.repeat(MAX_ADD_CHECKPOINT)}`), MALFORMED);
    assert.equal(parseAddCheckpoint(`old 1${`\n${HASH}`.repeat(63)}\n\n${CHECKPOINT}`).proof.length, 63);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
        (old, proof) => {
          const read = parseAddCheckpoint(utf8(formatAddCheckpoint({ old, proof, checkpoint: CHECKPOINT })));
          assert.deepEqual(read, { old, proof, checkpoint: CHECKPOINT });
        },
      ),
    );
  });

  it('has one text for one value, whatever byte is changed', () => {
    const body = utf8(
      formatAddCheckpoint({ old: 12, proof: [new Uint8Array(32).fill(7)], checkpoint: CHECKPOINT }),
    );
    for (const bytes of mangled(body)) {
      const result = outcome(() => parseAddCheckpoint(bytes));
      if ('code' in result) assert.equal(result.code, 'REQUEST_MALFORMED');
      else assert.equal(formatAddCheckpoint(result.value), fromUtf8(bytes));
    }
  });
});

describe('what a witness answers', () => {
  const line = {
    name: 'example.com/w',
    id: Uint8Array.of(1, 2, 3, 4),
    signature: new Uint8Array(72).fill(9),
  };

  it('is signature lines', () => {
    const text = formatCosignatures([line, line]);
    assert.deepEqual(parseCosignatures(utf8(text)), [line, line]);
    for (const wrong of [
      '',
      '\n',
      text.slice(0, -1),
      `${text}\n`,
      `\n${text}`,
      `${text}x`,
      'x'.repeat(70_000),
    ]) {
      assert.throws(() => parseCosignatures(wrong), { code: 'NOTE_MALFORMED' }, wrong.slice(0, 20));
    }
    for (const bytes of mangled(utf8(formatCosignatures([line])))) {
      const result = outcome(() => parseCosignatures(bytes));
      if ('code' in result) assert.equal(result.code, 'NOTE_MALFORMED');
      else assert.equal(formatCosignatures(result.value), fromUtf8(bytes));
    }
  });

  it('is a size, where ours was another', () => {
    assert.equal(parseTlogSize(utf8('0\n')), 0);
    assert.equal(parseTlogSize(utf8('9007199254740991\n')), Number.MAX_SAFE_INTEGER);
    for (const wrong of [
      '',
      '\n',
      '1',
      '01\n',
      '+1\n',
      '1\n\n',
      ' 1\n',
      '9007199254740992\n',
      '1'.repeat(99),
    ]) {
      assert.throws(() => parseTlogSize(utf8(wrong)), { code: 'RESPONSE_MALFORMED' }, wrong);
    }
  });
});
