/** The catalogue of codes and the list of checks: complete, described, and apart from those of the log. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ATTESTATION_CODES, CHECKS, describeAttestationCode } from '../../src/attestation/index.ts';
import { describeReason } from '../../src/chain/index.ts';

const files = (folder: URL) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
const source = files(new URL('../../src/attestation/', import.meta.url));
const tests = files(new URL('./', import.meta.url)).join('\n');

/** Codes that both catalogues have: they mean the same, and are the log’s verdict where the log gives one. */
const SHARED = ['EVIDENCE_REPLAYED', 'HOST_DATA_MISMATCH'];

describe('codes', () => {
  for (const [code, [kind, text]] of Object.entries(ATTESTATION_CODES)) {
    it(`${code} is described, given somewhere, and expected by a test`, () => {
      assert.match(code, /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/);
      assert.match(text, /^[A-Z].{10,}\.$/s);
      assert.deepEqual(describeAttestationCode(code), { class: kind, text });
      const given = source.filter((file) => !file.includes('ATTESTATION_CODES = {'));
      assert.ok(
        given.some((file) => file.includes(`'${code}'`)),
        'nothing gives it',
      );
      assert.ok(tests.includes(`'${code}'`), 'no test expects it');
    });
  }

  it('each says another thing', () => {
    const texts = Object.values(ATTESTATION_CODES).map(([, text]) => text);
    assert.equal(new Set(texts).size, texts.length);
    assert.equal(describeAttestationCode('toString'), undefined);
  });

  it('are not those of the log', () => {
    const both = Object.keys(ATTESTATION_CODES).filter((code) => describeReason(code) !== undefined);
    assert.deepEqual(both.sort(), SHARED);
  });
});

it('checks fit into the body of cleanroom.appraise: at most 64, with names of at most 64 bytes', () => {
  const names = Object.keys(CHECKS);
  assert.ok(names.length <= 64);
  for (const name of names) assert.match(name, /^[a-z-]+\.[a-z-]+$/);
  for (const name of names) assert.ok(name.length <= 64);
});
