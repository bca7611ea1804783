/** Answers over HTTP: bodies within bounds, JSON of the shape that was asked for, failures by their codes. */
import { type Bytes, fromBase64 } from '../core/bytes.ts';
import { fail, LedgerError } from '../core/errors.ts';
import { decodeProblemDetails } from '../cose/index.ts';
import type { ClaimedEntry } from '../verify/index.ts';
import { exact, isCode, retryDelay } from './transport.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Bytes;
}

/** @throws RESPONSE_MALFORMED longer than `most` bytes */
export async function readBody(body: AsyncIterable<Uint8Array>, most: number): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw malformed(`an answer of more than ${most} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, size));
}

/** Whoever refuses may go on for ever: what comes after `most` bytes is not waited for. */
export async function readBeginning(body: AsyncIterable<Uint8Array>, most: number): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= most) break;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, most));
}

/** @throws RESPONSE_MALFORMED */
export function jsonOf({ body }: Answer): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw malformed('the answer is not JSON', cause);
  }
  return objectOf(value, 'answer');
}

/** The code is in the header `aichain-code`, and in the body of either surface. */
export function failureOf(answer: Answer): LedgerError {
  const header = answer.headers['aichain-code'];
  const { code, detail } = problemOf(answer);
  const named = isCode(header) ? header : code;
  const retryAfter = retryAfterOf(answer);
  if (isCode(named)) return ledgerError(named, detail ?? `HTTP ${answer.status}`, retryAfter);
  const message = `HTTP ${answer.status} without a reason code`;
  // A proxy on the way: what it says is at most that trying again may help.
  if (answer.status === 404) return fail('NOT_FOUND', message);
  if (answer.status === 401 || answer.status === 403) return fail('UNAUTHENTICATED', message);
  if (answer.status === 429 || answer.status >= 500) {
    return fail('UNAVAILABLE', message, retryAfter === undefined ? {} : { retryAfter });
  }
  return malformed(message);
}

/** RFC 9457 JSON, or RFC 9290 CBOR, whose detail begins with the code. What is neither says nothing. */
function problemOf({ headers, body }: Answer): { code?: unknown; detail?: string } {
  try {
    if (String(headers['content-type']).startsWith('application/problem+json')) {
      const { code, detail } = JSON.parse(new TextDecoder().decode(body)) as Json;
      return { code, ...(typeof detail === 'string' && { detail }) };
    }
    const { detail = '' } = decodeProblemDetails(body);
    const [, code, text] = /^([A-Z][A-Z0-9_]+): (.*)$/s.exec(detail) ?? [];
    return { code, detail: text ?? detail };
  } catch {
    return {};
  }
}

export function retryAfterOf({ headers }: Answer): number | undefined {
  return retryDelay(headers['retry-after']);
}

export function ledgerError(code: string, message: string, retryAfter: number | undefined): LedgerError {
  return new LedgerError(code, message.slice(0, 1024), retryAfter === undefined ? {} : { retryAfter });
}

export function noteOf({ checkpoint }: Json): string {
  if (typeof checkpoint !== 'string') throw malformed('the answer has no checkpoint');
  return checkpoint;
}

export function entryOf({ index, leafData, statement }: Json): ClaimedEntry {
  return {
    index: exact(index, 'index'),
    leafData: bytesOf(leafData, 'leaf data'),
    statement: statement === null ? null : bytesOf(statement, 'statement'),
  };
}

export function pathOf(value: unknown): Bytes[] {
  return arrayOf(value, 'path').map((hash) => bytesOf(hash, 'path'));
}

export function bytesOf(value: unknown, name: string): Bytes {
  if (typeof value !== 'string') throw malformed(`the answer has no ${name}`);
  try {
    return fromBase64(value);
  } catch (cause) {
    throw malformed(`${name} is not base64`, cause);
  }
}

export function arrayOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`the answer has no ${name}`);
  return value;
}

export function objectOf(value: unknown, name: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`the answer has no ${name}`);
  }
  return value as Json;
}

export function malformed(message: string, cause?: unknown) {
  return fail('RESPONSE_MALFORMED', message, { cause });
}
