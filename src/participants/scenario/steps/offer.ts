/** Providers offer their data: registered over the contract service, its keys handed to the KMS on conditions. */
import { writeFileSync } from 'node:fs';
import { toHex } from '../../../core/bytes.ts';
import type { Dataset } from '../cast.ts';
import type { Cycle } from '../cycle.ts';
import { keyImportConfig } from '../key-import.ts';
import { passing } from '../refused.ts';
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
  // Each waits for a head that covers its owner; none for the others.
  await Promise.all(terms.datasets.map((dataset) => importKey(cycle, dataset)));
});

async function importKey(cycle: Cycle, { id, name, provider, dataKeyId }: Dataset): Promise<void> {
  const { site, terms, files, found, observe } = cycle;
  const [owner, kms] = [cycle.who(provider), cycle.one('KMS')];
  const hostData = terms.body('code.certify').hostData.map(toHex);
  const config = site.path('data', `${dataKeyId}.importkey-config.json`);
  writeFileSync(config, keyImportConfig(files.keyImport, dataKeyId, hostData));
  await cycle.command(`import-${dataKeyId}`, [
    ...['kms', 'import', '--url', found.kms!, '--kms', kms.did, '--config', config],
    ...['--data-key', cycle.sealed(id).keyFile, '--key', owner.keyFile, '--issuer', owner.did],
    ...cycle.flags(owner.name),
  ]);
  observe(provider, `handed the key of ${name} to ${kms.did}`);
}
