/**
 * Providers offer their data, registered over the contract service, and the consumer its base model, if there is one; their keys are
 * handed to the KMS on conditions.
 */
import { writeFileSync } from 'node:fs';
import { toHex } from '../../../core/bytes.ts';
import type { Cycle } from '../cycle.ts';
import { keyImportConfig } from '../key-import.ts';
import { passing } from '../refused.ts';
import type { SealedModel } from '../sealed-model.ts';
import { declareStep } from './step.ts';

export const offer = declareStep('offer', async (cycle) => {
  const { terms, recorder, observe, service } = cycle;
  const kms = cycle.one('KMS');
  for (const provider of new Set(terms.datasets.map((each) => each.provider))) {
    await recorder.log(cycle.who(provider), 'delegate.grant', { delegate: kms.did, role: 'kms' });
  }
  const bodies = terms.bodies.filter(({ kind }) => kind === 'dataset.register');
  for (const [i, { name, provider }] of terms.datasets.entries()) {
    const statement = recorder.sign(cycle.who(provider), 'dataset.register', bodies[i]!.body);
    await passing('dataset.register', service.registerDataset(statement));
    observe(provider, `registered ${name}`);
  }
  const base = cycle.baseModel && (await registerBaseModel(cycle, cycle.baseModel));
  const keys = terms.datasets.map(({ id, name, provider, dataKeyId }) => {
    return { name, owner: provider, dataKeyId, keyFile: cycle.sealed(id).keyFile };
  });
  // Each waits for a head that covers its owner; none for the others.
  await Promise.all([...keys, ...(base ? [base] : [])].map((key) => importKey(cycle, key)));
});

interface OwnedKey {
  /** Of what it is the key of. */
  readonly name: string;
  /** DID. */
  readonly owner: string;
  readonly dataKeyId: string;
  readonly keyFile: string;
}

async function registerBaseModel(cycle: Cycle, model: SealedModel): Promise<OwnedKey> {
  const { recorder, observe } = cycle;
  const [tdc, kms] = [cycle.one('TDC'), cycle.one('KMS')];
  const { id, digest, dataKeyId, keyFile } = model;
  await recorder.log(tdc, 'delegate.grant', { delegate: kms.did, role: 'kms' });
  const lent = { did: kms.did, dataKeyId };
  await recorder.log(tdc, 'model.register', { id, digest, format: 'safetensors', parents: [], kms: lent });
  observe(tdc.did, 'registered its base model');
  return { name: 'the base model', owner: tdc.did, dataKeyId, keyFile };
}

async function importKey(cycle: Cycle, { name, owner: did, dataKeyId, keyFile }: OwnedKey): Promise<void> {
  const { site, terms, files, found, observe } = cycle;
  const [owner, kms] = [cycle.who(did), cycle.one('KMS')];
  const hostData = terms.body('code.certify').hostData.map(toHex);
  const config = site.path('data', `${dataKeyId}.importkey-config.json`);
  writeFileSync(config, keyImportConfig(files.keyImport, dataKeyId, hostData));
  await cycle.command(`import-${dataKeyId}`, [
    ...['kms', 'import', '--url', found.kms!, '--kms', kms.did, '--config', config],
    ...['--data-key', keyFile, '--key', owner.keyFile, '--issuer', owner.did],
    ...cycle.flags(owner.name),
  ]);
  observe(did, `handed the key of ${name} to ${kms.did}`);
}
