/** The documents in docs/guides/attestation.md are ones that are taken. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import {
  ATTESTATION_CODES,
  readAnchors,
  readAppraisalPolicy,
  readRuntimeData,
} from '../../src/attestation/index.ts';
import { publish as anchors } from '../../src/chain/kinds/anchors.ts';
import { publish as policy } from '../../src/chain/kinds/appraisal-policy.ts';
import { parseBody } from '../../src/cli/json-body.ts';
import { utf8 } from '../../src/core/bytes.ts';

const text = readFileSync(new URL('../../docs/guides/attestation.md', import.meta.url), 'utf8');
const block = (name: string) => new RegExp(`<!-- ${name} -->\n\`\`\`json\n([^\`]*)\n\`\`\``).exec(text)![1]!;

it('anchors and policy are bodies that the log and the appraiser read', () => {
  const body = parseBody(block('anchors'));
  assert.equal(readAnchors(body).tee, 'snp-aci');
  anchors.body.read(body, '');
  const published = parseBody(block('policy'));
  policy.body.read(published, '');
  assert.equal(readAppraisalPolicy(published.get('policy')!).products.length, 2);
});

it('runtime data is in its canonical form', () => {
  assert.equal(readRuntimeData(utf8(block('runtime-data'))).head.size, 4711);
});

it('every code that it names is one', () => {
  const named = [...text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g)].map(([, code]) => code!);
  const others = named.filter((code) => !Object.hasOwn(ATTESTATION_CODES, code));
  assert.deepEqual(others, ['POLICY_ALLOWS_ALL']);
});
