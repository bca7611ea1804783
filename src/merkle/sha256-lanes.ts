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
  any,
  type Code,
  equals,
  get,
  greater,
  i32,
  i32add,
  i32and,
  i32eq,
  i32load,
  i32shl,
  i32sub,
  lane,
  load,
  loadLane,
  or,
  repeat,
  set,
  shl,
  shr,
  shrSigned,
  shuffle,
  splat,
  store,
  swizzle,
  wasmModule,
  when,
  xor,
} from './wasm-code.ts';

const LANES = 4;
const BLOCK = 64;
const PAGE = 65_536;
/** Shorter messages are not worth a look at what they begin with. */
const LOOKED_AT = 3;
/** What is read beyond the end of a message at most. */
const BEHIND = 2 * BLOCK;

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

// Parameters of `hash`: the first vector of a list, the end of the list, blocks of each message, and what the first word of
// each begins with: a mask for what is in memory, and what is there instead.
const LIST = 0;
const END = 1;
const BLOCKS = 2;
const MASK = 3;
const PREFIX = 4;
/** Whether messages are looked at for a first block that they share. */
const ALIKE = 5;
const local = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
const FROM = local(6, 4);
/** Address of the round constants that are next. */
const CONSTANTS = 10;
/** Blocks left. */
const LEFT = 11;
const FIRST_MASK = 12;
const FIRST_PREFIX = 13;
/** Whether the block is to be remembered. */
const NEW = 14;
const NUMBERS = 9;
const WORDS = local(15, 16);
const WORK = local(31, 8);
const STATE = local(39, 8);
const TEMPORARY = local(47, 4);
/** What is left of each message: bytes, and whole words. */
const REST = 51;
const REST_WORDS = 52;
const VECTORS = 38;

const ROUND_TABLE = 0;
const INITIAL_TABLE = 64 * 16;
/** For a word of which 0 to 3 bytes belong to a message: those, and the bit behind them (FIPS 180-4 §5.1.1). */
const KEPT_TABLE = INITIAL_TABLE + 8 * 16;
const BIT_TABLE = KEPT_TABLE + 16;
/** A block that messages began with, the state behind it, and what is not zero as long as there is none. */
const KNOWN_BLOCK = BIT_TABLE + 16;
const KNOWN_STATE = KNOWN_BLOCK + BLOCK;
const KNOWN_NOT = KNOWN_STATE + 8 * 16;
/** Where the caller's bytes begin. */
export const FREE = KNOWN_NOT + 16;

// A vector of a list: four addresses of messages, four of where their hashes go, four lengths.
const VECTOR = 48;
const TO_AT = 16;
const LENGTHS_AT = 32;

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
  const swapped = (x: Code) => swizzle(x, SWAP);
  const block: Code[] = [];
  for (let group = 0; group < 4; group++) {
    const target = WORDS.slice(group * 4, group * 4 + 4);
    target.forEach((word, lane) => {
      block.push(set(word, swapped(load(get(FROM[lane]!), group * 16))));
    });
    block.push(transpose(target.map(get), target));
  }
  const first = WORDS[0]!;
  block.push(
    when(any(greater(splat(i32(BLOCK)), get(REST))), padding()),
    set(first, or(and(get(first), splat(get(FIRST_MASK))), splat(get(FIRST_PREFIX)))),
    ...[set(FIRST_MASK, i32(-1)), set(FIRST_PREFIX, i32(0))],
    ...WORK.map((x, i) => set(x, get(STATE[i]!))),
    rounds(),
    ...STATE.map((x, i) => set(x, add(get(x), get(WORK[i]!)))),
    when(get(NEW), [
      ...STATE.map((x, i) => store(i32(KNOWN_STATE + i * 16), 0, get(x))),
      store(i32(KNOWN_NOT), 0, splat(i32(0))),
      set(NEW, i32(0)),
    ]),
    pastBlock(),
  );
  const lanes = WORDS.slice(0, 4);
  const vector = [
    ...FROM.map((from, lane) => set(from, i32load(get(LIST), lane * 4))),
    ...STATE.map((h, i) => set(h, load(i32(INITIAL_TABLE + i * 16), 0))),
    set(REST, load(get(LIST), LENGTHS_AT)),
    set(LEFT, get(BLOCKS)),
    ...[set(FIRST_MASK, get(MASK)), set(FIRST_PREFIX, get(PREFIX)), set(NEW, i32(0))],
    when(get(ALIKE), knownBlock()),
    repeat(block, get(LEFT)),
    ...[0, 1].map((half) => [
      transpose(STATE.slice(half * 4, half * 4 + 4).map(get), lanes),
      ...lanes.map((word, lane) =>
        store(i32load(get(LIST), TO_AT + lane * 4), half * 16, swapped(get(word))),
      ),
    ]),
    set(LIST, i32add(get(LIST), i32(VECTOR))),
  ];
  return repeat(vector, i32sub(get(END), get(LIST)));
}

