/** LIFECYCLE, "A real run, entry by entry", told to the transition function from DEPA-Training's real files. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';
import { Story, Telling } from './story.ts';
import { World } from './world.ts';

const DELTA = 10_000_000_000;
const begin = (sources = covid()) => {
  const world = World.begin(nodeCrypto);
  const training = { epsilons: publishedEpsilons('covid'), delta: DELTA };
  return new Story(world, { sources, training });
};

describe('the COVID-19 run', { skip: REAL === undefined && 'no ../shared' }, () => {
  test('entry by entry', () => {
    const story = begin();
    new Telling(story.world).tell(...story.steps());
  });
});
