/** Text of any characters, like fast-check's `unit: 'binary'`, which spends a second on a table of all of them. */
import fc from 'fast-check';

const SURROGATES = 0x800;
const FIRST = 0xd800;

/** Every code point that is a character of its own. */
const character = fc.integer({ min: 0, max: 0x10ffff - SURROGATES }).map(
  (n) => String.fromCodePoint(n < FIRST ? n : n + SURROGATES),
  (value) => {
    const [first, ...more] = typeof value === 'string' ? value : '';
    const code = first?.codePointAt(0);
    if (code === undefined || more.length > 0 || !(value as string).isWellFormed())
      throw new Error('not one');
    return code < FIRST ? code : code - SURROGATES;
  },
);

export const anyText = (limits: { minLength?: number; maxLength?: number } = {}) =>
  fc.string({ unit: character, ...limits });
