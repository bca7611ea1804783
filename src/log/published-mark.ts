/**
 * The guard against a log that goes on from less than it has published: a restored backup, or a disk that lost writes,
 * would sign a second history. Witnesses see that; so does a mark that is kept apart from the log, and that is raised
 * before anybody sees a head.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { type Checkpoint, openCheckpoint, type VerifierKey } from '../note/index.ts';

/** Where the newest signed head is kept, apart from the log's storage. */
export interface PublishedMark {
  /** Where it is, for messages. */
  readonly name: string;
  /**
   * The checkpoint that was kept last; null: a mark that is begun on purpose; undefined: there is none.
   * @throws STORAGE_FAILED; CONFIG_INVALID what is there is no mark of this log
   */
  read(): Promise<string | null | undefined>;
  /**
   * Durable when it resolves.
   * @throws STORAGE_FAILED; STORAGE_CONFLICT somebody else has raised it
   */
  raise(checkpoint: string): Promise<void>;
}

/** What a log holds, to be compared with what somebody has of it. */
export interface HeldTree {
  readonly size: number;
  rootAt(size: number): Promise<Bytes>;
}

export const WAY_OUT =
  'Going on would fork the log: put the newer data back (is this a restored backup?), from a newer backup or a mirror, or begin a new log with new keys';

/** Whether the log holds the tree of a head that it has signed. */
export async function holds(
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
  held: HeldTree,
): Promise<boolean> {
  return size <= held.size && (size === 0 || equal(await held.rootAt(size), root));
}

/**
 * Compares what is stored with the mark, before anything is signed.
 * @throws LOG_CORRUPT the log is behind it, or has another history; as {@link markedHead}
 */
export async function assertHoldsMark(
  crypto: Crypto,
  logKey: VerifierKey,
  mark: PublishedMark,
  held: HeldTree,
): Promise<void> {
  const published = await markedHead(crypto, logKey, mark, held.size === 0);
  if (!published || (await holds(published, held))) return;
  throw fail(
    'LOG_CORRUPT',
    `a tree of ${published.size} of this log was published (${mark.name}), and the storage, which has ${held.size} leaves, does not hold it. ${WAY_OUT}`,
  );
}

/**
 * The head that the mark holds; undefined: the mark is begun with this log.
 * @param isNew the log has published nothing yet: there may be no mark
 * @throws CONFIG_INVALID there is no mark, or that of another log; STORAGE_FAILED
 */
export async function markedHead(
  crypto: Crypto,
  logKey: VerifierKey,
  mark: PublishedMark,
  isNew: boolean,
): Promise<Checkpoint | undefined> {
  const note = await mark.read();
  if (note === null || (note === undefined && isNew)) return undefined;
  if (note === undefined) {
    throw fail(
      'CONFIG_INVALID',
      `there is no high-water mark in ${mark.name}. If this log has one, is its disk mounted? If it never had one, begin it: make an empty file there, and start again`,
    );
  }
  try {
    return openCheckpoint(crypto, note, logKey);
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw fail('CONFIG_INVALID', `${mark.name} is not the high-water mark of this log`, { cause });
  }
}
