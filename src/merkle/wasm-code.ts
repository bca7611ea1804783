/** As much of the WebAssembly binary format as one module with one memory and plain functions takes. */

/** Bytes of instructions, in parts within parts: joined once, at the end. */
export type Code = readonly (number | Code)[];

const I32 = 0x7f;
const V128 = 0x7b;

export const get = (local: number): Code => [0x20, ...uint(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, ...uint(local)];
export const i32 = (value: number): number[] => [0x41, ...sint(value)];
export const i32add = (a: Code, b: Code): Code => [a, b, 0x6a];
export const i32sub = (a: Code, b: Code): Code => [a, b, 0x6b];
export const i32and = (a: Code, b: Code): Code => [a, b, 0x71];
export const i32shl = (a: Code, bits: number): Code => [a, i32(bits), 0x74];
export const i32eq = (a: Code, b: Code): Code => [a, b, 0x46];
export const i32load = (address: Code, offset: number): Code => [address, 0x28, 0, ...uint(offset)];
/** Does `body` where `condition` leaves another value than zero. */
export const when = (condition: Code, body: Code): Code => [condition, 0x04, 0x40, body, 0x0b];
/** Repeats `body` while the value that `condition` leaves is not zero; at least once. */
export const repeat = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];

/** Sixteen bytes at an address and a constant offset, of any alignment. */
export const load = (address: Code, offset: number): Code => [address, ...simd(0x00), 0, ...uint(offset)];
export const store = (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  ...simd(0x0b),
  0,
  ...uint(offset),
];
/** Of the 32 bytes of both, those at `lanes`. */
export const shuffle = (a: Code, b: Code, lanes: readonly number[]): Code => [a, b, ...simd(0x0d), ...lanes];
/** Of sixteen bytes, those at `lanes`. */
export const swizzle = (a: Code, lanes: readonly number[]): Code => [a, simd(0x0c), ...lanes, ...simd(0x0e)];
/** A vector with the four bytes at an address in one of its lanes. */
export const loadLane = (into: Code, lane: number, address: Code, offset: number): Code => [
  address,
  into,
  ...simd(0x56),
  0,
  ...uint(offset),
  lane,
];
export const lane = (a: Code, which: number): Code => [a, ...simd(0x1b), which];
/** The same number in all four lanes. */
export const splat = (a: Code): Code => [a, ...simd(0x11)];
/** All bits of a lane where it holds, else none; numbers with a sign. */
export const equals = (a: Code, b: Code): Code => [a, b, ...simd(0x37)];
export const greater = (a: Code, b: Code): Code => [a, b, ...simd(0x3b)];
export const any = (a: Code): Code => [a, ...simd(0x53)];
export const shrSigned = (a: Code, bits: number): Code => [a, ...i32(bits), ...simd(0xac)];
export const and = (a: Code, b: Code): Code => [a, b, ...simd(0x4e)];
export const or = (a: Code, b: Code): Code => [a, b, ...simd(0x50)];
export const xor = (a: Code, b: Code): Code => [a, b, ...simd(0x51)];
/** Four 32-bit lanes. */
export const shl = (a: Code, bits: number): Code => [a, ...i32(bits), ...simd(0xab)];
export const shr = (a: Code, bits: number): Code => [a, ...i32(bits), ...simd(0xad)];
export const add = (a: Code, b: Code): Code => [a, b, ...simd(0xae)];

export interface WasmFunction {
  readonly name: string;
  /** All of them i32. */
  readonly parameters: number;
  /** Locals after the parameters: numbers, then vectors. */
  readonly numbers: number;
  readonly vectors: number;
  readonly body: Code;
}

/** A module that imports its memory as `env.memory` and exports its functions. They answer nothing. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...vector(Array(parameters).fill([I32])), 0]);
  const bodies = functions.map(({ numbers, vectors, body }) => {
    const locals = vector([
      [...uint(numbers), I32],
      [...uint(vectors), V128],
    ]);
    const code = joined([locals, body, 0x0b]);
    return [...uint(code.length), code];
  });
  const sections = [
    section(1, types),
    section(2, [[...text('env'), ...text('memory'), 0x02, 0x00, 1]]),
    section(
      3,
      functions.map((_, i) => uint(i)),
    ),
    section(
      7,
      functions.map(({ name }, i) => [...text(name), 0x00, ...uint(i)]),
    ),
    section(10, bodies),
  ];
  return Uint8Array.from(joined([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections]));
}

function joined(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part);
    else joined(part, into);
  }
  return into;
}

function section(id: number, items: readonly Code[]): Code {
  const content = joined(vector(items));
  return [id, ...uint(content.length), content];
}

function vector(items: readonly Code[]): Code {
  return [...uint(items.length), ...items];
}

function text(value: string): number[] {
  return [...uint(value.length), ...new TextEncoder().encode(value)];
}

function simd(opcode: number): number[] {
  return [0xfd, ...uint(opcode)];
}

/** Unsigned LEB128. */
function uint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** Signed LEB128. */
function sint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    if ((rest >> 6 === 0 && !(low & 0x40)) || (rest >> 6 === -1 && low & 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}
