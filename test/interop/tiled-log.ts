/**
 * A reader of tiled logs for tests, written from the specifications (RFC 9162, C2SP signed-note, tlog-checkpoint and
 * tlog-tiles) with node:crypto only. It imports nothing of this project, so that an error in the project's own code
 * cannot hide itself. It is made to be read, not to be fast.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';

export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** What the reader has found; the Go program in go/ prints the same. */
export interface Findings {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  readonly proven: number;
  readonly statements: number;
  readonly stateEntries: number;
  readonly consistent: readonly string[];
}

const HASH = 32;
const TILE_HEIGHT = 8;
const TILE_WIDTH = 2 ** TILE_HEIGHT;

const sha256 = (...parts: Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
/** RFC 9162 §2.1.1. */
const leafHash = (data: Uint8Array) => sha256(Buffer.of(0), data);
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(Buffer.of(1), left, right);

function ensure(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

// --- C2SP signed-note, tlog-checkpoint --------------------------------------------------------------------------------

/** @param verifierKey `<name>+<hex key id>+<base64 type and key>` */
export function openCheckpoint(note: string, verifierKey: string): Head {
  const [name, id, ...rest] = verifierKey.split('+');
  const typed = Buffer.from(rest.join('+'), 'base64');
  ensure(typed[0] === 1 && typed.length === 1 + HASH, 'not an Ed25519 key');
  const keyId = sha256(Buffer.from(`${name}\n`), typed).subarray(0, 4);
  ensure(keyId.toString('hex') === id, 'the key id is not that of the key');
  const x = typed.subarray(1).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });

  const end = note.lastIndexOf('\n\n');
  ensure(end > 0 && note.endsWith('\n'), 'not a signed note');
  const text = note.slice(0, end + 1);
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .map((line) => {
      const match = /^— (\S+) (\S+)$/.exec(line);
      ensure(match, 'not a signature line');
      const bytes = Buffer.from(match[2]!, 'base64');
      return { name: match[1], id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
    })
    .filter((line) => line.name === name && line.id.equals(keyId));
  ensure(signatures.length === 1, 'not one signature by the log');
  ensure(verify(null, Buffer.from(text), key, signatures[0]!.signature), 'the signature does not verify');

  const [origin, size, root, ...more] = text.split('\n');
  ensure(
    origin !== undefined && origin === name && more.length === 1 && more[0] === '',
    'not a checkpoint of three lines',
  );
  ensure(/^(?:0|[1-9]\d*)$/.test(size!), 'not a size');
  const hash = Buffer.from(root!, 'base64');
  ensure(hash.length === HASH && hash.toString('base64') === root, 'not a root');
  return { origin, size: Number(size), root: hash };
}

// --- C2SP tlog-tiles --------------------------------------------------------------------------------------------------

/** 1234067 → `x001/x234/067`. */
function tileNumber(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g)!;
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
}

/** Tiles of a tree of `size`, as they are served; nothing of them is believed before it hashes to a signed root. */
export class TiledLog {
  readonly #url: string;
  readonly size: number;
  readonly #tiles = new Map<string, Promise<Buffer>>();
  readonly #hashes = new Map<string, Promise<Buffer>>();

  constructor(url: string, size: number) {
    this.#url = url;
    this.size = size;
  }

