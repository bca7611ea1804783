/** Each provider seals its table; from then on the terms of the scenario name what was sealed, and the trust file of this log. */
import { readFileSync } from 'node:fs';
import { fromUtf8, toHex } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import type { Sources } from '../../depa/index.ts';
import { readTerms, type Terms } from './cast.ts';
import { type Overlay, type ScenarioFiles, withOverlay } from './scenario-files.ts';
import { type SealedDataset, sealDataset } from './sealed-data.ts';
import type { Site } from './site.ts';

export interface SealedTerms {
  readonly terms: Terms;
  /** By URN of the dataset. */
  readonly sealed: ReadonlyMap<string, SealedDataset>;
  readonly sources: Sources;
}

/** Stands for a digest while the terms are read for the first time: only their names are looked at. */
const UNKNOWN = '0'.repeat(64);

export async function sealTerms(
  site: Site,
  files: ScenarioFiles,
  log: { readonly origin: string; readonly trust: string },
  observe: (who: string, what: string) => void,
): Promise<SealedTerms> {
  const owners = ownersIn(files.sources);
  const sealed = new Map<string, SealedDataset>();
  const unsealed = withOverlay(files.sources, (overlay) => {
    for (const id of owners.keys()) say(overlay, id, { ciphertext: UNKNOWN, plaintext: UNKNOWN, size: 1 });
    overlay.code = { ...overlay.code, ledgerTrust: UNKNOWN };
  });
  for (const dataset of readTerms(site, unsealed, log.origin).datasets) {
    const local = localOf(dataset.id);
    const done = await sealDataset(site, files, owners.get(local) ?? local, dataset);
    sealed.set(dataset.id, done);
    observe(dataset.provider, `sealed ${dataset.name}: ${done.size} bytes`);
  }
  const ledgerTrust = toHex(site.crypto.sha256(Uint8Array.from(readFileSync(log.trust))));
  const sources = withOverlay(files.sources, (overlay) => {
    for (const [id, { ciphertext, plaintext, size }] of sealed) {
      const digests = { ciphertext: toHex(ciphertext), plaintext: toHex(plaintext) };
      say(overlay, localOf(id), { ...digests, size });
    }
    overlay.code = { ...overlay.code, ledgerTrust };
  });
  return { terms: readTerms(site, sources, log.origin), sealed, sources };
}

function say(overlay: Overlay, id: string, more: object): void {
  overlay.datasets ??= {};
  overlay.datasets[id] = { ...overlay.datasets[id], ...more };
}

/** Who has the table, by the id that contract.json gives the data set. @throws ARGUMENT_INVALID not a contract */
function ownersIn({ contract }: Sources): ReadonlyMap<string, string> {
  try {
    const { datasets } = JSON.parse(fromUtf8(contract.bytes)) as {
      datasets: { id: string; owner: string }[];
    };
    return new Map(datasets.map(({ id, owner }) => [id, owner]));
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', `${contract.name} does not list data sets and their owners`, { cause });
  }
}

function localOf(urn: string): string {
  return urn.split(':').at(-1)!;
}
