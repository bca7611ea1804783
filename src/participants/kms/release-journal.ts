/**
 * What became of each release, on disk before anybody is told. It begins before the `key.release` is logged, and a wrapped key
 * is in it before it is handed over: so whatever has no answer in it was handed to nobody, after a crash as well, and its
 * cancellation is a promise that can be made.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, fromBase64url, toBase64url, toHex, utf8 } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { makeFolder } from '../../platform/write-file.ts';
import { replacePrivateFile } from './private-file.ts';

export interface JournalEntry {
  /** URN. */
  readonly release: string;
  /** DID of whose key it is. */
  readonly owner: string;
  /**
   * `asked`: logged, or about to be; nothing was handed over. `refused`: nothing was, and nothing will be; the ledger knows.
   * `answered`: this wrapped key may have been handed over.
   */
  readonly state: 'asked' | 'refused' | 'answered';
  /** Why nothing is handed over. While it is only `asked`, the ledger has still to be told. */
  readonly refusal?: { readonly code: string; readonly detail: string };
  readonly wrapped?: Bytes;
}

const ENTRY = /^[0-9a-f]{64}\.json$/;

export class ReleaseJournal {
  readonly #crypto: Pick<Crypto, 'sha256'>;
  readonly #folder: string;
  /** Those that are `asked`, so that they are found among many that are settled. */
  readonly #open = new Set<string>();

  /** @throws CONFIG_INVALID the folder cannot be made or read; STORAGE_FAILED a file in it is damaged */
  constructor(crypto: Pick<Crypto, 'sha256'>, folder: string) {
    this.#crypto = crypto;
    this.#folder = folder;
    let names: readonly string[];
    try {
      makeFolder(folder);
      names = readdirSync(folder);
    } catch (cause) {
      throw fail('CONFIG_INVALID', `cannot use the folder ${folder}`, { cause });
    }
    for (const name of names) {
      const entry = ENTRY.test(name) ? this.#read(name) : undefined;
      if (entry?.state === 'asked') this.#open.add(entry.release);
    }
  }

  /** @throws STORAGE_FAILED */
  find(release: string): JournalEntry | undefined {
    return this.#read(this.#name(release));
  }

  /** Those that the ledger has still to be told about. @throws STORAGE_FAILED */
  asked(): JournalEntry[] {
    return [...this.#open].flatMap((release) => {
      const entry = this.find(release);
      return entry?.state === 'asked' ? [entry] : [];
    });
  }

  /** On disk when this returns, in the place of what was there, under its name after a power cut too. @throws STORAGE_FAILED */
  write(entry: JournalEntry): void {
    const { wrapped, ...rest } = entry;
    const json = { v: 1, ...rest, ...(wrapped && { wrapped: toBase64url(wrapped) }) };
    this.#replace(this.#name(entry.release), utf8(`${JSON.stringify(json)}\n`));
    if (entry.state === 'asked') this.#open.add(entry.release);
    else this.#open.delete(entry.release);
  }

  /** The proof that a key was handed over by, for whoever audits this service (`aichain verify bundle`). @throws STORAGE_FAILED */
  archive(release: string, bundle: Bytes): void {
    this.#replace(this.#name(release).replace('.json', '.bundle'), bundle);
  }

  /** Nothing came of it: it may be asked for again. @throws STORAGE_FAILED */
  forget(release: string): void {
    try {
      rmSync(join(this.#folder, this.#name(release)), { force: true });
    } catch (cause) {
      throw fail('STORAGE_FAILED', 'the journal of releases could not be written', { cause });
    }
    this.#open.delete(release);
  }

  #replace(name: string, content: Bytes): void {
    replacePrivateFile(join(this.#folder, name), content);
  }

  #read(name: string): JournalEntry | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.#folder, name), 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fail('STORAGE_FAILED', 'the journal of releases could not be read', { cause });
    }
    const entry = entryIn(text);
    if (entry && this.#name(entry.release) === name) return entry;
    throw fail('STORAGE_FAILED', `${name} in the journal of releases is damaged`);
  }

  #name(release: string): string {
    return `${toHex(this.#crypto.sha256(utf8(release)))}.json`;
  }
}

/** Undefined: it is not one. */
function entryIn(text: string): JournalEntry | undefined {
  try {
    const { v, release, owner, state, refusal, wrapped } = JSON.parse(text);
    if (v !== 1 || typeof release !== 'string' || typeof owner !== 'string') return undefined;
    const why = refusal && { code: String(refusal.code), detail: String(refusal.detail) };
    if (state === 'answered') return { release, owner, state, wrapped: fromBase64url(wrapped) };
    if (state === 'refused') return why && { release, owner, state, refusal: why };
    return state === 'asked' ? { release, owner, state, ...(why && { refusal: why }) } : undefined;
  } catch {
    return undefined;
  }
}
