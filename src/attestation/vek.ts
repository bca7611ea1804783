/** The certificate of the key that signs reports: AMD's extensions under 1.3.6.1.4.1.3704.1 (AMD 57230). */
import type { Bytes } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import { ascii, type Certificate } from './certificate.ts';
import { deny } from './codes.ts';
import { readDer, readSmall, TAG } from './der.ts';
import type { Product } from './product.ts';
import type { Signer } from './snp-report.ts';
import type { Tcb } from './tcb.ts';

const AMD = '1.3.6.1.4.1.3704.1';
const SPL = {
  bootLoader: `${AMD}.3.1`,
  tee: `${AMD}.3.2`,
  snp: `${AMD}.3.3`,
  microcode: `${AMD}.3.8`,
  fmc: `${AMD}.3.9`,
} as const;
/** Places for components that no product has yet: if one comes, nobody here knows what it means. */
const RESERVED_SPL = [4, 5, 6, 7].map((n) => `${AMD}.3.${n}`);
export const VEK_EXTENSION = {
  VERSION: `${AMD}.1`,
  PRODUCT: `${AMD}.2`,
  HWID: `${AMD}.4`,
  CSP_ID: `${AMD}.5`,
  SPL,
} as const;

export interface Vek {
  readonly tcb: Tcb;
  /** Undefined for a VLEK, which is a provider's and not a chip's. */
  readonly hwid: Bytes | undefined;
}

/** The name of the product: "Milan-B0" is Milan. @throws TCB_EXTENSION_MISSING, TCB_EXTENSION_INVALID */
export function vekProduct(certificate: Certificate): string {
  const text = readText(certificate, VEK_EXTENSION.PRODUCT);
  return text.split('-')[0]!;
}

/** @throws TCB_EXTENSION_MISSING, TCB_EXTENSION_INVALID */
export function readVek(certificate: Certificate, product: Product, signer: Signer): Vek {
  const { extensions } = certificate;
  readLevel(certificate, VEK_EXTENSION.VERSION);
  vekProduct(certificate);
  for (const oid of RESERVED_SPL) {
    if (extensions.has(oid) && readLevel(certificate, oid) !== 0) {
      throw deny('TCB_EXTENSION_INVALID', `${oid} is reserved and not zero`);
    }
  }
  if (product.layout !== 'turin' && extensions.has(SPL.fmc)) {
    throw deny('TCB_EXTENSION_INVALID', `${SPL.fmc} is no component of ${product.name}`);
  }
  const tcb = {
    bootLoader: readLevel(certificate, SPL.bootLoader),
    tee: readLevel(certificate, SPL.tee),
    snp: readLevel(certificate, SPL.snp),
    microcode: readLevel(certificate, SPL.microcode),
    ...(product.layout === 'turin' && { fmc: readLevel(certificate, SPL.fmc) }),
  };
  return { tcb, hwid: signer === 'vcek' ? readHwid(certificate, product) : readProvider(certificate) };
}

function readHwid(certificate: Certificate, { name, hwidBytes }: Product): Bytes {
  const { value } = extension(certificate, VEK_EXTENSION.HWID);
  if (value.length !== hwidBytes) {
    throw deny('TCB_EXTENSION_INVALID', `a chip id of ${value.length} bytes, where ${name} has ${hwidBytes}`);
  }
  return value;
}

function readProvider(certificate: Certificate): undefined {
  if (certificate.extensions.has(VEK_EXTENSION.HWID)) {
    throw deny('TCB_EXTENSION_INVALID', 'a key of a provider that names a chip');
  }
  readText(certificate, VEK_EXTENSION.CSP_ID);
  return undefined;
}

function readLevel(certificate: Certificate, oid: string): number {
  const { value } = extension(certificate, oid);
  return checked(oid, () => readSmall(readDer(value, TAG.INTEGER), 255));
}

function readText(certificate: Certificate, oid: string): string {
  const { value } = extension(certificate, oid);
  const text = checked(oid, () => ascii(readDer(value, TAG.IA5_STRING).content));
  if (text === '') throw deny('TCB_EXTENSION_INVALID', `${oid} is not text`);
  return text;
}

function extension(certificate: Certificate, oid: string) {
  const found = certificate.extensions.get(oid);
  if (!found) throw deny('TCB_EXTENSION_MISSING', oid);
  return found;
}

function checked<T>(oid: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isLedgerError(error, 'DER_MALFORMED')) throw error;
    throw deny('TCB_EXTENSION_INVALID', `${oid}: ${error.message}`, error);
  }
}
