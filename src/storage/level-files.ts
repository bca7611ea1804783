/**
 * A look at LevelDB's files before it opens them, because opening loses what is damaged: of a journal, everything behind a
 * record that cannot be read is dropped without a word; and in a folder without CURRENT a new database is begun, and what
 * the old one had is removed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes } from '../core/bytes.ts';

/** What the driver has written last, and LevelDB has not yet put into a table. */
const JOURNAL = /^\d{6,}\.log$/;
/** A MANIFEST alone is what an interrupted first start leaves: it holds nothing. */
const WITH_ROWS = /^\d{6,}\.(?:log|ldb|sst)$/;
/** Of a journal; no record crosses the end of one. */
const BLOCK = 32 << 10;
/** Masked CRC-32C (4), length (2), type (1). */
const HEADER = 7;
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** A record that cannot be read. */
export interface JournalDamage {
  /** Name of the file. */
  readonly file: string;
  /** Of the first byte that cannot be read. */
  readonly at: number;
  /**
   * There is nothing behind it: a write that a power cut or a kill interrupted looks like this, and so does damage to the last
   * one.
   */
  readonly torn: boolean;
}

/** @returns undefined: there is one, or there is nothing of a database */
export function databaseFault(folder: string): string | undefined {
  const names = namesIn(folder);
  const left = names.includes('CURRENT') ? undefined : names.find((name) => WITH_ROWS.test(name));
  return left && `CURRENT is missing beside ${left}: opened like this, the database would be begun anew`;
}

/** The damage to each journal in a folder. */
export function journalDamage(folder: string): JournalDamage[] {
  return namesIn(folder)
    .filter((name) => JOURNAL.test(name))
    .flatMap((file) => {
      const journal = contentOf(join(folder, file));
      const damage = journal && damageOf(journal);
      return damage ? [{ file, ...damage }] : [];
    });
}

/** What cannot be read here, LevelDB cannot read either, and says so; and whoever has it open may remove a journal meanwhile. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function contentOf(path: string): Bytes | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** @param journal every record of it, with what may lie between them */
export function damageOf(journal: Bytes): Omit<JournalDamage, 'file'> | undefined {
  let open = false;
  for (let at = 0; at < journal.length; ) {
    const left = BLOCK - (at % BLOCK);
    if (left < HEADER) {
      at += left;
      continue;
    }
    const end = recordEnd(journal, at);
    if (end === undefined) {
      // What a file system gives for a write that never came: nothing was acknowledged there.
      if (isZero(journal.subarray(at))) return undefined;
      return { at, torn: !isFollowed(journal, at) };
    }
    const type = journal[at + 6]!;
    open = type === FIRST || type === MIDDLE;
    at = end;
  }
  return open ? { at: journal.length, torn: true } : undefined;
}

/** Where the record that begins at `at` ends; undefined: no whole one begins there. */
function recordEnd(journal: Bytes, at: number): number | undefined {
  const data = at + HEADER;
  if (data > journal.length) return undefined;
  const length = journal[at + 4]! | (journal[at + 5]! << 8);
  const [end, type] = [data + length, journal[at + 6]!];
  const fits = end <= journal.length && HEADER + length <= BLOCK - (at % BLOCK);
  if (!fits || type < FULL! || type > LAST!) return undefined;
  const stored = new DataView(journal.buffer, journal.byteOffset + at, 4).getUint32(0, true);
  return stored === masked(crc32c(journal.subarray(at + 6, end))) ? end : undefined;
}

/**
 * Whether another write begins behind what is at `at`: then the one before it had been synced. Parts of the same write may have
 * come to the disk in any order. Looked for at every byte of its block, and where records begin in later ones.
 */
function isFollowed(journal: Bytes, at: number): boolean {
  const next = at - (at % BLOCK) + BLOCK;
  for (let i = at + 1; i < Math.min(next, journal.length); i++) {
    if (recordEnd(journal, i) !== undefined && begins(journal, i)) return true;
  }
  for (let i = next; i < journal.length; ) {
    const end = BLOCK - (i % BLOCK) < HEADER ? undefined : recordEnd(journal, i);
    if (end !== undefined && begins(journal, i)) return true;
    i = end ?? i - (i % BLOCK) + BLOCK;
  }
  return false;
}

function begins(journal: Bytes, at: number): boolean {
  return journal[at + 6] === FULL || journal[at + 6] === FIRST;
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** Castagnoli's polynomial, as in RFC 3720 §12.1. */
function crc32c(bytes: Bytes): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** As LevelDB stores them: a CRC over bytes that contain CRCs would be weak. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
