/** docs/reference/attestation.md: the checks of an appraisal, and the codes that they give. */
import { ATTESTATION_CODES, CHECKS } from '../../src/attestation/index.ts';
import { CLASSES } from './codes.ts';
import { GENERATED, page, row } from './table.ts';

export function attestation(): string {
  const lines = [
    '# Attestation',
    GENERATED,
    '',
    'An appraisal makes every check, in this order. It is affirming only if all hold; the first that fails gives it its code',
    '(see [the guide](../guides/attestation.md)).',
    '',
    '| check | what has to hold |',
    '|---|---|',
    ...Object.entries(CHECKS).map(([name, text]) => row(`\`${name}\``, text)),
  ];
  for (const [name, meaning] of Object.entries(CLASSES)) {
    const codes = Object.entries(ATTESTATION_CODES).filter(([, [of]]) => of === name);
    if (codes.length === 0) continue;
    lines.push('', `## ${name}`, '', meaning, '', '| code | meaning |', '|---|---|');
    for (const [code, [, text]] of codes) lines.push(row(`\`${code}\``, text));
  }
  return page(lines);
}
