/** LIFECYCLE, "Negative cases the real inputs give for free": each ends in its refusal. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromHex, fromUtf8 } from '../../src/core/bytes.ts';
import type { Sources } from '../../src/depa/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import {
  bratsOnCovidsTerms,
  covid,
  covidWith,
  publishedEpsilons,
  publishedOutput,
  REAL,
  sourcesOf,
} from '../depa/scenario.ts';
import { type Step, Story, Telling } from './story.ts';
import { World } from './world.ts';

const DELTA = 10_000_000_000;

/** A story that has been told up to a step, and what the chain says to another. */
function told(sources: Sources = covid(), upTo: (story: Story) => readonly Step[] = () => []) {
  const world = World.begin(nodeCrypto);
  const epsilons = publishedEpsilons('covid');
  const story = Story.of(world, { sources, training: { epsilons, delta: DELTA } });
  const telling = new Telling(world).tell(...upTo(story));
  return { story, telling };
}
const before = (story: Story, name: string): readonly Step[] => {
  const all = story.steps();
  const at = all.findIndex((step) => step.name === name);
  assert.ok(at >= 0, name);
  return all.slice(0, at);
};

describe('what real files come to without the overlay', {
  skip: REAL === undefined && 'no ../shared',
}, () => {
  test('the pipeline’s own ε of 1.0 with the published epochs', () => {
    const sources = covidWith(({ cleanroom }) => delete cleanroom.epsilon);
    const { story, telling } = told(sources, (s) => before(s, 'run.log 4 1'));
    assert.equal(telling.answer(story.logged()[3]!), 'EPSILON_OVER_RESERVE');
  });

  for (const scenario of ['brats', 'cifar10', 'covid', 'credit-risk', 'mnist']) {
    test(`the shipped contract of ${scenario}: placeholders, then a term that is over`, () => {
      const { story, telling } = told(covid(), (s) => before(s, 'contract.propose'));
      const file = JSON.parse(fromUtf8(sourcesOf(scenario).contract.bytes));
      const tdc = story.member('tdc');
      const verbatim = {
        ...story.contract,
        parties: { ...story.contract.parties, tdc: file.tdc, ccrp: file.ccrp },
      };
      assert.equal(
        telling.answer(story.step('verbatim', tdc, 'contract.propose', verbatim)),
        'PLACEHOLDER_VALUE',
      );
      const seconds = (text: string) => Date.parse(text) / 1000;
      const dated = { ...story.contract, start: seconds(file.startTime), expiry: seconds(file.expiryTime) };
      assert.equal(
        telling.answer(story.step('dated', tdc, 'contract.propose', dated)),
        'CONTRACT_ALREADY_EXPIRED',
      );
    });
  }

  test('two scenarios in one log: all five share ids', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'cleanroom.deploy 1'));
    const brats = Story.of(story.world, { sources: bratsOnCovidsTerms(), training: story.training });
    assert.equal(
      telling.answer(
        brats.step('A', brats.member('icmr'), 'dataset.register', brats.imported('dataset.register')),
      ),
      'ID_TAKEN',
    );
    assert.equal(telling.answer(brats.proposal()), 'ID_TAKEN');
  });

  test('a provider by its name', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'contract.propose'));
    // The log takes DIDs only; one that nobody has registered under is unknown.
    const stranger = 'did:web:market-data-corp.example';
    const parties = { ...story.contract.parties, tdps: [...story.contract.parties.tdps, stranger] };
    const propose = (change: object) =>
      story.step('p', story.member('tdc'), 'contract.propose', { ...story.contract, ...change });
    assert.equal(telling.answer(propose({ parties })), 'PARTY_UNKNOWN');
    const named = { ...story.contract.parties, tdps: ['Market Data Corp'] };
    assert.equal(telling.answer(propose({ parties: named })), 'ID_MALFORMED');
  });

  test('images by a tag', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'code.certify'));
    const { containers } = JSON.parse(fromUtf8(sourcesOf('covid').policy!.bytes));
    const images = containers.map(({ containerImage }: { containerImage: string }) => containerImage);
    const certify = (change: object) =>
      story.step('c', story.sro, 'code.certify', { ...story.imported('code.certify'), ...change });
    assert.equal(telling.answer(certify({ images })), 'PLACEHOLDER_VALUE');
    const filled = images.map((image: string) => image.replace('$CONTAINER_REGISTRY', 'ccr.example'));
    assert.equal(telling.answer(certify({ images: filled })), 'CODE_IMAGE_NOT_PINNED');
  });

  test('a container policy that allows everything', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'code.certify'));
    const allowAll = fromHex('73973b78d70cc68353426de188db5dfc57e5b766e399935fb73a61127ea26d20');
    for (const change of [{ hostData: [allowAll] }, { allowAll: true }]) {
      const body = { ...story.imported('code.certify'), ...change };
      assert.equal(telling.answer(story.step('c', story.sro, 'code.certify', body)), 'CODE_ALLOW_ALL');
    }
  });

  test('a second run of ε 1.4947 on a total of 1.5', () => {
    const sources = covidWith(({ contract, cleanroom }) => {
      contract.maxRuns = 2;
      cleanroom.epsilon = '1.4947';
      cleanroom.delta = '0.005';
    });
    const world = World.begin(nodeCrypto);
    const story = Story.of(world, {
      sources,
      training: { epsilons: publishedEpsilons('covid'), delta: DELTA / 2 },
    });
    const telling = new Telling(world).tell(...story.steps(), ...story.attested(2));
    const keyed = story.keyed(2);
    const firstRelease = keyed.findIndex(({ kind }) => kind === 'key.release');
    telling.tell(...keyed.slice(0, firstRelease));
    for (const release of keyed.slice(firstRelease, firstRelease + 3)) {
      assert.equal(telling.answer(release), 'BUDGET_EXHAUSTED');
    }
  });

  test('an output without privacy', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'run.complete 1'));
    // What the published run of credit-risk has beside its own: `non_dp_metrics`.
    const [model, metrics] = story.outputs();
    const outputs = [model!, { ...metrics!, name: 'non_dp_metrics.json', private: false }];
    assert.equal(telling.answer(story.completed(1, outputs)), 'OUTPUT_NOT_PRIVATE');
  });

  test('an output that is pickled', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'run.complete 1'));
    const name = publishedOutput('brats');
    assert.equal(name, '/mnt/remote/output/trained_model.pth');
    for (const format of ['pth', 'onnx']) {
      const outputs: object[] = [{ ...story.outputs()[0]!, name, format }];
      assert.equal(telling.answer(story.completed(1, outputs)), 'FORMAT_NOT_SUPPORTED');
    }
  });

  test('a shared access signature in an address', () => {
    const { story, telling } = told(covid(), (s) => before(s, 'dataset.register icmr'));
    const dataset = story.imported('dataset.register');
    const url = `${dataset.url}?sv=2023-01-03&sr=b&sp=r&sig=c2VjcmV0c2VjcmV0c2VjcmV0`;
    const step = story.step('d', story.member('icmr'), 'dataset.register', { ...dataset, url });
    assert.equal(telling.answer(step), 'SECRET_IN_BODY');
  });
});
