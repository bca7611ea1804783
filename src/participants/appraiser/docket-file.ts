/** A docket on disk, so that a restart goes on where it stopped. Without it the log is read again from its first entry. */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toBase64url } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { makeFolder } from '../../platform/write-file.ts';
import type { Trust } from '../../verify/index.ts';
import { Docket } from './docket.ts';

export class DocketFile {
  readonly #path: string;
  readonly #trust: Pick<Trust, 'origin' | 'genesis'>;

  constructor(path: string, trust: Pick<Trust, 'origin' | 'genesis'>) {
    this.#path = path;
    this.#trust = trust;
  }

  /** No file: an empty docket. @throws CONFIG_INVALID not a docket of this verifier; ORIGIN_MISMATCH another log’s */
  async read(verifier: string): Promise<Docket> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Docket(verifier);
      throw fail('CONFIG_INVALID', `${this.#path} cannot be read`, { cause });
    }
    try {
      const { v, origin, genesis, docket } = JSON.parse(text);
      if (v !== 1) throw new Error('not a docket');
      if (origin !== this.#trust.origin || genesis !== toBase64url(this.#trust.genesis)) {
        throw fail('ORIGIN_MISMATCH', `${this.#path} is the docket of another log, ${origin}`);
      }
      return Docket.fromJson(verifier, docket);
    } catch (cause) {
      if (isLedgerError(cause, 'ORIGIN_MISMATCH')) throw cause;
      const why = isLedgerError(cause) ? `: ${cause.message}` : '';
      throw fail('CONFIG_INVALID', `${this.#path} is not a docket that can be gone on with${why}`, { cause });
    }
  }

  /** The file is the old one or the new one, never half of it. @throws CONFIG_INVALID */
  async write(docket: Docket): Promise<void> {
    const { origin, genesis } = this.#trust;
    const json = { v: 1, origin, genesis: toBase64url(genesis), docket: docket.toJson() };
    const next = `${this.#path}.${process.pid}.tmp`;
    try {
      makeFolder(dirname(this.#path), 0o777);
      const file = await open(next, 'w', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(json)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(next, this.#path);
    } catch (cause) {
      throw fail('CONFIG_INVALID', `${this.#path} cannot be written`, { cause });
    }
  }
}
