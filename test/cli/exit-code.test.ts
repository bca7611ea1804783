import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '../../src/chain/index.ts';
import { EXIT, exitCodeOf } from '../../src/cli/exit-code.ts';
import { hintFor } from '../../src/cli/hint.ts';
import { CODES, type CodeClass, type CoreCode } from '../../src/core/codes.ts';

const codes = Object.keys(CODES) as CoreCode[];
const refusals = KINDS.flatMap((kind) => Object.keys(kind.refusals));

test('exit codes: every code of the catalogue and of every kind has one of the table', () => {
  const table = new Set<number>(Object.values(EXIT));
  for (const code of [...codes, ...refusals]) {
    const exit = exitCodeOf(code);
    assert(table.has(exit), code);
    assert.notEqual(exit, EXIT.OK, code);
  }
});

test('exit codes: a class has one exit code, and each failed verification its own meaning', () => {
  const expected: Record<Exclude<CodeClass, 'proof'>, number> = {
    malformed: 16,
    refused: 14,
    missing: 3,
    unavailable: 4,
    usage: 2,
    fatal: 1,
  };
  const exceptions = ['LOG_LOCKED', 'RULES_MISMATCH'];
  for (const code of codes) {
    const [codeClass] = CODES[code];
    if (codeClass === 'proof' || exceptions.includes(code)) continue;
    assert.equal(exitCodeOf(code), expected[codeClass], code);
  }
  for (const code of refusals) if (!(code in CODES)) assert.equal(exitCodeOf(code), 14, code);
});

test('exit codes: the documented ones', () => {
  const documented: [string, number][] = [
    ['SIGNATURE_INVALID', 10],
    ['NOTE_UNSIGNED', 10],
    ['INCLUSION_INVALID', 11],
    ['RECEIPT_INVALID', 11],
    ['FACT_INVALID', 11],
    ['FORK', 12],
    ['CONSISTENCY_INVALID', 12],
    ['QUORUM_NOT_MET', 13],
    ['SIGNER_UNKNOWN', 14],
    ['POLICY_VERSION_NOT_NEXT', 14],
    ['STALE', 15],
    ['CBOR_MALFORMED', 16],
    ['NOT_FOUND', 3],
    ['UNAVAILABLE', 4],
    ['RATE_LIMITED', 4],
    ['CONFIG_INVALID', 2],
    ['INTERNAL', 1],
    ['A_REFUSAL_OF_A_NEWER_LOG', 14],
  ];
  for (const [code, exit] of documented) assert.equal(exitCodeOf(code), exit, code);
});

test('hints are sentences', () => {
  for (const code of [...codes, ...refusals]) {
    const hint = hintFor(code);
    if (hint !== undefined) assert.match(hint, /^[A-Z`\-d].*[.?]$|^\S.*[.?]$/, code);
  }
});
