/** contract.json, as the body of contract.propose. The file's own bytes are the text that the parties sign. */
import type { Bytes } from '../core/bytes.ts';
import { dataKeyOf, privacyTerm, saidOf } from './dataset.ts';
import type { Desk, ImportedBody } from './import.ts';
import { urnAt } from './objects.ts';
import type { Pipeline } from './pipeline.ts';
import type { Place } from './place.ts';

export function proposal(desk: Desk, pipeline: Pipeline | undefined): ImportedBody {
  const { contract, overlay, origin } = desk;
  const say = overlay.at('contract');
  const list = (name: string) => say.at(name).maybe((place) => place.list((item) => item.text()));
  const datasets = contract
    .at('datasets')
    .items()
    .map((dataset) => named(desk, dataset));
  const tdc = contract.at('tdc').or(say.at('tdc')).did();
  const [start, expiry] = term(desk);
  const body = {
    id: urnAt(contract.at('id').or(say.at('id')), 'contract', origin),
    version: say.at('version').maybe((place) => place.amount(0)) ?? 1,
    text: desk.hasher.sha256(desk.contractBytes) as Bytes,
    contentType: 'application/json',
    parties: {
      tdc,
      tdps: providers(desk, datasets),
      ccrp: contract.at('ccrp').or(say.at('ccrp')).did(),
      collab: say.at('collab').maybe((place) => place.did()),
      paymentService: say.at('paymentService').maybe((place) => place.did()),
    },
    datasets,
    purpose: contract.at('purpose').or(say.at('purpose')).text(),
    start,
    expiry,
    privacy: privacyTerms(desk),
    maxRuns: say.at('maxRuns').maybe((place) => place.amount(0)) ?? 1,
    code: say.at('code').list((item) => urnAt(item, 'code', origin)),
    verifiers: say.at('verifiers').list((item) => item.did()),
    quorum: say.at('quorum').maybe((place) => place.amount(0)) ?? 1,
    appraisalPolicy: urnAt(say.at('appraisalPolicy'), 'appraisal-policy', origin),
    joinKeys: list('joinKeys') ?? pipeline?.joinKeys ?? [],
    targets: list('targets') ?? (pipeline?.target === undefined ? [] : [pipeline.target]),
    payments: payments(desk),
    revocation: revocation(desk),
    refundAfterGrant: say.at('refundAfterGrant').maybe((place) => place.text()),
    baseModel: say.at('baseModel').maybe((place) => urnAt(place, 'model', origin)),
    supersedes: say.at('supersedes').maybe((place) => urnAt(place, 'contract', origin)),
  };
  limits(desk, pipeline);
  return { kind: 'contract.propose', name: 'contract.propose', signer: tdc, body };
}

function term({ contract, overlay, at }: Desk): [start: number | undefined, expiry: number | undefined] {
  const start = contract.at('startTime').or(overlay.at('contract', 'start')).date();
  const end = contract.at('expiryTime').or(overlay.at('contract', 'expiry'));
  const expiry = end.date();
  if (expiry !== undefined && expiry < at) {
    end.problem('CONTRACT_ALREADY_EXPIRED', `the contract has ended on ${String(end.value)}`);
  } else if (start !== undefined && expiry !== undefined && expiry <= start) {
    end.problem('WINDOW_INVALID', 'the contract ends before it begins');
  }
  return [start, expiry];
}

function named(desk: Desk, dataset: Place) {
  const said = saidOf(desk, dataset);
  return {
    id: urnAt(dataset.at('id').or(said('id')), 'dataset', desk.origin),
    version: said('version').maybe((place) => place.amount(0)) ?? 1,
    provider: dataset.at('provider').or(said('provider')).did(),
    dataKeyId: dataKeyOf(desk, dataset).text(),
  };
}

/** What one run may spend of each data set that the contract has terms for. */
function privacyTerms(desk: Desk) {
  const datasets = desk.contract.at('datasets').items();
  return datasets.flatMap((dataset) => {
    const row = privacyTerm(desk, dataset.at('id').value);
    if (!row.present) return [];
    const term = {
      dataset: urnAt(dataset.at('id').or(saidOf(desk, dataset)('id')), 'dataset', desk.origin),
      epsilon: row.at('epsilon_threshold').amount(6),
      delta: row.at('delta').amount(12),
      noiseMultiplier: row.at('noise_multiplier').maybe((place) => place.amount(3)),
      epochsPerReport: row.at('epochs_per_report').maybe((place) => place.amount(0)),
    };
    return [term];
  });
}

/** Those that the contract lists, or else the providers of its data sets; a list that leaves one out is wrong. */
function providers({ contract, overlay }: Desk, datasets: readonly { provider: string | undefined }[]) {
  const of = [...new Set(datasets.map(({ provider }) => provider).filter((did) => did !== undefined))];
  const listed = contract.at('tdps').items();
  const place = listed.length > 0 ? contract.at('tdps') : overlay.at('contract', 'tdps');
  if (!place.present) return of;
  const tdps = place.list((item) => item.did()) ?? [];
  for (const did of of) {
    if (!tdps.includes(did))
      place.problem('DATASET_PROVIDER_NOT_PARTY', `${did} provides a data set and is not listed`);
  }
  return tdps;
}

/** The files' own terms are empty: an object that says something has no place in the chain, so it is not dropped. */
function termsOf(
  { contract, overlay }: Desk,
  name: 'payment' | 'revocation',
  said: string,
): readonly Place[] {
  const inFile = contract.at('terms', name);
  if (inFile.names().length > 0) {
    inFile.problem(
      'SCHEMA_INVALID',
      `terms in a form that is not known; state them in the overlay, as contract.${said}`,
    );
  }
  return overlay.at('contract', said).items();
}

function payments(desk: Desk) {
  return termsOf(desk, 'payment', 'payments').map((row) => ({
    payee: row.at('payee').did(),
    amount: row.at('amount').amount(0),
    currency: row.at('currency').text(),
    trigger: row.at('trigger').text(),
  }));
}

function revocation(desk: Desk) {
  return termsOf(desk, 'revocation', 'revocation').map((row) => ({
    who: row.at('who').did(),
    condition: row.at('condition').text(),
    notice: row.at('notice').amount(0),
  }));
}

/** Whether a run of the pipeline keeps within what the contract allows it for each of its data sets. */
function limits(desk: Desk, pipeline: Pipeline | undefined): void {
  const { contract } = desk;
  const ids = contract
    .at('datasets')
    .items()
    .map((dataset) => dataset.at('id').value);
  for (const row of contract
    .at('constraints')
    .items()
    .flatMap((c) => c.at('privacy').items())) {
    const id = row.at('dataset').value;
    if (!ids.includes(id)) row.problem('DATASET_UNKNOWN', `the contract has no data set ${String(id)}`);
    if (!pipeline || (pipeline.datasets && !pipeline.datasets.includes(String(id)))) continue;
    if (pipeline.private === false)
      row.problem('PIPELINE_NOT_PRIVATE', 'the pipeline trains without privacy');
    const epsilon = row.at('epsilon_threshold').amount(6);
    const delta = row.at('delta').amount(12);
    if (epsilon !== undefined && (pipeline.epsilon ?? 0) > epsilon) {
      row.at('epsilon_threshold').problem('PIPELINE_EPSILON_OVER_CONTRACT', 'the pipeline may spend more');
    }
    if (delta !== undefined && (pipeline.delta ?? 0) > delta) {
      row.at('delta').problem('PIPELINE_DELTA_OVER_CONTRACT', 'the pipeline may spend more');
    }
  }
}
