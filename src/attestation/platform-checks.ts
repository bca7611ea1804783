/** The key of a report, and what the certificate of that key says of the platform. */

import type { Bytes } from '../core/bytes.ts';
import { equal } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import type { Certificate } from './certificate.ts';
import type { Findings } from './check.ts';
import { type AttestationCode, deny } from './codes.ts';
import type { AllowedProduct, AppraisalPolicy } from './policy.ts';
import { cpuidText, isOfProduct, type Product } from './product.ts';
import { verifyReport } from './report-signature.ts';
import type { SnpReport } from './snp-report.ts';
import { below, readTcb, sameTcb, type Tcb, tcbText } from './tcb.ts';
import { readVek, type Vek } from './vek.ts';

const SECP384R1 = '1.3.132.0.34';
const CHIP_ID_SIZE = 64;

export function checkReportSignature(
  find: Findings,
  crypto: Crypto,
  report: SnpReport,
  vek: Certificate,
): void {
  const key = find.attempt(
    'vek.curve',
    'a point on P-384',
    () => vekKey(crypto, vek),
    () => 'a point on P-384',
  );
  if (!key) return;
  find.attempt(
    'report.signature',
    'by the key of the certificate',
    () => verifyReport(report, key),
    () => 'by it',
  );
}

function vekKey(crypto: Crypto, { key }: Certificate): PublicKey {
  if (key.type !== 'ec' || key.curve !== SECP384R1) {
    throw deny('VEK_CURVE_WRONG', key.type === 'ec' ? key.curve : key.type);
  }
  try {
    return crypto.importPublicKey('ES384', key.point);
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw deny('VEK_CURVE_WRONG', cause.message, cause);
  }
}

export function checkPlatform(
  find: Findings,
  report: SnpReport,
  certificate: Certificate,
  product: Product,
  policy: AppraisalPolicy,
): void {
  const reported = readTcb(report.reportedTcb, product.layout);
  const { signer } = report;
  const vek =
    signer &&
    find.attempt(
      'vek.extensions',
      `those of ${product.name}`,
      () => readVek(certificate, product, signer),
      ({ tcb }) => tcbText(tcb),
    );
  if (vek) {
    const same = sameTcb(reported, vek.tcb);
    find.judge(
      'tcb.certificate',
      same ? undefined : 'TCB_CERTIFICATE_MISMATCH',
      tcbText(vek.tcb),
      tcbText(reported),
    );
    checkChip(find, report, vek);
  }
  checkMinimum(find, reported, report, product, policy);
  const current = readTcb(report.currentTcb, product.layout);
  const above = below(current, reported);
  find.judge(
    'tcb.current',
    above.length > 0 ? 'TCB_ABOVE_CURRENT' : undefined,
    tcbText(current),
    tcbText(reported),
  );
  checkAllowedChip(find, report.chipId, policy);
}

function checkMinimum(
  find: Findings,
  reported: Tcb,
  report: SnpReport,
  product: Product,
  { products }: AppraisalPolicy,
): void {
  const minimums = products.filter((allowed) => isAllowed(allowed, report, product));
  if (minimums.length === 0) {
    const listed = products.map(cpuidText).join('; ');
    find.judge(
      'tcb.minimum',
      'PRODUCT_NOT_ALLOWED',
      listed,
      report.cpuid ? cpuidText(report.cpuid) : product.name,
    );
    return;
  }
  const low = minimums.flatMap(({ minTcb }) => below(reported, minTcb));
  find.judge(
    'tcb.minimum',
    low.length > 0 ? 'TCB_BELOW_MINIMUM' : undefined,
    minimums.map(({ minTcb }) => tcbText(minTcb)).join('; '),
    `${tcbText(reported)}${low.length > 0 ? `: ${[...new Set(low)].join(', ')} too old` : ''}`,
  );
}

/** A report without CPUID has to meet what is required of every stepping that it could be of. */
function isAllowed(allowed: AllowedProduct, { cpuid }: SnpReport, product: Product): boolean {
  if (!cpuid) return isOfProduct(allowed, product);
  return (
    allowed.family === cpuid.family && allowed.model === cpuid.model && allowed.stepping === cpuid.stepping
  );
}

/** Chip ids identify machines, and results are logged: they are compared, never shown. */
function checkChip(find: Findings, { chipId }: SnpReport, { hwid }: Vek): void {
  const fault: AttestationCode | undefined = isZero(chipId)
    ? 'CHIP_ID_ZERO'
    : hwid && !equal(padded(hwid), chipId)
      ? 'CHIP_ID_MISMATCH'
      : undefined;
  const seen = hwid ? 'the chip of the certificate' : 'a chip, under a key of its provider';
  find.judge('chip.id', fault, 'the chip of the certificate', fault ? 'none, or another' : seen);
}

function checkAllowedChip(find: Findings, chipId: Bytes, { chips }: AppraisalPolicy): void {
  // A short id is Turin's, followed by zeros. To deny, it is enough that any chip's begins with it.
  const denied = chips.deny.some((one) => equal(one, chipId.subarray(0, one.length)));
  const fault: AttestationCode | undefined = denied
    ? 'CHIP_DENIED'
    : chips.allow === 'listed' && !chips.chips.some((one) => equal(padded(one), chipId))
      ? 'CHIP_NOT_ALLOWED'
      : undefined;
  const takes = chips.allow === 'any' ? 'any' : `one of ${chips.chips.length}`;
  find.judge('chip.allowed', fault, `${takes}, but ${chips.deny.length}`, fault ?? 'one that is taken');
}

function padded(id: Bytes): Bytes {
  const out = new Uint8Array(CHIP_ID_SIZE);
  out.set(id.subarray(0, CHIP_ID_SIZE));
  return out;
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}
