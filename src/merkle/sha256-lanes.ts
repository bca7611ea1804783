/**
 * SHA-256 of four messages at a time, in WebAssembly vectors. Audits and replays hash a few hundred bytes millions of
 * times, and there the call into OpenSSL costs as much as its hash: this is two to three times faster for it.
 *
 * Nothing rests on it alone: whatever does not fit is hashed again, with the crypto interface, before anybody says so, and
 * the root of every log is computed by both.
 */
import type { Bytes } from '../core/bytes.ts';
import {
  add,
  and,
  type Code,
  get,
  i32,
  i32add,
  i32sub,
  load,
  or,
  repeat,
  set,
  shl,
  shr,
  shuffle,
  store,
  wasmModule,
  xor,
} from './wasm-code.ts';

const LANES = 4;
const BLOCK = 64;
const PAGE = 65_536;

// FIPS 180-4 §4.2.2, §5.3.3: fractional parts of cube roots and square roots of the first primes.
const PRIMES = [2, 3];
for (let n = 5; PRIMES.length < 64; n += 2) if (PRIMES.every((p) => n % p !== 0)) PRIMES.push(n);
const ROUND = PRIMES.map((prime) => fraction(prime, 3));
const INITIAL = PRIMES.slice(0, 8).map((prime) => fraction(prime, 2));

/** The first 32 bits after the point of a root, by exact integers. */
function fraction(prime: number, degree: 2 | 3): number {
  const scaled = BigInt(prime) << BigInt(32 * degree);
  let root = 0n;
  for (let bit = 1n << 36n; bit > 0n; bit >>= 1n) {
    const tried = root | bit;
    if (tried ** BigInt(degree) <= scaled) root = tried;
  }
  return Number(root & 0xffff_ffffn);
}

// Parameters of `hash`: four addresses of padded messages, their number of blocks, four addresses for the hashes.
const FROM = [0, 1, 2, 3];
const BLOCKS = 4;
const TO = [5, 6, 7, 8];
const local = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
/** Address of the round constants that are next. */
const CONSTANTS = 9;
const WORDS = local(10, 16);
const WORK = local(26, 8);
const STATE = local(34, 8);
const TEMPORARY = local(42, 4);
const VECTORS = 36;

const ROUND_TABLE = 0;
const INITIAL_TABLE = 64 * 16;
/** Where the caller's bytes begin. */
export const FREE = INITIAL_TABLE + 8 * 16;

const SWAP = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const words = (...lanes: number[]) => lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte));
const LOW = words(0, 4, 1, 5);
const HIGH = words(2, 6, 3, 7);
const LOW_HALVES = words(0, 1, 4, 5);
const HIGH_HALVES = words(2, 3, 6, 7);

/** Four vectors by rows into four by columns. */
function transpose(from: readonly Code[], to: readonly number[]): Code {
  const [t0, t1, t2, t3] = TEMPORARY as [number, number, number, number];
  return [
    set(t0, shuffle(from[0]!, from[1]!, LOW)),
    set(t1, shuffle(from[0]!, from[1]!, HIGH)),
    set(t2, shuffle(from[2]!, from[3]!, LOW)),
    set(t3, shuffle(from[2]!, from[3]!, HIGH)),
    set(to[0]!, shuffle(get(t0), get(t2), LOW_HALVES)),
    set(to[1]!, shuffle(get(t0), get(t2), HIGH_HALVES)),
    set(to[2]!, shuffle(get(t1), get(t3), LOW_HALVES)),
    set(to[3]!, shuffle(get(t1), get(t3), HIGH_HALVES)),
  ];
}

const turned = (x: Code, bits: number): Code => or(shr(x, bits), shl(x, 32 - bits));

