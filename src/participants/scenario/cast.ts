/** Who has a part in a scenario, as its contract names them, and the keys that each of them holds. */
import { listSigningKeys, type Role } from '../../chain/index.ts';
import { type Bytes, utf8 } from '../../core/bytes.ts';
import type { PrivateKey } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { type ImportedBody, importContract, type Sources } from '../../depa/index.ts';
import type { Site } from './site.ts';

export interface Participant {
  readonly did: string;
  /** Last label of its DID: what its files are called. */
  readonly name: string;
  readonly roles: readonly Role[];
  readonly key: PrivateKey;
  readonly keyFile: string;
}

export interface Dataset {
  /** URN. */
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly provider: string;
  readonly dataKeyId: string;
  readonly kms: string;
}

/** What the files say, by who has to say it in the log. */
export interface Terms {
  readonly bodies: readonly ImportedBody[];
  // biome-ignore lint/suspicious/noExplicitAny: bodies that the importer has made; the log reads them strictly.
  body(kind: string): any;
  readonly datasets: readonly Dataset[];
  readonly salt: Bytes;
}

/** @throws what the first problem of the files is */
export function readTerms(site: Site, sources: Sources, origin: string): Terms {
  const at = Math.floor(Date.now() / 1000);
  const { bodies, problems, salt } = importContract(site.crypto, sources, {
    ...{ origin, at, salt: new Uint8Array(32) },
  });
  const [problem] = problems;
  if (problem) throw fail('ARGUMENT_INVALID', `${problem.file}: ${problem.path}: ${problem.message}`);
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const body = (kind: string): any => {
    const found = bodies.find((each) => each.kind === kind);
    if (!found) throw fail('ARGUMENT_INVALID', `the files make no ${kind}`);
    return found.body;
  };
  const registered = bodies.filter(({ kind }) => kind === 'dataset.register');
  const keys: { id: string; dataKeyId: string }[] = body('contract.propose').datasets;
  const datasets = registered.map(({ body: each }) => {
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    const { id, version, name, provider, kms } = each as any;
    const { dataKeyId } = keys.find((term) => term.id === id) ?? kms;
    return { id, version, name, provider, dataKeyId, kms: kms.did };
  });
  return { bodies, body, datasets, salt };
}

/** Everybody whom the contract and the datasets name, each with a new key. */
export function castOf(site: Site, terms: Terms): ReadonlyMap<string, Participant> {
  const { tdc, tdps, ccrp, paymentService } = partiesOf(terms.body('contract.propose'));
  const roles = new Map<string, Role[]>();
  const add = (did: string | undefined, role: Role) => {
    if (did === undefined) return;
    const held = roles.get(did) ?? [];
    if (!held.includes(role)) roles.set(did, [...held, role]);
  };
  for (const did of tdps) add(did, 'TDP');
  add(tdc, 'TDC');
  add(ccrp, 'CCRP');
  for (const { kms } of terms.datasets) add(kms, 'KMS');
  for (const did of terms.body('contract.propose').verifiers) add(did, 'VERIFIER');
  add(paymentService, 'CONTRACT_SERVICE');
  return new Map(
    [...roles].map(([did, held]) => {
      const name = did
        .split(':')
        .at(-1)!
        .split('.')[0]!
        .replaceAll(/[^a-z0-9-]/gi, '-');
      const { key, file: keyFile } = site.key(name);
      return [did, { did, name, roles: held, key, keyFile }];
    }),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a body that the importer has made.
function partiesOf(contract: any): { tdc: string; tdps: string[]; ccrp: string; paymentService?: string } {
  return contract.parties ?? contract;
}

/**
 * Body of participant.register.
 * @param wrap listed with use `enc`: a COSE_Key, or a key that can sign and therefore has to prove its possession
 */
export function registration(site: Site, log: string, who: Participant, wrap?: Bytes | PrivateKey) {
  const { did, roles, key } = who;
  const list = (each: PrivateKey, ...aliases: string[]) =>
    listSigningKeys(site.crypto, { log, owner: did, keys: [each], aliases });
  const keys = list(key);
  const enc = wrap && {
    ...(wrap instanceof Uint8Array ? { keyAlias: 'wrap', key: wrap } : list(wrap, 'wrap')[0]),
    use: 'enc',
  };
  return {
    ...{ did, roles, keys: enc ? [...keys, enc] : keys, organisation: site.crypto.sha256(utf8(did)) },
    ...{ jurisdiction: 'IN', endpoints: [] },
  };
}
