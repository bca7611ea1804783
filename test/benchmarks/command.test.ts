import assert from 'node:assert/strict';
import { test } from 'node:test';
import { help, parseCommand } from '../../benchmarks/command.ts';
import { differing, recorded, taken } from '../../benchmarks/lengths.ts';

const SUITES = ['ingest', 'tiles'];
const parse = (...args: readonly string[]) => parseCommand(args, SUITES);

test('suites, a profile and a number of entries are read', () => {
  const none = { help: false, profiling: false, chosen: [], entries: undefined };
  assert.deepEqual(parse(), none);
  assert.deepEqual(parse('tiles', '--entries', '500'), { ...none, chosen: ['tiles'], entries: 500 });
  assert.deepEqual(parse('profile', 'ingest'), { ...none, profiling: true, chosen: ['ingest'] });
  assert.deepEqual(parse('--help'), { ...none, help: true });
});

test('what is not as the usage says is refused', () => {
  const wrong = [
    ['--entries'],
    ['--entries', '-5'],
    ['--entries=-5'],
    ['--entries', '0'],
    ['--entries', '1.5'],
    ['--entries', 'many'],
    ['--entrys', '5'],
    ['tile'],
    ['profile'],
    ['profile', 'ingest', 'tiles'],
  ];
  for (const args of wrong) assert.throws(() => parse(...args), Error, args.join(' '));
});

test('help has a line for each suite, with what --entries may be', () => {
  const text = help(
    new Map([
      ['ingest', { describe: 'registers', entries: { most: 60_000 } }],
      ['tiles', { describe: 'asks', entries: 'own' as const }],
    ]),
  );
  assert.match(text, /^ {2}ingest {2}registers \(at most 60,000\)$/m);
  assert.match(text, /^ {2}tiles {3}asks \(lengths of its own\)$/m);
});

test('a suite is given what was asked for within its limits, and what it was given is recorded', () => {
  const limits = { least: 256, most: 100_000 };
  const given = [undefined, 1, 300, 200_000].map((asked) => taken(limits, asked));
  assert.deepEqual(given, [100_000, 256, 300, 100_000]);
  assert.equal(taken({ most: 128, step: 64 }, 65), 128);
  assert.equal(taken({}, 7_000_000), 7_000_000);
  assert.equal(recorded(limits, 1), 256);
  assert.equal(recorded('own', 5), undefined);
  assert.equal(recorded({ most: 10, found: true }, 5), undefined);
});

test('where a suite is not given what was asked for, there is something to say', () => {
  assert.equal(differing({ most: 100 }, 100), undefined);
  assert.match(differing({ most: 100 }, 101)!, /takes 100 /);
  assert.match(differing('own', 5)!, /not used/);
});