function hashProgram(): Code {
  const code: Code[] = [];
  const emit = (more: Code) => code.push(more);
  const swapped = (x: Code) => shuffle(x, x, SWAP);
  STATE.forEach((h, i) => {
    emit(set(h, load(i32(INITIAL_TABLE + i * 16), 0)));
  });

  const block: Code[] = [];
  const into = (more: Code) => block.push(more);
  for (let group = 0; group < 4; group++) {
    const target = WORDS.slice(group * 4, group * 4 + 4);
    FROM.forEach((from, lane) => {
      into(set(target[lane]!, swapped(load(get(from), group * 16))));
    });
    into(transpose(target.map(get), target));
  }
  let [a, b, c, d, e, f, g, h] = WORK as [number, number, number, number, number, number, number, number];
  WORK.forEach((x, i) => {
    into(set(x, get(STATE[i]!)));
  });
  const [t1, t2, t3] = TEMPORARY as [number, number, number];
  const round = (t: number, first: boolean): Code => {
    const word = (back: number) => get(WORDS[(t - back + 16) % 16]!);
    const code: Code[] = [];
    if (!first) {
      const small0 = xor(xor(turned(word(15), 7), turned(word(15), 18)), shr(word(15), 3));
      const small1 = xor(xor(turned(word(2), 17), turned(word(2), 19)), shr(word(2), 10));
      code.push(set(WORDS[t]!, add(add(word(0), small0), add(word(7), small1))));
    }
    const big1 = xor(xor(turned(get(e), 6), turned(get(e), 11)), turned(get(e), 25));
    const choice = xor(get(g), and(get(e), xor(get(f), get(g))));
    const constant = load(get(CONSTANTS), t * 16);
    code.push(set(t1, add(add(add(get(h), big1), choice), add(constant, word(0)))));
    const big0 = xor(xor(turned(get(a), 2), turned(get(a), 13)), turned(get(a), 22));
    // Of a, b and c: with a ^ b, which the next round needs as its b ^ c.
    const [differs, before] = t % 2 === 0 ? [t2, t3] : [t3, t2];
    code.push(set(differs, xor(get(a), get(b))));
    const majority = xor(get(b), and(get(differs), get(before)));
    code.push(set(d, add(get(d), get(t1))), set(h, add(get(t1), add(big0, majority))));
    [a, b, c, d, e, f, g, h] = [h, a, b, c, d, e, f, g];
    return code;
  };
  // Sixteen rounds turn the eight names round twice: each is where it began, and the next sixteen are the same code.
  const sixteen = (first: boolean): Code => [
    WORDS.map((_, t) => round(t, first)),
    set(CONSTANTS, i32add(get(CONSTANTS), i32(16 * 16))),
  ];
  into(set(CONSTANTS, i32(ROUND_TABLE)));
  into(set(t3, xor(get(b), get(c))));
  into(sixteen(true));
  into(repeat(sixteen(false), i32sub(i32(ROUND_TABLE + 64 * 16), get(CONSTANTS))));
  STATE.forEach((x, i) => {
    into(set(x, add(get(x), get(WORK[i]!))));
  });
  for (const from of FROM) into(set(from, i32add(get(from), i32(BLOCK))));
  into(set(BLOCKS, i32sub(get(BLOCKS), i32(1))));
  emit(repeat(block, get(BLOCKS)));

  for (let half = 0; half < 2; half++) {
    const lanes = WORDS.slice(0, 4);
    emit(transpose(STATE.slice(half * 4, half * 4 + 4).map(get), lanes));
    TO.forEach((to, lane) => {
      emit(store(get(to), half * 16, swapped(get(lanes[lane]!))));
    });
  }
  return code;
}

let compiled: WebAssembly.Module | undefined;

type Hash = (
  ...args: [
    a: number,
    b: number,
    c: number,
    d: number,
    blocks: number,
    ...to: [number, number, number, number],
  ]
) => void;

type Addresses = readonly number[] | Uint32Array;

export class Sha256Lanes {
  readonly #memory: WebAssembly.Memory;
  readonly #hash: Hash;
  #bytes: Bytes;
  #view: DataView;

  constructor() {
    compiled ??= new WebAssembly.Module(
      wasmModule([{ name: 'hash', parameters: 9, numbers: 1, vectors: VECTORS, body: hashProgram() }]),
    );
    this.#memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#hash = exports.hash as Hash;
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
    const table = (at: number, values: readonly number[]) =>
      values.forEach((value, i) => {
        for (let lane = 0; lane < LANES; lane++) this.#view.setUint32(at + i * 16 + lane * 4, value, true);
      });
    table(ROUND_TABLE, ROUND);
    table(INITIAL_TABLE, INITIAL);
  }

  /** The memory that addresses mean; another array once {@link reserve} has grown it. */
  get bytes(): Bytes {
    return this.#bytes;
  }

  /** Makes sure that addresses below `end` exist. */
  reserve(end: number): void {
    const missing = Math.ceil((end - this.#bytes.length) / PAGE);
    if (missing <= 0) return;
    this.#memory.grow(missing);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }

  /** Makes the `length` bytes at `at` a whole number of blocks (FIPS 180-4 §5.1.1). @returns how many */
  pad(at: number, length: number): number {
    const bytes = this.#bytes;
    const blocks = blocksOf(length);
    const end = at + blocks * BLOCK;
    bytes[at + length] = 0x80;
    // For as few bytes as these, a loop takes half as long as the call that would fill them.
    for (let i = at + length + 1; i < end - 4; i++) bytes[i] = 0;
    this.#view.setUint32(end - 4, length * 8);
    return blocks;
  }

  /**
   * The hashes of padded messages of `blocks` blocks each.
   * @param from addresses of messages @param to addresses of 32 bytes each, outside of the messages
   * @param begin first of them @param end after the last
   */
  hash(from: Addresses, blocks: number, to: Addresses, begin = 0, end = from.length): void {
    const last = end - 1;
    for (let i = begin; i < end; i += LANES) {
      // Lanes without a message of their own do the last one's work again.
      const [a, b, c, d] = [i, Math.min(i + 1, last), Math.min(i + 2, last), Math.min(i + 3, last)];
      this.#hash(from[a]!, from[b]!, from[c]!, from[d]!, blocks, to[a]!, to[b]!, to[c]!, to[d]!);
    }
  }
}

/** Blocks of a message of so many bytes, with its padding. */
export function blocksOf(length: number): number {
  return Math.ceil((length + 9) / BLOCK);
}
