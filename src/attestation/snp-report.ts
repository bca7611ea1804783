/**
 * The attestation report of an SEV-SNP guest (AMD 56860, ATTESTATION_REPORT): 1184 bytes, little-endian. Reading it
 * believes nothing: every field is a claim until the signature and the chain have been checked.
 */
import type { Bytes } from '../core/bytes.ts';
import { deny } from './codes.ts';
import type { Cpuid } from './product.ts';
import { type TcbLayout, tcbReservedZero } from './tcb.ts';

export const REPORT_SIZE = 0x4a0;
/** Bytes that the signature covers; evidence is identified by their digest, since those after can be changed. */
export const SIGNED_SIZE = 0x2a0;
export const REPORT_VERSIONS = [2, 3, 5] as const;
/** From this version on, the report says which processor made it. */
export const FIRST_WITH_CPUID = 3;
const FIRST_WITH_MITIGATIONS = 5;
/** VMPL of a report that the host asked for. */
export const VMPL_HOST = 0xffff_ffff;

export type Signer = 'vcek' | 'vlek';

export interface SnpReport {
  readonly bytes: Bytes;
  readonly version: number;
  readonly guestSvn: number;
  readonly guestPolicy: bigint;
  readonly vmpl: number;
  readonly signatureAlgorithm: number;
  readonly platformInfo: bigint;
  /** undefined: neither, or nothing signed it. */
  readonly signer: Signer | undefined;
  readonly chipKeyMasked: boolean;
  readonly reportData: Bytes;
  readonly measurement: Bytes;
  readonly hostData: Bytes;
  /** Undefined before version 3. */
  readonly cpuid: Cpuid | undefined;
  readonly chipId: Bytes;
  /** Eight bytes each, to be read by the product's layout. */
  readonly currentTcb: Bytes;
  readonly reportedTcb: Bytes;
  readonly committedTcb: Bytes;
  readonly launchTcb: Bytes;
}

export const GUEST_POLICY = { RESERVED_ONE: 17n, MIGRATE: 18n, DEBUG: 19n, FIRST_RESERVED: 26n } as const;

/** Bit `bit` of a 64-bit field. */
export function isSet(value: bigint, bit: bigint): boolean {
  return ((value >> bit) & 1n) === 1n;
}

/** @throws REPORT_SIZE_WRONG */
export function readReport(bytes: Bytes): SnpReport {
  if (bytes.length !== REPORT_SIZE) throw deny('REPORT_SIZE_WRONG', `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const part = (at: number, size: number) => bytes.subarray(at, at + size);
  const version = view.getUint32(0, true);
  const keyInfo = view.getUint32(0x48, true);
  const [family, model, stepping] = part(0x188, 3) as unknown as [number, number, number];
  return {
    bytes,
    version,
    guestSvn: view.getUint32(0x004, true),
    guestPolicy: view.getBigUint64(0x008, true),
    vmpl: view.getUint32(0x030, true),
    signatureAlgorithm: view.getUint32(0x034, true),
    platformInfo: view.getBigUint64(0x040, true),
    signer: (['vcek', 'vlek'] as const)[(keyInfo >> 2) & 7],
    chipKeyMasked: (keyInfo & 2) !== 0,
    reportData: part(0x050, 64),
    measurement: part(0x090, 48),
    hostData: part(0x0c0, 32),
    cpuid: version >= FIRST_WITH_CPUID ? { family, model, stepping } : undefined,
    chipId: part(0x1a0, 64),
    currentTcb: part(0x038, 8),
    reportedTcb: part(0x180, 8),
    committedTcb: part(0x1e0, 8),
    launchTcb: part(0x1f0, 8),
  };
}

/** SHA-256 of this is what evidence is known by. */
export function signedPart({ bytes }: Pick<SnpReport, 'bytes'>): Bytes {
  return bytes.subarray(0, SIGNED_SIZE);
}

/** The offset of a byte that is reserved in the report's version and is not zero, or undefined. */
export function reservedFault(report: SnpReport, layout: TcbLayout): number | undefined {
  const { bytes, version } = report;
  for (const [from, to] of reservedRanges(version)) {
    for (let at = from; at < to; at++) if (bytes[at] !== 0) return at;
  }
  // KEY_INFO bits 5 to 31.
  if ((bytes[0x48]! & 0xe0) !== 0) return 0x48;
  const tcbs = [
    [0x038, report.currentTcb],
    [0x180, report.reportedTcb],
    [0x1e0, report.committedTcb],
    [0x1f0, report.launchTcb],
  ] as const;
  return tcbs.find(([, tcb]) => !tcbReservedZero(tcb, layout))?.[0];
}

function reservedRanges(version: number): readonly (readonly [from: number, to: number])[] {
  return [
    [0x049, 0x050],
    [version >= FIRST_WITH_CPUID ? 0x18b : 0x188, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [version >= FIRST_WITH_MITIGATIONS ? 0x208 : 0x1f8, SIGNED_SIZE],
  ];
}