function pastBlock(): Code {
  return [
    ...FROM.map((from) => set(from, i32add(get(from), i32(BLOCK)))),
    set(REST, add(get(REST), splat(i32(-BLOCK)))),
    set(LEFT, i32sub(get(LEFT), i32(1))),
  ];
}

/**
 * Statements of one signer begin alike, with the same headers: of four that have the same first block, the state behind it is
 * taken from those before them, or remembered.
 */
function knownBlock(): Code {
  const [fromKnown, fromFirst] = TEMPORARY as [number, number];
  const groups = [0, 16, 32, 48];
  const differs = (a: Code, b: Code, into: number) => set(into, or(get(into), xor(a, b)));
  const first = (at: number) => load(get(FROM[0]!), at);
  return [
    set(fromKnown, load(i32(KNOWN_NOT), 0)),
    set(fromFirst, splat(i32(0))),
    ...groups.map((at) => [
      differs(first(at), load(i32(KNOWN_BLOCK), at), fromKnown),
      ...FROM.slice(1).map((from) => differs(first(at), load(get(from), at), fromFirst)),
    ]),
    when(i32eq(any(get(fromFirst)), i32(0)), [
      set(NEW, any(get(fromKnown))),
      when(get(NEW), [
        store(i32(KNOWN_NOT), 0, splat(i32(1))),
        ...groups.map((at) => store(i32(KNOWN_BLOCK), at, first(at))),
      ]),
      when(i32eq(get(NEW), i32(0)), [
        ...STATE.map((h, i) => set(h, load(i32(KNOWN_STATE + i * 16), 0))),
        pastBlock(),
      ]),
    ]),
  ];
}

/**
 * Where messages end in this block: what memory has behind them gives way to a bit, zeros, and in the last block the length
 * (FIPS 180-4 §5.1.1). So messages are hashed where they lie.
 */
function padding(): Code {
  const [behind, kept, bit] = TEMPORARY as [number, number, number];
  const rest = (each: number) => lane(get(REST), each);
  const tableAt = (each: number) => i32shl(i32and(rest(each), i32(3)), 2);
  const lanes = [0, 1, 2, 3];
  const left = REST_WORDS;
  const zero = splat(i32(0));
  return [
    ...lanes.map((each) =>
      set(behind, loadLane(get(behind), each, i32add(get(FROM[each]!), i32and(rest(each), i32(-4))), 0)),
    ),
    ...lanes.map((each) => set(kept, loadLane(get(kept), each, tableAt(each), KEPT_TABLE))),
    ...lanes.map((each) => set(bit, loadLane(get(bit), each, tableAt(each), BIT_TABLE))),
    set(behind, or(and(swizzle(get(behind), SWAP), get(kept)), get(bit))),
    set(left, shrSigned(get(REST), 2)),
    ...WORDS.map((word) => [
      set(word, or(and(get(word), greater(get(left), zero)), and(get(behind), equals(get(left), zero)))),
      set(left, add(get(left), splat(i32(-1)))),
    ]),
    when(i32eq(get(LEFT), i32(1)), set(WORDS[15]!, shl(load(get(LIST), LENGTHS_AT), 3))),
  ];
}

