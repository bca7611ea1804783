/** What an owner says of its key: DEPA-Training's key-import configuration, for every host data that the code is certified with. */
import { readFileSync } from 'node:fs';
import { fail } from '../../core/errors.ts';

/** What is filled in where a scenario has no template. */
const TEMPLATE = {
  key: { kid: '', kty: 'oct' },
  claims: [
    [
      { claim: 'x-ms-sevsnpvm-hostdata', equals: '' },
      { claim: 'x-ms-compliance-status', equals: 'azure-compliant-uvm' },
    ],
  ],
};
const HOST_DATA = 'x-ms-sevsnpvm-hostdata';

interface Claim {
  readonly claim: string;
  readonly equals: string;
}

/**
 * @param template path of `importkey-config-template.json`, if the scenario has one
 * @param hostData hexadecimal
 * @returns JSON. @throws ARGUMENT_INVALID the template is not one
 */
export function keyImportConfig(
  template: string | undefined,
  kid: string,
  hostData: readonly string[],
): string {
  const { key, claims, ...more } = template === undefined ? TEMPLATE : parsed(template);
  const filled = claims.flatMap((each) =>
    hostData.map((equals) => each.map((claim) => (claim.claim === HOST_DATA ? { ...claim, equals } : claim))),
  );
  return JSON.stringify({ ...more, key: { ...key, kid }, claims: filled }, null, 2);
}

function parsed(path: string): { key: object; claims: readonly (readonly Claim[])[] } {
  try {
    const { key, claims, ...more } = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof key === 'object' && Array.isArray(claims) && claims.every(Array.isArray))
      return { ...more, key, claims };
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', `cannot read ${path}`, { cause });
  }
  throw fail('ARGUMENT_INVALID', `${path} is not a template of a key import`);
}
