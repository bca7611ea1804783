/**
 * The rules of the log as one document, generated from the declarations, and its id: H(document). Every state entry
 * carries the id, so that a replayer knows whether it judges by the same law.
 */

import type { Bytes } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { ALGORITHM_ID } from '../cose/algorithm.ts';
import { MAX_STATEMENT } from './envelope.ts';
import { GATES } from './gates/index.ts';
import type { Kind } from './kind.ts';
import { KINDS } from './kinds/index.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { POSSESSION_TYPE } from './possession.ts';
import { ENVELOPE_VERSION, MAX_REFS, STATEMENT_TYPE } from './protected-header.ts';
import { RECORDS } from './records/index.ts';
import { FRAME_REASONS } from './refusal.ts';
import { MAX_KEYS } from './state.ts';

/** Raised with every change of what a rule does that its declaration does not show. */
const REVISION = 10;

/** Deterministic CBOR. */
export function rulesDocument(): Bytes {
  return encode({
    format: 'aichain/rules/v1',
    revision: REVISION,
    envelope: { version: ENVELOPE_VERSION, type: STATEMENT_TYPE, maxBytes: MAX_STATEMENT, maxRefs: MAX_REFS },
    algorithms: { ...ALGORITHM_ID },
    possession: POSSESSION_TYPE,
    maxKeys: MAX_KEYS,
    defaults: DEFAULT_POLICY as unknown as Cbor,
    reasons: [...FRAME_REASONS],
    foreign: { signer: 'verified' },
    kinds: Object.fromEntries(KINDS.map((kind) => [kind.name, ruleOf(kind)])),
    gates: Object.fromEntries(
      GATES.map(({ step, question, request, reasons }) => [
        step,
        { question, request: request.cddl, reasons: Object.entries(reasons) },
      ]),
    ),
    records: Object.fromEntries(RECORDS.map(({ type, schema }) => [type, schema.cddl])),
  });
}

function ruleOf(kind: Kind): Cbor {
  const relations = Object.entries(kind.refs ?? {});
  return {
    rule: kind.rule,
    signer: kind.signer,
    roles: [...(kind.roles ?? [])],
    delegate: kind.delegate ?? null,
    anyAge: kind.anyAge ?? false,
    body: kind.body.cddl,
    refs: Object.fromEntries(
      relations.map(([rel, { kinds, count }]) => [rel, [[...kinds], count ? [count.min, count.max] : null]]),
    ),
    refusals: Object.entries(kind.refusals).map(([code, text]) => [code, text]),
    shared: [...(kind.shared ?? [])],
    denials: Object.entries(kind.denials ?? {}).map(([code, text]) => [code, text]),
  };
}

let id: Bytes | undefined;

/** 32 bytes. */
export function rulesId(hasher: Hasher): Bytes {
  id ??= hasher.sha256(rulesDocument());
  return id;
}
