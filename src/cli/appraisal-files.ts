/** Sorts the files that `aichain appraise` was given by what they hold, and reads the documents that it judges by. */
import {
  type Anchors,
  type AppraisalPolicy,
  type Collateral,
  type Evidence,
  readAnchors,
  readAppraisalPolicy,
} from '../attestation/index.ts';
import { type Bytes, fromBase64, fromUtf8 } from '../core/bytes.ts';
import { type Cbor, decode } from '../core/cbor.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeSign1 } from '../cose/index.ts';
import type { Input } from './files.ts';
import { parseJson } from './json-body.ts';

const REPORT_SIZE = 1184;
/** CBOR tag 18, COSE_Sign1. */
const SIGN1 = 0xd2;
type Part = 'report' | 'envelope' | keyof Collateral;

export interface GivenEvidence {
  readonly form: 'report' | 'envelope';
  readonly bytes: Bytes;
  readonly collateral: Collateral;
}

/** @throws ARGUMENT_INVALID no evidence, two of a kind, or a file of no known kind */
export function sortAppraisalFiles(inputs: readonly Input[]): GivenEvidence {
  const found = new Map<Part, Bytes>();
  for (const { name, bytes } of inputs) {
    const part = partOf(bytes);
    if (part === undefined)
      throw fail('ARGUMENT_INVALID', `${name} is no evidence, and nothing that belongs to it`);
    if (found.has(part)) throw fail('ARGUMENT_INVALID', `${name}: more than one ${part}`);
    found.set(part, bytes);
  }
  const [report, envelope] = [found.get('report'), found.get('envelope')];
  const bytes = report ?? envelope;
  if (!bytes || (report && envelope)) {
    throw fail('ARGUMENT_INVALID', 'give one piece of evidence: a report, or an envelope with one');
  }
  const [certificates, uvmEndorsement] = [found.get('certificates'), found.get('uvmEndorsement')];
  const [runtimeData, containerPolicy] = [found.get('runtimeData'), found.get('containerPolicy')];
  return {
    form: report ? 'report' : 'envelope',
    bytes,
    collateral: {
      ...(certificates && { certificates }),
      ...(uvmEndorsement && { uvmEndorsement }),
      ...(runtimeData && { runtimeData }),
      ...(containerPolicy && { containerPolicy }),
    },
  };
}

/** By content: names of files are nobody's word. */
function partOf(bytes: Bytes): Part | undefined {
  if (bytes[0] === SIGN1) return 'uvmEndorsement';
  const text = textOf(bytes);
  if (text === undefined || bytes.length === REPORT_SIZE) {
    return bytes.length === REPORT_SIZE ? 'report' : bytes[0] === 0x30 ? 'certificates' : undefined;
  }
  if (text.startsWith('-----BEGIN CERTIFICATE-----')) return 'certificates';
  if (/^package[ \t]+policy\b/m.test(text)) return 'containerPolicy';
  if (!/^\s*\{/.test(text)) return undefined;
  return /"evidence"\s*:/.test(text) ? 'envelope' : /"wrapKey"\s*:/.test(text) ? 'runtimeData' : undefined;
}

function textOf(bytes: Bytes): string | undefined {
  try {
    return fromUtf8(bytes);
  } catch {
    return undefined;
  }
}

/** The evidence as the type that the anchors are for. */
export function evidenceFor({ form, bytes }: GivenEvidence, { tee }: Anchors): Evidence {
  // A raw report is never evidence of confidential containers, whose form is the envelope.
  return { tee: form === 'report' && tee === 'snp-aci' ? 'snp' : tee, bytes };
}

/** The body of an `anchors.publish` entry. @throws ANCHORS_MALFORMED, what {@link readDocument} throws */
export function anchorsOf(input: Input): Anchors {
  return readAnchors(readDocument(input));
}

/** The body of an `appraisal-policy.publish` entry, or the policy alone. */
export function policyOf(input: Input): AppraisalPolicy {
  const document = readDocument(input);
  const inner = document instanceof Map ? (document as ReadonlyMap<string, Cbor>).get('policy') : undefined;
  return readAppraisalPolicy(inner ?? document);
}

/**
 * JSON as `aichain sign` takes it, CBOR, or the signed statement, whose payload it is. That it is in a log is for
 * `aichain verify` to say: an appraisal names the digests of what it went by.
 * @throws REQUEST_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC
 */
function readDocument({ name, bytes }: Input): Cbor {
  if (bytes[0] === SIGN1) return decode(payloadOf(name, bytes));
  const text = textOf(bytes);
  return text !== undefined && /^\s*\{/.test(text) ? parseJson(text) : decode(bytes);
}

function payloadOf(name: string, bytes: Bytes): Bytes {
  const { payload } = decodeSign1(bytes);
  if (payload === null) throw fail('REQUEST_MALFORMED', `${name} is a statement without its payload`);
  return payload;
}

/** A container policy, or the base64 that hosts hand it around in. */
export function containerPolicyText(bytes: Bytes): Bytes {
  const text = textOf(bytes)?.trim();
  if (text === undefined || text === '' || !/^[A-Za-z0-9+/\r\n]+=*$/.test(text)) return bytes;
  try {
    return fromBase64(text.replace(/[\r\n]/g, ''));
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return bytes;
  }
}
