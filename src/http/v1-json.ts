/** The service's values as JSON, and the texts of a request as values. */
import { type Bytes, fromBase64url, toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Entry, Registration, SignedHead } from '../service/ledger.ts';
import { answerOf } from '../service/status.ts';
import type { EntryJson, FailureJson, HeadJson, RegistrationJson } from './v1-schemas.ts';

export function base64(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function base64List(list: readonly Bytes[]): string[] {
  return list.map(base64);
}

/**
 * Canonical base64 only, so that a statement has one text. Node's decoder skips what it does not know; encoding again
 * shows whether it did. @throws ARGUMENT_INVALID
 */
export function bytesOf(text: string, name: string): Bytes {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw fail('ARGUMENT_INVALID', `${name} is not canonical base64`);
  return new Uint8Array(bytes);
}

/** @throws ARGUMENT_INVALID above 2^53 − 1 */
export function numberOf(decimal: string, name: string): number {
  const value = Number(decimal);
  if (!Number.isSafeInteger(value)) throw fail('ARGUMENT_INVALID', `${name} is above 2^53 - 1`);
  return value;
}

/** An index is at most 16 digits, an entry id exactly 43 characters: no text is both. @throws ARGUMENT_INVALID */
export function entryOf(name: string): { index: number } | { entryId: Bytes } {
  if (name.length < 43) return { index: numberOf(name, 'index') };
  try {
    return { entryId: fromBase64url(name) };
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', 'an entry id is 32 bytes in canonical base64url', { cause });
  }
}

export function headJson(head: SignedHead): HeadJson {
  return { size: head.size, root: base64(head.root), time: head.time, checkpoint: head.checkpoint };
}

export function entryJson(entry: Entry): EntryJson {
  return {
    index: entry.index,
    leafData: base64(entry.leafData),
    statement: entry.statement && base64(entry.statement),
  };
}

export function registrationJson(registration: Registration): RegistrationJson {
  const { index, entryId, receipt, existed, witnessed } = registration;
  return {
    ...{ index, entryId: toBase64url(entryId), receipt: base64(receipt), existed },
    ...(witnessed && { head: headJson(witnessed) }),
  };
}

export function failureJson(error: unknown): FailureJson {
  const { code, message, retryAfter } = answerOf(error);
  return { code, message, ...(retryAfter === undefined ? {} : { retryAfter }) };
}
