/**
 * The marks on disk, so that a restart does not forget what the log has shown: without them it could show an older
 * or another history to a client that has just started. One client for each file.
 */
import { constants } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Bytes, equal, fromBase64url, toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { makeFolder } from '../platform/write-file.ts';
import type { ClaimedHead, TreeHead, Trust } from '../verify/index.ts';

/** A head, and the signature under which it was seen: without it nobody else could be shown that the log has signed it. */
export interface MarkedHead extends TreeHead {
  readonly signed?: ClaimedHead;
}

export interface Marks {
  /** The largest head that was accepted. */
  readonly logged?: MarkedHead;
  /** The largest head that a quorum of the policy had cosigned. */
  readonly witnessed?: MarkedHead;
}

export class MarkFile {
  readonly #path: string;
  readonly #trust: Trust;

  constructor(path: string, trust: Trust) {
    this.#path = path;
    this.#trust = trust;
  }

  /**
   * No file is no marks; anything else that cannot be read is refused: whoever can damage the file must not be able
   * to make the client forget.
   * @throws CONFIG_INVALID not a mark file; ORIGIN_MISMATCH that of another log
   */
  async read(): Promise<Marks> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw fail('CONFIG_INVALID', `${this.#path} cannot be read`, { cause });
    }
    const { origin, genesis, logged, witnessed } = this.#parse(text);
    if (origin !== this.#trust.origin || !equal(genesis, this.#trust.genesis)) {
      throw fail('ORIGIN_MISMATCH', `${this.#path} has the marks of another log, ${origin}`);
    }
    return { logged, ...(witnessed && { witnessed }) };
  }

  /** Durable when it resolves; the file is the old one or the new one, never half of it. @throws CONFIG_INVALID */
  async write(marks: Required<Pick<Marks, 'logged'>> & Marks): Promise<void> {
    const { origin, genesis } = this.#trust;
    const text = `${JSON.stringify({
      v: 1,
      origin,
      genesis: toBase64url(genesis),
      logged: headJson(marks.logged),
      witnessed: marks.witnessed && headJson(marks.witnessed),
    })}\n`;
    const next = `${this.#path}.${process.pid}.tmp`;
    try {
      makeFolder(dirname(this.#path), 0o777);
      const file = await open(next, 'w', 0o600);
      try {
        await file.writeFile(text);
        // Before the rename: a name that points to bytes that a power cut took would be a damaged file.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(next, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (cause) {
      throw fail('CONFIG_INVALID', `${this.#path} cannot be written`, { cause });
    }
  }

  #parse(text: string) {
    try {
      const { v, origin, genesis, logged, witnessed, ...unknown } = JSON.parse(text) as Record<
        string,
        unknown
      >;
      if (v !== 1 || typeof origin !== 'string' || typeof genesis !== 'string') throw new Error('not marks');
      // A mark under a damaged name would be a mark forgotten.
      if (Object.keys(unknown).length > 0) throw new Error('a member that is not known');
      return {
        origin,
        genesis: fromBase64url(genesis),
        logged: headOf(logged),
        witnessed: witnessed === undefined ? undefined : headOf(witnessed),
      };
    } catch (cause) {
      throw fail('CONFIG_INVALID', `${this.#path} is not a mark file`, { cause });
    }
  }
}

function headJson({ size, root, signed }: MarkedHead) {
  return { size, root: toBase64url(root), signed: signed === undefined ? undefined : signedJson(signed) };
}

function signedJson(signed: ClaimedHead) {
  if (typeof signed === 'string') return { note: signed };
  return { receipt: toBase64url(signed.receipt), entryId: toBase64url(signed.entryId) };
}

function headOf(value: unknown): MarkedHead {
  const { size, root, signed } = (value ?? {}) as { size?: unknown; root?: unknown; signed?: unknown };
  const bytes: Bytes = typeof root === 'string' ? fromBase64url(root) : new Uint8Array();
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || bytes.length !== 32) {
    throw new Error('not a tree head');
  }
  return { size, root: bytes, ...(signed !== undefined && { signed: signedOf(signed) }) };
}

/** What it proves is looked at when it is needed. */
function signedOf(value: unknown): ClaimedHead {
  const { note, receipt, entryId } = (value ?? {}) as Record<string, unknown>;
  if (typeof note === 'string') return note;
  if (typeof receipt !== 'string' || typeof entryId !== 'string') throw new Error('not a signed head');
  return { receipt: fromBase64url(receipt), entryId: fromBase64url(entryId) };
}

/** The rename itself is durable only when the directory is. Not every platform lets a directory be opened. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
