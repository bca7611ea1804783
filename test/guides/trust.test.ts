/** No guide tells its reader to take the operator's word: trust files that ask for witnesses and replayers do without it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const GUIDES = new URL('../../docs/guides/', import.meta.url);

test('--insecure-trust-operator is in no guide, nor in the README', () => {
  const pages = readdirSync(GUIDES).map((name) => new URL(name, GUIDES));
  assert.ok(pages.length > 10);
  for (const page of [...pages, new URL('../../README.md', import.meta.url)]) {
    assert.doesNotMatch(readFileSync(page, 'utf8'), /insecure/i, page.pathname);
  }
});
