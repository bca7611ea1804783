/** Checkpoints, proofs, state entries, trust: what the log's own structures say. Nothing is verified. */
import { decodeStateEntry, decodeVerdict } from '../chain/index.ts';
import { type Bytes, fromUtf8, toBase64, toBase64url, toHex } from '../core/bytes.ts';
import { decode, encode } from '../core/cbor.ts';
import type { Crypto } from '../core/crypto.ts';
import { decodeProblemDetails, encodeCoseKey, thumbprint } from '../cose/index.ts';
import { parseTilePath } from '../merkle/index.ts';
import {
  formatVerifierKey,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseSignerKey,
  parseTlogProof,
  parseVerifierKey,
  type Quorum,
  type TrustPolicy,
  type VerifierKey,
  verifierKey,
} from '../note/index.ts';
import {
  type ClaimedFact,
  decodeBundle,
  decodeEffectProof,
  decodeModelEvidence,
  parseTrust,
} from '../verify/index.ts';
import { decodeConsistency } from './consistency-file.ts';
import { attempt, isoMilliseconds } from './describe-cose.ts';
import { diagnostic } from './diagnostic.ts';
import { decodeFacts } from './facts-file.ts';
import type { Json } from './terminal.ts';

export function describeNote(bytes: Bytes): Json {
  return noteJson(fromUtf8(bytes));
}

function noteJson(note: string): { readonly [name: string]: Json | undefined } {
  const { text, signatures } = parseNote(note);
  const checkpoint = attempt(() => parseCheckpoint(text));
  return {
    ...('value' in checkpoint
      ? {
          origin: checkpoint.value.origin,
          size: checkpoint.value.size,
          root: toBase64(checkpoint.value.root),
          extensions: checkpoint.value.extensions.length === 0 ? undefined : checkpoint.value.extensions,
        }
      : { text, notACheckpoint: checkpoint.fault }),
    signatures: signatures.map(({ name, id, signature }) => ({
      name,
      keyId: toHex(id),
      signature: `${signature.length} bytes, not verified here`,
    })),
  };
}

export function describeTlogProof(bytes: Bytes): Json {
  const { index, path, checkpoint, extra } = parseTlogProof(bytes);
  return {
    index,
    path: path.map(toBase64),
    extra: extra && toBase64(extra),
    checkpoint: noteJson(checkpoint),
  };
}

export function describeStateEntry(bytes: Bytes): Json {
  const { index, time, mapRoot, mapCount, rules, previous, effectsRoot } = decodeStateEntry(bytes);
  return {
    index,
    time: isoMilliseconds(time),
    mapRoot: toBase64url(mapRoot),
    mapCount,
    rules: toBase64url(rules),
    previous,
    effectsRoot: toBase64url(effectsRoot),
  };
}

export function describeVerdict(bytes: Bytes): Json {
  const { index, outcome, reason } = decodeVerdict(bytes);
  return { index, outcome, reason };
}

export function describeEffect(bytes: Bytes): Json {
  const { stateEntry, path, verdict, verdictPath } = decodeEffectProof(bytes);
  return {
    verdict: describeVerdict(verdict),
    verdictPath: verdictPath.map(toBase64url),
    stateEntry: describeStateEntry(stateEntry),
    path: path.map(toBase64url),
  };
}

export function describeConsistency(bytes: Bytes): Json {
  const { from, to, path } = decodeConsistency(bytes);
  return { from, to, path: path.map(toBase64url) };
}

export function describeFacts(bytes: Bytes): Json {
  const { checkpoint, tip, facts } = decodeFacts(bytes);
  return {
    checkpoint: noteJson(checkpoint),
    tip: describeStateEntry(tip.stateEntry),
    facts: facts.map(factJson),
  };
}

function factJson({ key, value }: ClaimedFact): Json {
  return { key: factText(key), value: value === null ? 'absent' : factText(value) };
}

