/**
 * The process's log: one JSON object a line on standard error, so that standard output stays free for what a
 * command answers. `… 2>&1 >/dev/null | npx pino-pretty` makes it readable.
 *
 * What must never be in it, whoever passes it: secret keys, bearer tokens, cookies, statement bodies. Redaction by
 * name is the second line of defence; the first is not to pass them.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { toHex } from '../core/bytes.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** Default: `info`. */
  level?: string;
  /** Fields of every line. */
  base?: Record<string, unknown>;
  /** Default: standard error, written at once, so that the line that explains a crash is not lost in it. */
  destination?: DestinationStream;
}

const SECRET = [
  'authorization',
  'cookie',
  '["set-cookie"]',
  'd', // the secret of a JWK
  'password',
  'privateKey',
  'secret',
  'signerKey',
  'token',
];
const BULKY = ['body', 'payload', 'statement', 'statements'];

export function createLogger({ level = 'info', base = {}, destination: to }: LoggerOptions = {}): Logger {
  const options = {
    level,
    base,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: readable },
    redact: { paths: [...SECRET, ...BULKY].flatMap(anywhere), censor: '[redacted]' },
  };
  return pino(options, to ?? destination({ dest: 2, sync: true }));
}

/** A field by this name at the top, and one, two or three objects down (as in `req.headers.authorization`). */
function anywhere(name: string): string[] {
  return ['', '*', '*.*', '*.*.*'].map((above) =>
    above === '' || name.startsWith('[') ? above + name : `${above}.${name}`,
  );
}

/** Ids and hashes as hexadecimal: JSON would write a byte array as an object of numbers. */
function readable(fields: Record<string, unknown>): Record<string, unknown> {
  const bytes = Object.entries(fields).filter(([, value]) => value instanceof Uint8Array);
  if (bytes.length === 0) return fields;
  return {
    ...fields,
    ...Object.fromEntries(bytes.map(([name, value]) => [name, toHex(value as Uint8Array)])),
  };
}
