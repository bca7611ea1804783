/**
 * What a report is made for (ATTESTATION "Binding"): one clean room, one deployment of it in one log, its two keys, and a
 * head of the log as the nonce that says how old the report is. The 64 bytes of report data are a digest of this.
 */
import { type Bytes, concat, equal, fromBase64url, fromUtf8, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { canonicalJson } from './canonical-json.ts';
import { type AttestationCode, deny } from './codes.ts';
import { type Json, type JsonMap, readJsonMap } from './json.ts';

/** SHA-512 of the canonical JSON; or, for hosts that put SHA-256 of runtime data there, that and 32 zero bytes. */
export const BINDING_SCHEMES = ['jcs-sha512', 'skr-sha256'] as const;
export type BindingScheme = (typeof BINDING_SCHEMES)[number];

export interface Binding {
  /** Origin of the log. */
  readonly log: string;
  /** URN of the clean room. */
  readonly cleanroom: string;
  /** Entry id of its deployment, 32 bytes: it fixes contracts, code and pipeline. */
  readonly deploy: Bytes;
  readonly head: { readonly size: number; readonly root: Bytes };
  /** Thumbprints (RFC 9679), 32 bytes each. */
  readonly signKey: Bytes;
  readonly wrapKey: Bytes;
}

const VERSION = 1;
/** Above any genuine one: identifiers are at most 512 bytes. */
const MAX_RUNTIME_DATA = 4096;

/** The canonical JSON that is hashed; with `skr-sha256` it is handed to the host as runtime data. */
export function runtimeData({ log, cleanroom, deploy, head, signKey, wrapKey }: Binding): Bytes {
  return canonicalJson({
    v: VERSION,
    log,
    cleanroom,
    deploy: toBase64url(deploy),
    head: { size: head.size, root: toBase64url(head.root) },
    signKey: toBase64url(signKey),
    wrapKey: toBase64url(wrapKey),
  });
}

/** The 64 bytes that a report has to carry. */
export function reportData(
  crypto: Pick<Crypto, 'sha256' | 'sha512'>,
  scheme: BindingScheme,
  runtime: Bytes,
): Bytes {
  return scheme === 'jcs-sha512'
    ? crypto.sha512(runtime)
    : concat(crypto.sha256(runtime), new Uint8Array(32));
}

/**
 * Runtime data as a binding: an appraiser learns from it which head to look up. It is what the sender says until the
 * report data has been compared.
 * @throws JSON_MALFORMED, JSON_NUMBER_INEXACT, JSON_NOT_CANONICAL, EVIDENCE_TOO_LARGE
 */
export function readRuntimeData(bytes: Bytes): Binding {
  if (bytes.length > MAX_RUNTIME_DATA)
    throw deny('EVIDENCE_TOO_LARGE', `runtime data of ${bytes.length} bytes`);
  const map = readJsonMap(bytes);
  const head = map.get('head');
  if (map.get('v') !== VERSION || map.size !== 7 || !(head instanceof Map) || head.size !== 2) {
    throw deny('JSON_NOT_CANONICAL', `not the members of a binding, version ${VERSION}`);
  }
  const binding = {
    log: text(map.get('log')),
    cleanroom: text(map.get('cleanroom')),
    deploy: digest(map.get('deploy')),
    head: { size: size((head as JsonMap).get('size')), root: digest((head as JsonMap).get('root')) },
    signKey: digest(map.get('signKey')),
    wrapKey: digest(map.get('wrapKey')),
  };
  if (!equal(runtimeData(binding), bytes)) throw deny('JSON_NOT_CANONICAL', fromUtf8(bytes).slice(0, 80));
  return binding;
}

/** What `found` is for, if not for `wanted`. */
export function otherBinding(found: Binding, wanted: Binding): AttestationCode | undefined {
  if (found.log !== wanted.log) return 'BINDING_OTHER_LOG';
  if (found.cleanroom !== wanted.cleanroom || !equal(found.deploy, wanted.deploy)) {
    return 'BINDING_OTHER_CLEANROOM';
  }
  if (found.head.size !== wanted.head.size || !equal(found.head.root, wanted.head.root)) {
    return 'BINDING_OTHER_HEAD';
  }
  const sameKeys = equal(found.signKey, wanted.signKey) && equal(found.wrapKey, wanted.wrapKey);
  return sameKeys ? undefined : 'BINDING_OTHER_KEYS';
}

function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw deny('JSON_NOT_CANONICAL', 'text is needed');
  return value;
}

function size(value: Json | undefined): number {
  if (typeof value !== 'number' || value < 0) throw deny('JSON_NOT_CANONICAL', 'not the size of a tree');
  return value;
}

function digest(value: Json | undefined): Bytes {
  let bytes: Bytes | undefined;
  try {
    bytes = fromBase64url(text(value));
  } catch (cause) {
    throw deny('JSON_NOT_CANONICAL', 'not a digest in base64url', cause);
  }
  if (bytes.length !== 32) throw deny('JSON_NOT_CANONICAL', 'not 32 bytes');
  return bytes;
}
