/** Keys on their way into a KMS, for tests: DEPA's configuration filled in, and requests signed by an owner. */
import type { Bytes } from '../../../src/core/bytes.ts';
import { toHex, utf8 } from '../../../src/core/bytes.ts';
import { type ImportParts, makeKeyImport } from '../../../src/participants/kms/import-request.ts';
import { nodeCrypto } from '../../../src/platform/crypto-node.ts';

/** `importkey-config-template.json` of DEPA-Training, with what its scripts fill in. */
export function config(kid: string, hostData: readonly Bytes[]) {
  const claims = hostData.map((one) => [
    { claim: 'x-ms-sevsnpvm-hostdata', equals: toHex(one) },
    { claim: 'x-ms-compliance-status', equals: 'azure-compliant-uvm' },
  ]);
  return {
    key: {
      kid,
      kty: 'oct-HSM',
      authority: { endpoint: 'sharedneu.neu.attest.azure.net' },
      akv: { endpoint: 'kms.example', api_version: 'api-version=7.3-preview', bearer_token: '' },
    },
    key_derivation: { salt: '', label: '' },
    claims,
  };
}

export const file = (json: object): Bytes => utf8(JSON.stringify(json));

export function dataKeyOf(name: string): Bytes {
  return nodeCrypto.sha256(utf8(`data key of ${name}`));
}

export function request(
  parts: Omit<ImportParts, 'issuedAt'> & { readonly issuedAt?: number },
): Promise<Bytes> {
  return makeKeyImport(nodeCrypto, { issuedAt: Math.floor(Date.now() / 1000), ...parts });
}
