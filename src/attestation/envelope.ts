/**
 * What a plug-in takes apart: the report, and what came with it. Evidence comes as the raw report, or in the envelope of
 * Azure's confidential containers, the shape of `/attest/combined` and of DEPA's own KMS.
 */
import { type Bytes, fromBase64 } from '../core/bytes.ts';
import { deny } from './codes.ts';
import { type Json, readJsonMap } from './json.ts';
import { REPORT_SIZE } from './snp-report.ts';

/** Pieces that did not come with the report; what an envelope holds counts before what is beside it. */
export interface Collateral {
  /** Of the chip, intermediate, root, in this order: PEM, or DER one after the other. */
  readonly certificates?: Bytes;
  /** COSE_Sign1 by who endorses the launch measurement. */
  readonly uvmEndorsement?: Bytes;
  readonly runtimeData?: Bytes;
  /** The text that host data is the digest of. */
  readonly containerPolicy?: Bytes;
}

export interface EvidenceParts extends Collateral {
  readonly report: Bytes;
}

/** Base64 of a policy may take most of it. */
export const MAX_ENVELOPE = 384 * 1024;
/** Most base64 characters of each member; the smaller ones are bounded again where they are read. */
const MEMBERS = {
  evidence: 4 * 1024,
  endorsements: 64 * 1024,
  uvm_endorsements: 96 * 1024,
  runtime_data: 8 * 1024,
  policy: 256 * 1024,
  // The host's own opinion of the TCB, which the certificate overrides: ignored.
  endorsed_tcb: 64,
} as const;
type Member = keyof typeof MEMBERS;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** @throws ENVELOPE_MALFORMED, EVIDENCE_TOO_LARGE, JSON_MALFORMED, JSON_NUMBER_INEXACT */
export function readEnvelope(bytes: Bytes): EvidenceParts {
  if (bytes.length > MAX_ENVELOPE) throw deny('EVIDENCE_TOO_LARGE', `${bytes.length} bytes`);
  const map = readJsonMap(bytes);
  for (const name of map.keys()) {
    if (!Object.hasOwn(MEMBERS, name)) throw deny('ENVELOPE_MALFORMED', 'a member that is not known');
  }
  const part = (name: Member): Bytes | undefined => {
    const value = map.get(name);
    return value === undefined ? undefined : decode(name, value);
  };
  const report = part('evidence');
  if (!report) throw deny('ENVELOPE_MALFORMED', 'no evidence');
  const [certificates, uvmEndorsement] = [part('endorsements'), part('uvm_endorsements')];
  const [runtime, policy] = [part('runtime_data'), part('policy')];
  return {
    report,
    ...(certificates && { certificates }),
    ...(uvmEndorsement && { uvmEndorsement }),
    ...(runtime && { runtimeData: runtime }),
    ...(policy && { containerPolicy: policy }),
  };
}

function decode(name: Member, value: Json): Bytes {
  if (typeof value !== 'string') throw deny('ENVELOPE_MALFORMED', `${name} is not text`);
  if (value.length > MEMBERS[name]) throw deny('EVIDENCE_TOO_LARGE', `${name} of ${value.length} characters`);
  // Cheaper than decoding, for what is no base64 at all.
  if (!BASE64.test(value)) throw deny('ENVELOPE_MALFORMED', `${name} is not base64`);
  try {
    return fromBase64(value);
  } catch (cause) {
    throw deny('ENVELOPE_MALFORMED', `${name} is not base64`, cause);
  }
}

/** The raw report, with everything else beside it. @throws REPORT_SIZE_WRONG */
export function readRaw(report: Bytes): EvidenceParts {
  if (report.length !== REPORT_SIZE) throw deny('REPORT_SIZE_WRONG', `${report.length} bytes`);
  return { report };
}
