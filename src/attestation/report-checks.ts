/** What a report has to be by itself, before anybody asks who signed it. */
import type { Findings } from './check.ts';
import type { AttestationCode } from './codes.ts';
import type { AppraisalPolicy } from './policy.ts';
import { cpuidText, type Product } from './product.ts';
import {
  GUEST_POLICY,
  isSet,
  REPORT_VERSIONS,
  reservedFault,
  type SnpReport,
  VMPL_HOST,
} from './snp-report.ts';

/** SIGNATURE_ALGO: ECDSA P-384 with SHA-384. */
const ECDSA_P384 = 1;

export function checkReport(
  find: Findings,
  report: SnpReport,
  product: Product | undefined,
  policy: AppraisalPolicy,
): void {
  const { version, guestPolicy, signatureAlgorithm } = report;
  const supported = (REPORT_VERSIONS as readonly number[]).includes(version);
  const versionFault =
    (!supported && 'REPORT_VERSION_UNSUPPORTED') ||
    (version < policy.minReportVersion && 'REPORT_VERSION_BELOW_POLICY') ||
    undefined;
  const versions = `${REPORT_VERSIONS.join(', ')}; at least ${policy.minReportVersion}`;
  find.judge('report.version', versionFault, versions, String(version));
  const reserved = reservedFault(report, product?.layout ?? 'milan');
  find.judge(
    'report.reserved',
    reserved === undefined ? undefined : 'REPORT_RESERVED_NOT_ZERO',
    'zero',
    reserved === undefined ? 'zero' : `another value at offset 0x${reserved.toString(16)}`,
  );
  const guestPolicyFormed =
    isSet(guestPolicy, GUEST_POLICY.RESERVED_ONE) && guestPolicy >> GUEST_POLICY.FIRST_RESERVED === 0n;
  find.judge(
    'report.guest-policy',
    guestPolicyFormed ? undefined : 'GUEST_POLICY_RESERVED',
    'bit 17 set, bits 26 to 63 clear',
    `0x${guestPolicy.toString(16)}`,
  );
  find.judge(
    'report.algorithm',
    signatureAlgorithm === ECDSA_P384 ? undefined : 'REPORT_ALGORITHM_UNKNOWN',
    String(ECDSA_P384),
    String(signatureAlgorithm),
  );
  checkSigner(find, report, policy);
  checkProcessor(find, report, product);
}

function checkSigner(find: Findings, { signer, chipKeyMasked }: SnpReport, policy: AppraisalPolicy): void {
  const fault: AttestationCode | undefined =
    signer === undefined
      ? 'REPORT_SIGNER_UNKNOWN'
      : chipKeyMasked
        ? 'CHIP_KEY_MASKED'
        : policy.signer.includes(signer)
          ? undefined
          : 'REPORT_SIGNER_NOT_ALLOWED';
  const seen = `${signer ?? 'another'}${chipKeyMasked ? ', masked' : ''}`;
  find.judge('report.signer', fault, policy.signer.join(' or '), seen);
}

/** A report of version 2 leaves open which stepping it is of: the best that can be said of it is a warning. */
function checkProcessor(find: Findings, { cpuid }: SnpReport, product: Product | undefined): void {
  const expected = 'a processor that is known';
  if (cpuid === undefined) {
    find.warn(
      'product.cpuid',
      'REPORT_WITHOUT_CPUID',
      expected,
      product ? `${product.name}, by its root` : 'none',
    );
  } else {
    find.judge(
      'product.cpuid',
      product ? undefined : 'PRODUCT_UNKNOWN',
      expected,
      `${cpuidText(cpuid)}${product ? `: ${product.name}` : ''}`,
    );
  }
}

/** What the guest and its platform are set to: part of the report, so that the signature covers it. */
export function checkGuest(find: Findings, report: SnpReport, policy: AppraisalPolicy): void {
  const { guestPolicy, vmpl, platformInfo } = report;
  const allowed = (name: 'guest.debug' | 'guest.migration', set: boolean, takes: boolean) => {
    const code = name === 'guest.debug' ? 'GUEST_DEBUG' : 'GUEST_MIGRATION';
    if (set && takes) find.warn(name, code, 'on or off', 'on');
    else find.judge(name, set ? code : undefined, 'off', set ? 'on' : 'off');
  };
  allowed('guest.debug', isSet(guestPolicy, GUEST_POLICY.DEBUG), policy.guestPolicy.debug);
  allowed('guest.migration', isSet(guestPolicy, GUEST_POLICY.MIGRATE), policy.guestPolicy.migrate);
  const vmplFault =
    (vmpl === VMPL_HOST && 'VMPL_HOST') || (!policy.vmpl.includes(vmpl) && 'VMPL_NOT_ALLOWED') || undefined;
  find.judge('guest.vmpl', vmplFault, policy.vmpl.join(', '), String(vmpl));
  // A bit that is not known here is never a reason to refuse: firmware adds some.
  const missing = (policy.platform ?? []).filter((bit) => !isSet(platformInfo, BigInt(bit)));
  find.judge(
    'platform.features',
    missing.length === 0 ? undefined : 'PLATFORM_BIT_MISSING',
    `bits ${(policy.platform ?? []).join(', ') || 'of any value'}`,
    `0x${platformInfo.toString(16)}${missing.length === 0 ? '' : `, without ${missing.join(', ')}`}`,
  );
}