  #tile(kind: number | string, index: number): Promise<Buffer> {
    const level = typeof kind === 'number' ? kind : 0;
    const width = Math.min(TILE_WIDTH, Math.floor(this.size / TILE_WIDTH ** level) - index * TILE_WIDTH);
    ensure(width > 0, 'there is no such tile');
    const path = `tile/${kind}/${tileNumber(index)}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
    const tile = this.#tiles.get(path) ?? this.#fetch(path);
    this.#tiles.set(path, tile);
    return tile;
  }

  async #fetch(path: string): Promise<Buffer> {
    const answer = await fetch(`${this.#url}/${path}`);
    ensure(answer.status === 200, `${path}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  /** Items of a bundle, each behind its length in `prefix` bytes. */
  async bundle(kind: 'entries' | 'statements', index: number, prefix: 2 | 4): Promise<Buffer[]> {
    const bytes = await this.#tile(kind, index);
    const items: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const start = at + prefix;
      at = start + bytes.readUIntBE(at, prefix);
      ensure(at <= bytes.length, 'a bundle ends in an item');
      items.push(bytes.subarray(start, at));
    }
    return items;
  }

  /** MTH(D[start:end]), RFC 9162 §2.1.1. */
  hash(start: number, end: number): Promise<Buffer> {
    const name = `${start} ${end}`;
    const hash = this.#hashes.get(name) ?? this.#compute(start, end);
    this.#hashes.set(name, hash);
    return hash;
  }

  async #compute(start: number, end: number): Promise<Buffer> {
    const count = end - start;
    ensure(count > 0, 'no entries');
    const height = Math.log2(count);
    if (height % TILE_HEIGHT === 0 && start % count === 0) {
      const index = start / count;
      const tile = await this.#tile(height / TILE_HEIGHT, Math.floor(index / TILE_WIDTH));
      const at = (index % TILE_WIDTH) * HASH;
      ensure(at + HASH <= tile.length, 'a tile is too short');
      return tile.subarray(at, at + HASH);
    }
    const middle = start + splitOf(count);
    return nodeHash(await this.hash(start, middle), await this.hash(middle, end));
  }

  /** PATH(index, D[start:end]), RFC 9162 §2.1.3.1. */
  async path(index: number, start: number, end: number): Promise<Buffer[]> {
    if (end - start === 1) return [];
    const middle = start + splitOf(end - start);
    return index < middle
      ? [...(await this.path(index, start, middle)), await this.hash(middle, end)]
      : [...(await this.path(index, middle, end)), await this.hash(start, middle)];
  }

  /** PROOF(older, D[0:newer]), RFC 9162 §2.1.4.1. */
  consistency(older: number, newer: number): Promise<Buffer[]> {
    return this.#subproof(older, 0, newer, true);
  }

  async #subproof(older: number, start: number, end: number, known: boolean): Promise<Buffer[]> {
    if (older === end) return known ? [] : [await this.hash(start, end)];
    const middle = start + splitOf(end - start);
    return older <= middle
      ? [...(await this.#subproof(older, start, middle, known)), await this.hash(middle, end)]
      : [...(await this.#subproof(older, middle, end, false)), await this.hash(start, middle)];
  }
}

/** The largest power of two smaller than `count`. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

// --- RFC 9162 proofs --------------------------------------------------------------------------------------------------

/** RFC 9162 §2.1.3.2. */
export function includes(
  root: Buffer,
  size: number,
  index: number,
  leaf: Buffer,
  path: readonly Buffer[],
): boolean {
  if (index >= size) return false;
  let fn = index;
  let sn = size - 1;
  let r = leaf;
  for (const p of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      r = nodeHash(p, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else r = nodeHash(r, p);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && r.equals(root);
}

/** RFC 9162 §2.1.4.2. */
export function isPrefix(older: Head, newer: Head, path: readonly Buffer[]): boolean {
  if (older.size === newer.size) return path.length === 0 && older.root.equals(newer.root);
  const powerOfTwo = Number.isInteger(Math.log2(older.size));
  const [first, ...rest] = powerOfTwo ? [older.root, ...path] : path;
  if (!first) return false;
  let fn = older.size - 1;
  let sn = newer.size - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let fr = first;
  let sr = first;
  for (const c of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else sr = nodeHash(sr, c);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && fr.equals(older.root) && sr.equals(newer.root);
}

// --- the whole of a log -----------------------------------------------------------------------------------------------

/** Reads the log that is served at `url`, proves all of it, and throws at the first thing that does not fit. */
export async function readLog(url: string, verifierKey: string, older: readonly string[]): Promise<Findings> {
  const answer = await fetch(`${url}/checkpoint`);
  ensure(answer.status === 200, 'no checkpoint');
  const newest = openCheckpoint(await answer.text(), verifierKey);
  const tiles = new TiledLog(url, newest.size);
  ensure((await tiles.hash(0, newest.size)).equals(newest.root), 'the tiles do not hash to the root');
  const counts = { proven: 0, statements: 0, stateEntries: 0 };
  for (let n = 0; n * TILE_WIDTH < newest.size; n++) {
    const entries = await tiles.bundle('entries', n, 2);
    const statements = await tiles.bundle('statements', n, 4);
    const count = Math.min(TILE_WIDTH, newest.size - n * TILE_WIDTH);
    ensure(entries.length === count && statements.length === count, 'a bundle has another count');
    for (const [i, entry] of entries.entries()) {
      const index = n * TILE_WIDTH + i;
      const leaf = leafHash(entry);
      ensure(leaf.equals(await tiles.hash(index, index + 1)), `entry ${index} is not that of the tile`);
      const path = await tiles.path(index, 0, newest.size);
      ensure(includes(newest.root, newest.size, index, leaf, path), `entry ${index} is not proven`);
      const other = leafHash(Buffer.concat([entry, Buffer.of(0)]));
      ensure(!includes(newest.root, newest.size, index, other, path), `the proof of ${index} fits another`);
      counts.proven++;
      const statement = statements[i]!;
      if (statement.length > 0) {
        ensure(sha256(statement).equals(entry), `entry ${index} is not the hash of its statement`);
        counts.statements++;
      } else {
        ensure(entry.length > HASH, `entry ${index} is as short as an entry id`);
        counts.stateEntries++;
      }
    }
  }
  const heads = [...older.map((note) => openCheckpoint(note, verifierKey)), newest];
  const consistent: string[] = [];
  for (const [i, past] of heads.entries()) {
    for (const next of heads.slice(i + 1)) {
      const path = await tiles.consistency(past.size, next.size);
      ensure(isPrefix(past, next, path), `${past.size} and ${next.size} are inconsistent`);
      const wrong = { ...past, root: Buffer.from(past.root.map((byte) => byte ^ 1)) };
      ensure(!isPrefix(wrong, next, path), `the proof of ${past.size} to ${next.size} fits another root`);
      consistent.push(`${past.size}-${next.size}`);
    }
  }
  const { origin, size } = newest;
  return { origin, size, root: newest.root.toString('hex'), ...counts, consistent };
}
