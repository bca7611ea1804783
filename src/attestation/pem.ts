/** Certificates as they are handed over: PEM blocks (RFC 7468), or DER one after the other. */
import { type Bytes, fromBase64 } from '../core/bytes.ts';
import { deny } from './codes.ts';
import { DerReader, TAG } from './der.ts';

/** A chain has three certificates of less than 2 KiB. */
const MAX_BYTES = 32 * 1024;
const MAX_CERTIFICATES = 8;
const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/** Each certificate's DER, unread. @throws EVIDENCE_TOO_LARGE, PEM_MALFORMED, CERTIFICATE_MALFORMED */
export function splitCertificates(bytes: Bytes): readonly Bytes[] {
  if (bytes.length > MAX_BYTES) throw deny('EVIDENCE_TOO_LARGE', `certificates of ${bytes.length} bytes`);
  const found = bytes[0] === TAG.SEQUENCE ? splitDer(bytes) : splitPem(bytes);
  if (found.length > MAX_CERTIFICATES) throw deny('CHAIN_LENGTH_WRONG', `${found.length} certificates`);
  return found;
}

function splitDer(bytes: Bytes): Bytes[] {
  const found: Bytes[] = [];
  try {
    const reader = new DerReader(bytes);
    while (reader.more && found.length <= MAX_CERTIFICATES) found.push(reader.next(TAG.SEQUENCE).raw);
  } catch (cause) {
    throw deny('CERTIFICATE_MALFORMED', (cause as Error).message, cause);
  }
  return found;
}

function splitPem(bytes: Bytes): Bytes[] {
  if (bytes.some((byte) => byte > 0x7e)) throw deny('PEM_MALFORMED', 'not ASCII');
  const lines = new TextDecoder()
    .decode(bytes)
    .split('\n')
    .map((line) => line.replace(/[ \t\r]+$/, ''));
  const found: Bytes[] = [];
  let block: string[] | undefined;
  for (const line of lines) {
    if (block === undefined) {
      if (line === BEGIN) block = [];
      else if (line !== '') throw deny('PEM_MALFORMED', 'something between certificates');
    } else if (line === END) {
      found.push(decode(block.join('')));
      block = undefined;
    } else block.push(line);
  }
  if (block !== undefined) throw deny('PEM_MALFORMED', 'a certificate without its end');
  return found;
}

function decode(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw deny('PEM_MALFORMED', 'not base64', cause);
  }
}
