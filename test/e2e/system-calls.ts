/** What a program told the system, from the output of `strace -f -xx`: calls in the order in which they took effect. */
import type { Bytes } from '../../src/core/bytes.ts';

export interface SystemCall {
  readonly name: string;
  /** What strace -yy says of the file descriptor: a path, or `TCP:[127.0.0.1:80->127.0.0.1:54321]`. */
  readonly file: string;
  /** The strings among its arguments, one after the other. */
  readonly bytes: Bytes;
  /** Positions in the trace. Calls of other threads may lie between them. */
  readonly begun: number;
  /** Undefined: it had not returned when the trace ended. */
  readonly returned: number | undefined;
  readonly result: string;
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (-?\d+|\?).*$/;
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?).*$/;
const STRING = /"((?:\\x[0-9a-f]{2})*)"/g;
const FILE = /^\d+<((?:->|[^<>])*)>/;

export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  /** By thread: a call that another thread's has interrupted in the trace. */
  const unfinished = new Map<string, { name: string; begun: number; head: string }>();
  for (const [at, line] of text.split('\n').entries()) {
    const begun = BEGUN.exec(line);
    if (begun) {
      unfinished.set(begun[1]!, { name: begun[2]!, begun: at, head: begun[3]! });
      continue;
    }
    const resumed = RESUMED.exec(line);
    const first = resumed && unfinished.get(resumed[1]!);
    if (resumed && first) {
      unfinished.delete(resumed[1]!);
      calls.push(callOf(first.name, first.head + resumed[3], first.begun, at, resumed[4]!));
      continue;
    }
    const whole = WHOLE.exec(line);
    if (whole) calls.push(callOf(whole[2]!, whole[3]!, at, at, whole[4]!));
  }
  for (const { name, begun, head } of unfinished.values())
    calls.push(callOf(name, head, begun, undefined, '?'));
  return calls.sort((a, b) => a.begun - b.begun);
}

function callOf(
  name: string,
  args: string,
  begun: number,
  returned: number | undefined,
  result: string,
): SystemCall {
  // -xx writes paths in hexadecimal too.
  const file = (FILE.exec(args)?.[1] ?? '').replaceAll(/\\x([0-9a-f]{2})/g, (_, hex) =>
    fromHex(hex).toString(),
  );
  const bytes = Buffer.concat(
    [...args.matchAll(STRING)].map(([, hex]) => fromHex(hex!.replaceAll('\\x', ''))),
  );
  return { name, file, bytes: new Uint8Array(bytes), begun, returned, result };
}

function fromHex(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