export function describeBundle(bytes: Bytes): Json {
  const bundle = decodeBundle(bytes);
  const { step, request, at, decision, reason, checkpoint, tip, facts, entries, consistency } = bundle;
  return {
    ...{ step, request: factText(encode(request)), at: isoMilliseconds(at) },
    ...{ saidToBe: reason ?? decision, checkpoint: noteJson(checkpoint) },
    tip: describeStateEntry(tip.stateEntry),
    facts: facts.map(factJson),
    entries: entries.map(({ index, statement }) => ({ index, statement: `${statement.length} bytes` })),
    consistencyFrom: consistency?.from,
  };
}

export function describeModelEvidence(bytes: Bytes): Json {
  const { model, checkpoint, tip, facts, entries } = decodeModelEvidence(bytes);
  return {
    ...{ model, checkpoint: noteJson(checkpoint), tip: describeStateEntry(tip.stateEntry) },
    facts: facts.map(factJson),
    entries: entries.map(({ index, statement }) => ({ index, statement: `${statement.length} bytes` })),
  };
}

/** A state key or record in diagnostic notation. */
export function factText(bytes: Bytes): string {
  const read = attempt(() => decode(bytes));
  return 'value' in read ? diagnostic(read.value) : diagnostic(bytes);
}

export function describeTrust(crypto: Crypto, bytes: Bytes): Json {
  const trust = parseTrust(crypto, fromUtf8(bytes));
  return {
    origin: trust.origin,
    genesis: toBase64url(trust.genesis),
    checkpointKey: formatVerifierKey(trust.checkpointKey),
    receiptKey: {
      kid: toBase64url(thumbprint(crypto, trust.receiptKey)),
      algorithm: trust.receiptKey.algorithm,
      publicKey: toBase64url(encodeCoseKey(trust.receiptKey)),
    },
    service: trust.service,
    rules: trust.rules?.map(toBase64url),
    freshnessSeconds: trust.freshnessSeconds,
    policy: trust.policy ? policyJson(trust.policy) : 'none: the operator alone is trusted',
  };
}

export function describePolicy(bytes: Bytes): Json {
  return policyJson(parsePolicy(bytes));
}

function policyJson({ logs, witnesses, quorum }: TrustPolicy): Json {
  return {
    logs: logs.map(({ key, url }) => ({ key: formatVerifierKey(key), url })),
    witnesses: witnesses.map(({ name, key, url }) => ({ name, key: formatVerifierKey(key), url })),
    quorum: quorumText(quorum),
  };
}

function quorumText(quorum: Quorum): string {
  if (quorum.kind === 'none') return 'none';
  if (quorum.kind === 'witness') return quorum.name;
  return `${quorum.threshold} of (${quorum.members.map(quorumText).join(', ')})`;
}

export function describeVerifierKey(bytes: Bytes): Json {
  return verifierKeyJson(parseVerifierKey(fromUtf8(bytes).trim()));
}

/** The public part: a secret is never printed. */
export function describeSignerKey(crypto: Crypto, bytes: Bytes): Json {
  const { name, type, privateKey } = parseSignerKey(crypto, fromUtf8(bytes).trim());
  const key = verifierKey(crypto, name, type, privateKey.publicKey.bytes);
  return { ...verifierKeyJson(key), verifierKey: formatVerifierKey(key), secret: 'not shown' };
}

const KEY_TYPES = { 1: 'Ed25519', 4: 'Ed25519 cosignature', 6: 'ML-DSA-44 cosignature' } as const;

function verifierKeyJson({ name, id, type, key }: VerifierKey) {
  return { name, keyId: toHex(id), signatureType: KEY_TYPES[type], key: toBase64(key) };
}

export function describeProblem(bytes: Bytes): Json {
  const { title, detail } = decodeProblemDetails(bytes);
  return { title, detail };
}

export function describeTilePath(bytes: Bytes): Json {
  const { kind, index, width } = parseTilePath(fromUtf8(bytes).trim().replace(/^\//, ''));
  const level = typeof kind === 'number' ? kind : 0;
  const leaves = 256 ** level;
  return {
    kind: typeof kind === 'number' ? `hashes of level ${kind}` : kind,
    index,
    width,
    firstLeaf: index * 256 * leaves,
    leaves: width * leaves,
  };
}