function rounds(): Code {
  let [a, b, c, d, e, f, g, h] = WORK as [number, number, number, number, number, number, number, number];
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
  return [
    set(CONSTANTS, i32(ROUND_TABLE)),
    set(t3, xor(get(b), get(c))),
    sixteen(true),
    repeat(sixteen(false), i32sub(i32(ROUND_TABLE + 64 * 16), get(CONSTANTS))),
  ];
}

let compiled: WebAssembly.Module | undefined;

type Hash = (
  ...args: [list: number, end: number, blocks: number, mask: number, prefix: number, alike: number]
) => void;

export class Sha256Lanes {
  readonly #memory: WebAssembly.Memory;
  readonly #hash: Hash;
  #bytes: Bytes;
  #words: Uint32Array;

  constructor() {
    compiled ??= new WebAssembly.Module(
      wasmModule([{ name: 'hash', parameters: 6, numbers: NUMBERS, vectors: VECTORS, body: hashProgram() }]),
    );
    this.#memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#hash = exports.hash as Hash;
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#words = new Uint32Array(this.#memory.buffer);
    const table = (at: number, values: readonly number[]) => this.#words.set(values, at >> 2);
    const lanes = (value: number) => Array<number>(LANES).fill(value);
    table(ROUND_TABLE, ROUND.flatMap(lanes));
    table(INITIAL_TABLE, INITIAL.flatMap(lanes));
    table(KEPT_TABLE, [0, 0xff00_0000, 0xffff_0000, 0xffff_ff00]);
    table(KNOWN_NOT, lanes(1));
    table(BIT_TABLE, [0x8000_0000, 0x80_0000, 0x8000, 0x80]);
  }

  /** The memory that addresses mean; another array once {@link reserve} has grown it. */
  get bytes(): Bytes {
    return this.#bytes;
  }

  /** Makes sure that addresses below `end` exist, and as much behind them as may be read. */
  reserve(end: number): void {
    const missing = Math.ceil((end + BEHIND - this.#bytes.length) / PAGE);
    if (missing <= 0) return;
    this.#memory.grow(missing);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#words = new Uint32Array(this.#memory.buffer);
  }

  /**
   * Puts message `i` into a list, which has {@link listBytes} at an address that 4 divides.
   * @param from address of its bytes @param length how many @param to where its hash goes
   */
  put(list: number, i: number, from: number, length: number, to: number): void {
    const at = (list >> 2) + (i >> 2) * (VECTOR >> 2) + (i & 3);
    const words = this.#words;
    words[at] = from;
    words[at + (TO_AT >> 2)] = to;
    words[at + (LENGTHS_AT >> 2)] = length;
  }

  /**
   * Hashes the first messages of a list.
   * @param count how many of them @param blocks that each has, with its padding
   * @param prefix a byte that comes before each, and stands for what is in memory before it
   */
  hash(list: number, count: number, blocks: number, prefix?: number): void {
    if (count === 0) return;
    const end = list + listBytes(count);
    // Lanes without a message of their own do the last one's work again.
    const last = (list >> 2) + ((count - 1) >> 2) * (VECTOR >> 2) + ((count - 1) & 3);
    for (let more = 1; (count - 1 + more) & 3; more++) {
      for (let row = 0; row < VECTOR >> 2; row += LANES)
        this.#words[last + more + row] = this.#words[last + row]!;
    }
    if (prefix === undefined) this.#hash(list, end, blocks, -1, 0, Number(blocks >= LOOKED_AT));
    else this.#hash(list, end, blocks, 0x00ff_ffff, prefix << 24, 0);
  }
}

/** What a list of so many messages takes. */
export function listBytes(count: number): number {
  return Math.ceil(count / LANES) * VECTOR;
}

/** Blocks of a message of so many bytes, with its padding. */
export function blocksOf(length: number): number {
  return ((length + 8) >>> 6) + 1;
}
