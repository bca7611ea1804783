/** What the operating system refuses, in words: a folder that may not be written is no defect of this program. */
import { fail, type LedgerError } from '../core/errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'it is a folder',
  EEXIST: 'it is there already',
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk fails',
};
/** Of the disk, not of what the user named. */
const FAILING = new Set(['ENOSPC', 'EDQUOT', 'EIO']);

/** Why the system refused, if that is what `cause` says. */
export function systemReason(cause: unknown): string | undefined {
  const code = systemCode(cause);
  return code === undefined ? databaseReason(cause) : (WORDS[code] ?? code);
}

/** LevelDB's own words, which its driver wraps: `IO error: /data/db/LOCK: Permission denied`. */
function databaseReason(cause: unknown): string | undefined {
  for (let at = cause; at instanceof Error; at = at.cause) {
    const said = /^(?:IO error|Corruption): .*$/.exec(at.message)?.[0];
    if (said !== undefined) return said;
  }
  return undefined;
}

/** The code of a system call that failed; a library that only quotes it in its message counts too. */
export function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== undefined && /^E[A-Z0-9]+$/.test(code)) return code;
  const quoted = /\b(?:listen|bind|open) (E[A-Z]+):/.exec(cause.message)?.[1];
  return quoted && Object.hasOwn(WORDS, quoted) ? quoted : undefined;
}

/** An error of the file system that nobody has caught, as one of ours; undefined: it is something else. */
export function fileSystemError(error: unknown): LedgerError | undefined {
  const code = systemCode(error);
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || !Object.hasOwn(WORDS, code) || path === undefined) return undefined;
  const message = `${syscall} ${path}: ${WORDS[code]}`;
  return fail(FAILING.has(code) ? 'STORAGE_FAILED' : 'ARGUMENT_INVALID', message, { cause: error });
}
