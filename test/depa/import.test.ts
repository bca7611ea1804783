/** The import of DEPA-Training's real files: what they say, and what cannot be taken of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromUtf8, utf8 } from '../../src/core/bytes.ts';
import type { Imported, Sources } from '../../src/depa/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { bytesOf, covid, imported, REAL, SCENARIOS, sourcesOf } from './scenario.ts';

/** `file path code` of every problem. */
const problems = ({ problems }: Imported) => problems.map((p) => `${p.file} ${p.path} ${p.code}`);
const codes = ({ problems }: Imported) => [...new Set(problems.map(({ code }) => code))].sort();

/** The sources with one text in one of the files replaced, wherever it is. */
function edited(sources: Sources, role: keyof Sources, from: string, to: string): Sources {
  const file = sources[role]!;
  const text = fromUtf8(file.bytes);
  assert.ok(text.includes(from), from);
  return { ...sources, [role]: { ...file, bytes: utf8(text.replaceAll(from, to)) } };
}

/** The overlay of the COVID-19 scenario, changed. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into every part of it.
function overlaid(change: (overlay: any) => void): Sources {
  const sources = covid();
  const overlay = JSON.parse(fromUtf8(sources.overlay!.bytes));
  change(overlay);
  return { ...sources, overlay: { name: 'overlay.json', bytes: utf8(JSON.stringify(overlay)) } };
}

describe('real files of DEPA-Training', { skip: REAL === undefined && 'no ../shared' }, () => {
  for (const scenario of SCENARIOS) {
    test(`${scenario}, verbatim: placeholders, and a contract that has ended`, () => {
      const { bodies, ...found } = imported(sourcesOf(scenario));
      assert.deepEqual(bodies, []);
      const inContract = problems({ bodies, ...found }).filter((p) => p.startsWith('contract/'));
      assert.ok(inContract.includes('contract/contract.json tdc PLACEHOLDER_VALUE'));
      assert.ok(inContract.includes('contract/contract.json ccrp PLACEHOLDER_VALUE'));
      assert.ok(
        inContract.includes('contract/contract.json datasets[0].key.properties.endpoint PLACEHOLDER_VALUE'),
      );
      // One of the contracts has other dates, and names where others have nothing.
      const other = scenario === 'llm-finetune';
      const ended = 'contract/contract.json expiryTime CONTRACT_ALREADY_EXPIRED';
      assert.equal(inContract.includes(ended), !other);
      const provider = other ? 'PARTY_UNKNOWN' : 'PLACEHOLDER_VALUE';
      assert.ok(inContract.includes(`contract/contract.json datasets[0].provider ${provider}`));
    });
  }

  test('llm-finetune: ids that are no UUIDs', () => {
    const found = problems(imported(sourcesOf('llm-finetune')));
    assert.ok(found.includes('contract/contract.json id ID_MALFORMED'));
    assert.ok(found.includes('contract/contract.json datasets[2].id ID_MALFORMED'));
  });

  test('llm-finetune, the older contract', () => {
    const bytes = bytesOf(`${REAL}/llm-finetune/contract/contract-medqa-2025.json`);
    const found = imported({ contract: { name: 'contract-medqa-2025.json', bytes } });
    assert.ok(problems(found).includes('contract-medqa-2025.json expiryTime CONTRACT_ALREADY_EXPIRED'));
    assert.ok(!problems(found).some((problem) => problem.includes(' ccrp ')));
  });

  test('credit-risk: one key for three data sets, and terms above the limits that the data sets state', () => {
    const found = problems(imported(sourcesOf('credit-risk')));
    for (const problem of [
      'datasets[1].key.properties.kid DATA_ALREADY_REGISTERED',
      'datasets[2].key.properties.kid DATA_ALREADY_REGISTERED',
      'constraints[0].privacy[4].epsilon_threshold EPSILON_OVER_BUDGET',
      'constraints[0].privacy[0].delta DELTA_OVER_BUDGET',
    ]) {
      assert.ok(found.includes(`contract/contract.json ${problem}`), problem);
    }
  });

  test('the contract ledger’s own example has DIDs, and lacks only what no file of DEPA has', () => {
    const bytes = bytesOf(`${REAL}/contract-ledger/demo-contract-with-dids.json`);
    const found = imported({ contract: { name: 'demo.json', bytes } });
    const inFile = problems(found).filter((problem) => problem.startsWith('demo.json'));
    assert.deepEqual(inFile, ['demo.json expiryTime CONTRACT_ALREADY_EXPIRED']);
  });

  test('covid: with the overlay, everything that the run needs', () => {
    const { bodies, problems, replaced } = imported(covid());
    assert.deepEqual(problems, []);
    assert.deepEqual(
      bodies.map(({ kind }) => kind),
      [
        'code.certify',
        'dataset.register',
        'dataset.register',
        'dataset.register',
        'contract.propose',
        'cleanroom.deploy',
      ],
    );
    assert.deepEqual(
      bodies.slice(1).map(({ signer }) => signer),
      ['icmr', 'cowin', 'index', 'tdc', 'ccrp'].map((name) => `did:web:${name}.example`),
    );
    const contract = bodies[4]!.body as { [member: string]: unknown };
    assert.equal(contract.id, 'urn:depa:contract:log.example/test:f4f72a88-bab1-11ed-afa1-0242ac120002');
    assert.deepEqual(contract.joinKeys, ['pk_mobno_hashed']);
    assert.deepEqual(contract.targets, ['icmr_a_icmr_test_result']);
    assert.equal(contract.start, 1_767_225_600);
    // The text is the file as it was given, to the byte.
    assert.deepEqual(contract.text, nodeCrypto.sha256(bytesOf(`${REAL}/covid/contract/contract.json`)));
    const row = { epsilon: 1_500_000, delta: 10_000_000_000, noiseMultiplier: 2000, epochsPerReport: 2 };
    const id = 'urn:depa:dataset:log.example/test:19517ba8-bab8-11ed-afa1-0242ac120002';
    assert.deepEqual((contract.privacy as object[])[0], { dataset: id, ...row });
    // What the overlay says otherwise than a file is named, with both places.
    assert.ok(
      replaced.some(
        ({ path, by }) => path === 'pipeline[1].config.privacy_params.epsilon' && by === 'cleanroom.epsilon',
      ),
    );
  });

  for (const [what, sources, problem] of [
    [
      'a tag instead of a digest',
      () => overlaid((o) => delete o.code.images['$CONTAINER_REGISTRY/depa-training:latest']),
      'PLACEHOLDER_VALUE',
    ],
    [
      'an image that is filled in, and is still a tag',
      () =>
        overlaid((o) =>
          Object.assign(o, {
            variables: { ...o.variables, CONTAINER_REGISTRY: 'ccr.example' },
            code: { ...o.code, images: {} },
          }),
        ),
      'CODE_IMAGE_NOT_PINNED',
    ],
    [
      'a pickled base model',
      () => edited(covid(), 'pipeline', 'model.onnx', 'model.pth'),
      'FORMAT_NOT_SUPPORTED',
    ],
    [
      'pickled data',
      () => edited(covid(), 'pipeline', 'dp_icmr_standardised_anon.csv', 'icmr.pkl'),
      'FORMAT_NOT_SUPPORTED',
    ],
    [
      'a format that is pickle',
      () => overlaid((o) => Object.assign(o.eachDataset, { format: 'pt' })),
      'FORMAT_NOT_SUPPORTED',
    ],
    ['ε that is no number', () => edited(covid(), 'contract', '"1.5"', '"about 1.5"'), 'NUMBER_MALFORMED'],
    [
      'ε finer than micro-units',
      () => edited(covid(), 'contract', '"1.5"', '"1.50000001"'),
      'NUMBER_MALFORMED',
    ],
    [
      'δ finer than pico-units',
      () => edited(covid(), 'pipeline', '"delta": 0.01', '"delta": 1e-13'),
      'NUMBER_MALFORMED',
    ],
    [
      'a negative ε',
      () => overlaid((o) => Object.assign(o.cleanroom, { epsilon: '-1' })),
      'NUMBER_MALFORMED',
    ],
    [
      'the pipeline spends more than the contract allows',
      () => overlaid((o) => Object.assign(o.cleanroom, { epsilon: '1.6' })),
      'PIPELINE_EPSILON_OVER_CONTRACT',
    ],
    [
      'a pipeline without privacy',
      () => edited(covid(), 'pipeline', '"is_private": true', '"is_private": false'),
      'PIPELINE_NOT_PRIVATE',
    ],
    [
      'a data set that is not in the contract',
      () => edited(covid(), 'pipeline', '216d5cc6', '00000000'),
      'PIPELINE_DATASET_OUTSIDE_CONTRACT',
    ],
    [
      'a provider by its name',
      () => overlaid((o) => Object.assign(o.eachDataset, { kms: 'Key Vault' })),
      'PARTY_UNKNOWN',
    ],
    [
      'a secret in an address',
      () =>
        overlaid((o) =>
          Object.assign(o.eachDataset, { url: 'https://x.example/data.img?sv=1&sig=c2VjcmV0' }),
        ),
      'SECRET_IN_BODY',
    ],
    [
      'dates the wrong way round',
      () => overlaid((o) => Object.assign(o.contract, { start: '2036-06-01T00:00:00Z' })),
      'WINDOW_INVALID',
    ],
    [
      'a date that is none',
      () => overlaid((o) => Object.assign(o.contract, { start: 'soon' })),
      'NUMBER_MALFORMED',
    ],
    [
      'a slip in the overlay',
      () => overlaid((o) => Object.assign(o.contract, { expires: '2036-01-01T00:00:00Z' })),
      'SCHEMA_INVALID',
    ],
    [
      'a list of providers that leaves one out',
      () => overlaid((o) => Object.assign(o.contract, { tdps: ['did:web:icmr.example'] })),
      'DATASET_PROVIDER_NOT_PARTY',
    ],
    [
      'payment terms in a form that is not known',
      () => edited(covid(), 'contract', '"payment": {}', '"payment": {"total": 5}'),
      'SCHEMA_INVALID',
    ],
    [
      'a privacy term for a data set that is not there',
      () => edited(covid(), 'contract', '"dataset": "216d5cc6', '"dataset": "00000000'),
      'DATASET_UNKNOWN',
    ],
    [
      'a data set twice',
      () => edited(covid(), 'contract', '"id": "216d5cc6-bab8', '"id": "19517ba8-bab8'),
      'ID_TAKEN',
    ],
    [
      'a file that is no JSON',
      () => edited(covid(), 'pipeline', '"pipeline":', '"pipeline"'),
      'REQUEST_MALFORMED',
    ],
  ] as const) {
    test(`is not taken: ${what}`, () => {
      const found = imported(sources());
      assert.ok(codes(found).includes(problem), `${codes(found)}`);
      assert.deepEqual(found.bodies, []);
    });
  }
});
