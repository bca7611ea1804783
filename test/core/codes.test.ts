import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CODES, type CodeClass } from '../../src/core/codes.ts';
import { fail, isLedgerError, LedgerError } from '../../src/core/errors.ts';

// The type keeps this list complete: a class that is added there must be added here.
const CLASSES: Record<CodeClass, true> = {
  malformed: true,
  refused: true,
  missing: true,
  unavailable: true,
  proof: true,
  usage: true,
  fatal: true,
};

describe('the catalogue of codes', () => {
  for (const [code, entry] of Object.entries(CODES)) {
    it(`${code} has a class and a text`, () => {
      assert.match(code, /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/);
      assert.equal(entry.length, 2);
      assert.ok(Object.hasOwn(CLASSES, entry[0]), `class ${entry[0]}`);
      assert.match(entry[1], /^[A-Z].{10,}\.$/s, 'a sentence');
    });
  }

  it('says a different thing with each code', () => {
    const texts = Object.values(CODES).map(([, text]) => text);
    assert.equal(new Set(texts).size, texts.length);
  });
});

describe('LedgerError', () => {
  it('carries code, message, cause and retry delay', () => {
    const cause = new Error('first');
    const error = fail('RATE_LIMITED', 'slow down', { cause, retryAfter: 3 });
    assert.ok(error instanceof LedgerError && error instanceof Error);
    assert.equal(error.name, 'LedgerError');
    assert.equal(error.code, 'RATE_LIMITED');
    assert.equal(error.message, 'slow down');
    assert.equal(error.cause, cause);
    assert.equal(error.retryAfter, 3);
  });

  it('has no cause property when there is none', () => {
    assert.equal('cause' in fail('INTERNAL', 'x'), false);
    assert.equal('cause' in fail('INTERNAL', 'x', { cause: undefined }), false);
    assert.equal(fail('INTERNAL', 'x').retryAfter, undefined);
  });

  it('is told from other errors, and by its code', () => {
    const error: unknown = fail('NOT_FOUND', 'x');
    assert.equal(isLedgerError(error), true);
    assert.equal(isLedgerError(error, 'NOT_FOUND'), true);
    assert.equal(isLedgerError(error, 'INTERNAL'), false);
    for (const other of [new Error('x'), { code: 'NOT_FOUND' }, null, undefined, 'NOT_FOUND']) {
      assert.equal(isLedgerError(other), false);
    }
  });
});
