/** What the watch has read and seen, on disk, so that a restart goes on: contracts that concern the service, and their rooms. */
import { readFile } from 'node:fs/promises';
import { toBase64url } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { writeFileAtomically } from '../../platform/write-file.ts';
import type { Trust } from '../../verify/index.ts';

export interface WatchedContract {
  readonly id: string;
  readonly rooms: string[];
  /** What the gate said last: `allow`, or the reason; null: it was not asked yet. */
  said: string | null;
  /** How often that has changed. */
  changes: number;
}

/** Rooms and contracts that are watched at once; the log’s own rules bound the rooms of a contract by its runs. */
const MOST_CONTRACTS = 10_000;
const MOST_ROOMS = 1000;

export class WatchBook {
  readonly #path: string;
  readonly #trust: Pick<Trust, 'origin' | 'genesis'>;
  readonly #contracts = new Map<string, WatchedContract>();
  /** Index of the next entry to read. */
  cursor = 0;

  /** @throws CONFIG_INVALID, ORIGIN_MISMATCH */
  static async open(path: string, trust: Pick<Trust, 'origin' | 'genesis'>): Promise<WatchBook> {
    const book = new WatchBook(path, trust);
    try {
      book.#read(await readFile(path, 'utf8'));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return book;
      if (isLedgerError(cause, 'ORIGIN_MISMATCH')) throw cause;
      throw fail('CONFIG_INVALID', `${path} cannot be gone on with`, { cause });
    }
    return book;
  }

  private constructor(path: string, trust: Pick<Trust, 'origin' | 'genesis'>) {
    this.#path = path;
    this.#trust = trust;
  }

  get contracts(): readonly WatchedContract[] {
    return [...this.#contracts.values()];
  }

  add(id: string): void {
    if (this.#contracts.has(id) || this.#contracts.size >= MOST_CONTRACTS) return;
    this.#contracts.set(id, { id, rooms: [], said: null, changes: 0 });
  }

  addRoom(contract: string, room: string): void {
    const rooms = this.#contracts.get(contract)?.rooms;
    if (rooms && rooms.length < MOST_ROOMS && !rooms.includes(room)) rooms.push(room);
  }

  /** Nothing will come of it any more. */
  drop(id: string): void {
    this.#contracts.delete(id);
  }

  write(): void {
    const { origin, genesis } = this.#trust;
    const book = {
      v: 1,
      origin,
      genesis: toBase64url(genesis),
      cursor: this.cursor,
      contracts: this.contracts,
    };
    writeFileAtomically(this.#path, `${JSON.stringify(book)}\n`);
  }

  #read(text: string): void {
    const { v, origin, genesis, cursor, contracts } = JSON.parse(text);
    if (v !== 1 || !Number.isSafeInteger(cursor)) throw new Error('not a book of the watch');
    if (origin !== this.#trust.origin || genesis !== toBase64url(this.#trust.genesis)) {
      throw fail('ORIGIN_MISMATCH', `${this.#path} is of another log, ${origin}`);
    }
    this.cursor = cursor;
    for (const { id, rooms, said, changes } of contracts as readonly WatchedContract[]) {
      this.#contracts.set(id, { id, rooms: [...rooms], said, changes });
    }
  }
}
