/** The signature of a report: ECDSA P-384 over the first 0x2A0 bytes, R and S little-endian in 72 bytes each. */
import { type Bytes, concat } from '../core/bytes.ts';
import type { PublicKey } from '../core/crypto.ts';
import { bigEndian, ORDER } from '../core/signature-profile.ts';
import { deny } from './codes.ts';
import { REPORT_SIZE, SIGNED_SIZE, type SnpReport, signedPart } from './snp-report.ts';

const FIELD = 72;
const WIDTH = 48;

/**
 * Returns if `key` signed the report. High S is taken, since AMD's firmware makes both: (r, n − s) is the same evidence,
 * and is known as such because what identifies it is the signed part alone.
 * @throws REPORT_SIGNATURE_PADDING, REPORT_SIGNATURE_RANGE, REPORT_SIGNATURE_INVALID
 */
export function verifyReport(report: SnpReport, key: PublicKey): void {
  if (!key.verify(signedPart(report), readSignature(report), { lowS: false })) {
    throw deny('REPORT_SIGNATURE_INVALID', 'not signed by the key of the certificate');
  }
}

/** R ‖ S in big-endian. Every byte that is no part of them has to be zero, or one report had many spellings. */
function readSignature({ bytes }: SnpReport): Bytes {
  const part = (at: number) => ({
    number: bytes.slice(at, at + WIDTH).reverse(),
    rest: bytes.subarray(at + WIDTH, at + FIELD),
  });
  const [r, s] = [part(SIGNED_SIZE), part(SIGNED_SIZE + FIELD)];
  const tail = bytes.subarray(SIGNED_SIZE + 2 * FIELD, REPORT_SIZE);
  if ([r.rest, s.rest, tail].some((zeros) => zeros.some((byte) => byte !== 0))) {
    throw deny('REPORT_SIGNATURE_PADDING', 'bytes that are not zero');
  }
  for (const { number } of [r, s]) {
    const value = bigEndian(number);
    if (value === 0n || value >= ORDER.ES384)
      throw deny('REPORT_SIGNATURE_RANGE', 'zero, or not below the order');
  }
  return concat(r.number, s.number);
}
