/**
 * Reads a backup back, and believes nothing of it: the checkpoint must be signed by the log's key, as the operator or a
 * trust file has it, and everything else must hash to that.
 */
import { type Bytes, equal, toBase64url, toHex } from '../core/bytes.ts';
import type { Crypto, Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { type FsckOptions, fsckStorage, type MakeAuditors } from '../fsck/index.ts';
import {
  type HeldTree,
  holds,
  isIndexRow,
  isLogRow,
  markedHead,
  type PublishedMark,
  verifyStoredLog,
  WAY_OUT,
} from '../log/index.ts';
import { type Checkpoint, openCheckpoint, type VerifierKey } from '../note/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import {
  type BackupHead,
  decodeBackupEnd,
  decodeBackupHead,
  decodeFile,
  decodeRows,
  type FileContent,
} from './content.ts';
import { BACKUP, FRAME, KEYS, readFrames } from './frames.ts';

/** More key files than a log has. */
const MOST_KEYS = 16;

export interface Expected {
  /** The log's; its name is the origin. */
  readonly logKey: VerifierKey;
  /** Id of the rules that this software implements. */
  readonly rules: Bytes;
  /** Entry id of the genesis, where the operator has it from elsewhere. */
  readonly genesis?: Bytes;
  /** The restored log must hold what this says was published. */
  readonly mark?: PublishedMark;
  /** Who verifies signatures and replays. */
  readonly auditors: MakeAuditors;
  readonly progress?: FsckOptions['progress'];
}

/** Where it is put together. */
export interface Unpacked {
  readonly storage: Storage;
  /** @throws BACKUP_MALFORMED a path that no backup has, or content that is not the path's */
  put(file: FileContent): Promise<void>;
}

export interface Restored {
  readonly head: BackupHead;
  readonly files: number;
  /** Names the backup: SHA-256, hex. */
  readonly digest: string;
  readonly tree: HeldTree;
}

/**
 * @throws BACKUP_MALFORMED; STALE more than this was published; NOTE_UNSIGNED, SIGNATURE_INVALID, ORIGIN_MISMATCH not this
 * log's; LOG_CORRUPT what is in it does not hash to its head, and what an audit finds; RULES_MISMATCH; CONFIG_INVALID the mark; STORAGE_FAILED
 */
export async function restoreBackup(
  crypto: Crypto,
  source: AsyncIterable<Bytes>,
  into: Unpacked,
  expected: Expected,
): Promise<Restored> {
  const { logKey, rules, mark } = expected;
  const published = mark && (await markedHead(crypto, logKey, mark, false));
  const unpacked = await unpack(crypto, source, into, (head) => {
    const { size, root } = openCheckpoint(crypto, head.checkpoint, logKey);
    if (head.origin !== logKey.name) {
      throw fail('ORIGIN_MISMATCH', `the backup is of ${head.origin}, not of ${logKey.name}`);
    }
    if (size !== head.size || !equal(root, head.root)) {
      throw fail('BACKUP_MALFORMED', 'the head of the backup is not the one that is signed');
    }
    // Before the work is begun, too.
    if (published && published.size > size) throw tooOld(head, published);
  });
  const { head } = unpacked;
  const stored = await verifyStoredLog(crypto, into.storage, { origin: head.origin, rules });
  if (stored.head.size !== head.size || !equal(stored.head.root, head.root)) {
    throw fail('BACKUP_MALFORMED', 'the rows of the backup are of another tree than its head');
  }
  const tree = { size: head.size, rootAt: (size: number) => stored.tree.rootAt(size) };
  if (published && !(await holds(published, tree))) throw tooOld(head, published);
  const first = crypto.sha256((await stored.leaves.record(0, head.size)).bytes);
  if (expected.genesis && !equal(first, expected.genesis)) {
    throw fail('ORIGIN_MISMATCH', `the log began with another genesis, ${toBase64url(first)}`);
  }
  await audited(crypto, into.storage, expected);
  return { ...unpacked, tree };
}

/** From the entries alone: signatures, a replay of every state entry, and every row that follows from them. */
async function audited(
  crypto: Crypto,
  storage: Storage,
  { logKey, rules, genesis, auditors, progress }: Expected,
): Promise<void> {
  const { findings } = await fsckStorage(storage, {
    ...{ crypto, rules, auditors, origin: logKey.name },
    ...(genesis && { genesis }),
    ...(progress && { progress }),
  });
  const [worst] = findings.list;
  if (!worst) return;
  const { at, expected, found } = worst;
  throw fail(
    findings.code ?? 'LOG_CORRUPT',
    `the audit of the backup has ${findings.total} findings, the gravest: ${at}: expected ${expected}, found ${found}`,
  );
}

async function unpack(
  hasher: Hasher,
  source: AsyncIterable<Bytes>,
  { storage, put }: Unpacked,
  accept: (head: BackupHead) => void,
): Promise<Omit<Restored, 'tree'>> {
  let head: BackupHead | undefined;
  let rows = 0;
  let files = 0;
  for await (const { type, content, digest } of readFrames(hasher, BACKUP, source)) {
    if ((type === FRAME.HEAD) !== (head === undefined) || type === FRAME.ERROR) {
      throw fail('BACKUP_MALFORMED', 'the frames of the backup are out of order');
    }
    if (type === FRAME.HEAD) {
      head = decodeBackupHead(content);
      accept(head);
    } else if (type === FRAME.ROWS) {
      const batch = new WriteBatch();
      for (const [key, value] of decodeRows(content)) {
        rows += 1;
        // Of a backup that earlier software has made: an index is made anew.
        if (isIndexRow(key)) continue;
        if (!isLogRow(key)) throw fail('BACKUP_MALFORMED', 'the backup has a row that is not one of a log');
        batch.put(key, value);
      }
      await storage.write(batch);
    } else if (type === FRAME.FILE) {
      await put(decodeFile(content));
      files += 1;
    } else if (head) {
      const end = decodeBackupEnd(content);
      if (end.rows !== rows || end.files !== files) {
        throw fail('BACKUP_MALFORMED', `the backup should have ${end.rows} rows and ${end.files} files`);
      }
      return { head, files, digest: toHex(digest) };
    }
  }
  throw fail('BACKUP_MALFORMED', 'the backup has no end');
}

function tooOld({ size }: BackupHead, published: Checkpoint) {
  return fail(
    'STALE',
    `the backup has ${size} leaves, and a tree of ${published.size} that it does not hold was published. ${WAY_OUT}`,
  );
}

/** The files of a backup of keys. @throws BACKUP_MALFORMED */
export async function readKeyBackup(
  hasher: Hasher,
  source: AsyncIterable<Bytes>,
): Promise<readonly FileContent[]> {
  const files: FileContent[] = [];
  for await (const { type, content } of readFrames(hasher, KEYS, source)) {
    if (type === FRAME.END && decodeBackupEnd(content).files === files.length) return files;
    if (type !== FRAME.FILE || files.length === MOST_KEYS) break;
    files.push(decodeFile(content));
  }
  throw fail('BACKUP_MALFORMED', 'the frames of the backup are out of order');
}
