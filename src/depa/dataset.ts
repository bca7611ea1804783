/** The data sets of a contract, as bodies of dataset.register: what contract.json and the configurations say of them. */
import type { Desk, ImportedBody } from './import.ts';
import { urnAt } from './objects.ts';
import { type Pipeline, refusePickle } from './pipeline.ts';
import type { Place } from './place.ts';

export function registrations(desk: Desk, pipeline: Pipeline | undefined): ImportedBody[] {
  const datasets = desk.contract.at('datasets').items();
  if (datasets.length === 0)
    desk.contract.at('datasets').problem('NO_DATASETS', 'the contract has no data sets');
  const ids = new Set<unknown>();
  const keys = new Set<string>();
  return datasets.map((dataset) => {
    const { value: id } = dataset.at('id');
    if (ids.has(id)) dataset.at('id').problem('ID_TAKEN', `the contract has two data sets ${String(id)}`);
    ids.add(id);
    const key = dataKeyOf(desk, dataset);
    const name = `${String(saidOf(desk, dataset)('kms').value)} ${key.text()}`;
    if (keys.has(name)) key.problem('DATA_ALREADY_REGISTERED', 'another data set has this data key');
    keys.add(name);
    return registration(desk, dataset, pipeline);
  });
}

/** What the key management system calls the key of a data set. */
export function dataKeyOf(desk: Pick<Desk, 'overlay'>, dataset: Place): Place {
  return dataset.at('key', 'properties', 'kid').or(saidOf(desk, dataset)('dataKeyId'));
}

/** What the overlay says of a data set: under its id, else for all of them. */
export function saidOf({ overlay }: Pick<Desk, 'overlay'>, dataset: Place): (...path: string[]) => Place {
  const own = overlay.at('datasets', String(dataset.at('id').value));
  return (...path) => {
    const place = own.at(...path);
    const shared = overlay.at('eachDataset', ...path);
    return place.present || !shared.present ? place : shared;
  };
}

/** What the contract lets one run spend of a data set; an empty place if it says nothing. */
export function privacyTerm({ contract }: Pick<Desk, 'contract'>, id: unknown): Place {
  const rows = contract
    .at('constraints')
    .items()
    .flatMap((constraint) => constraint.at('privacy').items());
  const found = rows.filter((row) => row.at('dataset').value === id);
  if (found.length > 1) found[1]!.problem('SCHEMA_INVALID', `a second privacy term for ${String(id)}`);
  return found[0] ?? contract.at('constraints').at('privacy');
}

/** What scenario.json says of a data set; an empty place if it says nothing. */
function scenarioOf({ scenario }: Desk, id: unknown): Place {
  const all = scenario
    .at('tdps')
    .items()
    .flatMap((tdp) => tdp.at('datasets').items());
  return all.find((dataset) => dataset.at('id').value === id) ?? scenario.at('tdps', 'datasets');
}

function registration(desk: Desk, dataset: Place, pipeline: Pipeline | undefined): ImportedBody {
  const { origin, overlay } = desk;
  const said = saidOf(desk, dataset);
  const id = dataset.at('id').value;
  const term = privacyTerm(desk, id);
  const scenario = scenarioOf(desk, id);
  const personal = said('personal').present
    ? said('personal').bool()
    : scenario.at('privacy').present
      ? scenario.at('privacy').bool()
      : term.present;
  const key = dataset.at('key', 'properties');
  const provider = dataset.at('provider').or(said('provider')).did();
  const format = formatOf(desk, said('format'), pipeline?.formats.get(String(id)));
  const limit = said('budget').present ? said('budget') : scenario.at('epsilon').present ? scenario : term;
  const budget = personal ? budgetOf(limit, term) : undefined;
  const body = {
    id: urnAt(dataset.at('id').or(said('id')), 'dataset', origin),
    version: said('version').maybe((place) => place.amount(0)) ?? 1,
    provider,
    name: dataset.at('name').or(said('name')).text(),
    schema: said('schema').maybe((place) => place.text()),
    card: said('card').digest(),
    url: dataset.at('url').or(said('url')).text(),
    ciphertext: said('ciphertext').digest(),
    size: said('size').amount(0),
    format,
    plaintext: said('plaintext').digest(),
    sampleUrl: said('sampleUrl').maybe((place) => place.text()),
    sampleDigest: said('sampleDigest').maybe((place) => place.digest()),
    kms: {
      did: said('kms').did(),
      dataKeyId: dataKeyOf(desk, dataset).text(),
      endpoint: key.at('endpoint').or(said('keyEndpoint')).text(),
    },
    sensitivity: said('sensitivity').amount(0),
    personal,
    ...(personal && {
      scope: said('scope').text(),
      legalBasis: said('legalBasis').text(),
      budget,
    }),
    purposes: said('purposes').present
      ? said('purposes').list((place) => place.text())
      : [desk.contract.at('purpose').or(overlay.at('contract', 'purpose')).text()],
    joinKeys:
      said('joinKeys').maybe((place) => place.list((item) => item.text())) ?? pipeline?.joinKeys ?? [],
    targets:
      said('targets').maybe((place) => place.list((item) => item.text())) ??
      (pipeline?.target === undefined ? [] : [pipeline.target]),
    terms: said('terms').maybe(priced),
    retentionUntil: said('retentionUntil').maybe((place) => place.date()),
    parents: [],
  };
  return {
    kind: 'dataset.register',
    name: `dataset.register.${String(dataset.at('name').value)}`,
    signer: provider,
    body,
  };
}

/** All that runs may ever spend; the contract's own term is no more than that. */
function budgetOf(limit: Place, term: Place) {
  const inTerm = { epsilon: term.at('epsilon_threshold'), delta: term.at('delta') };
  if (limit === term) return { epsilon: inTerm.epsilon.amount(6), delta: inTerm.delta.amount(12) };
  const budget = { epsilon: limit.at('epsilon').amount(6), delta: limit.at('delta').amount(12) };
  const over = (allowed: number | undefined, left: number | undefined) => (allowed ?? 0) > (left ?? Infinity);
  if (
    over(
      inTerm.epsilon.maybe((place) => place.amount(6)),
      budget.epsilon,
    )
  ) {
    inTerm.epsilon.problem('EPSILON_OVER_BUDGET', `more than the data set’s own limit in ${limit.file}`);
  }
  if (
    over(
      inTerm.delta.maybe((place) => place.amount(12)),
      budget.delta,
    )
  ) {
    inTerm.delta.problem('DELTA_OVER_BUDGET', `more than the data set’s own limit in ${limit.file}`);
  }
  return budget;
}

/** What the provider asks for the data set. */
function priced(terms: Place) {
  return {
    model: terms.at('model').text(),
    amount: terms.at('amount').amount(0),
    currency: terms.at('currency').text(),
    split: terms.at('split').list((share) => ({
      payee: share.at('payee').did(),
      percent: share.at('percent').amount(0),
    })),
  };
}

/** By the overlay, the data set's configuration, or the name of the file in it. */
function formatOf({ dataset: config }: Desk, said: Place, file: Place | undefined): string | undefined {
  const stated = said.present ? said : config.at('format');
  if (stated.present) {
    refusePickle(stated);
    return stated.text();
  }
  const ending = /\.([A-Za-z0-9]+)$/.exec(file?.text() ?? '')?.[1];
  return ending ?? said.problem('SCHEMA_INVALID', 'no file says in which format the data set is');
}
