/**
 * The logs that a witness cosigns: a text file of lines, of which a C2SP tlog-policy file is one kind.
 *
 *     # one key a line; several lines of one origin are several keys of that log
 *     log example.com/log+1b2c3d4e+AbCd… [<url>]
 *     origin <vkey> <origin, to the end of the line>
 *
 * The second form is for logs whose origin is not the name of their key, such as "go.sum database tree". Lines of a
 * policy that are about witnesses are passed over, so that one file can serve a log's clients and its witness.
 */
import { type Bytes, toHex } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { parseVerifierKey, policyLines, SIGNATURE_TYPE, type VerifierKey } from '../note/index.ts';

/** The keys by which each log signs, by its origin. */
export type LogList = ReadonlyMap<string, readonly VerifierKey[]>;

const OTHER_LINES = ['witness', 'group', 'quorum'];

/** @throws POLICY_MALFORMED with the number of the line */
export function parseLogList(text: string | Bytes): LogList {
  const logs = new Map<string, VerifierKey[]>();
  const seen = new Set<string>();
  for (const [index, line] of policyLines(text).entries()) {
    try {
      const log = parseLine(line);
      if (!log) continue;
      const { origin, key } = log;
      const material = toHex(key.key);
      // One key for two origins would be two logs that only their operator can tell apart.
      if (seen.has(material)) throw malformed(`the key of ${key.name} is listed already`);
      seen.add(material);
      logs.set(origin, [...(logs.get(origin) ?? []), key]);
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      throw malformed(`line ${index + 1}: ${cause.message}`, cause);
    }
  }
  return logs;
}

function parseLine(line: string): { origin: string; key: VerifierKey } | undefined {
  const [keyword, vkey, ...rest] = line.split(/[ \t]+/).filter((item) => item !== '');
  if (keyword === undefined || keyword.startsWith('#') || OTHER_LINES.includes(keyword)) return undefined;
  if (keyword === 'log') {
    if (vkey === undefined || rest.length > 1) throw malformed('log <vkey> [<url>]');
    const key = logKey(vkey);
    return { origin: key.name, key };
  }
  if (keyword === 'origin') {
    // An origin may hold spaces, and is compared as it is.
    const origin = /^[ \t]*origin[ \t]+[^ \t]+[ \t]+(.*[^ \t])[ \t]*$/.exec(line)?.[1];
    if (vkey === undefined || origin === undefined) throw malformed('origin <vkey> <origin>');
    return { origin, key: logKey(vkey) };
  }
  throw malformed('neither log nor origin');
}

function logKey(text: string): VerifierKey {
  const key = parseVerifierKey(text);
  if (key.type !== SIGNATURE_TYPE.ED25519) throw malformed('a log’s key has type 1');
  return key;
}

function malformed(message: string, cause?: unknown) {
  return fail('POLICY_MALFORMED', message, { cause });
}
