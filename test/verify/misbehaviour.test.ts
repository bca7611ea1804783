import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeStateEntry } from '../../src/chain/index.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import {
  encodeMisbehaviour,
  type Misbehaviour,
  makeMisbehaviour,
  makeStateMisbehaviour,
  verifyMisbehaviour,
} from '../../src/verify/index.ts';
import { decodeMisbehaviour } from '../../src/verify/misbehaviour.ts';
import { Story } from '../chain/story.ts';
import { outcome } from '../core/mangle.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';
import { effectOf, falsify, leafOf, runOf, tipOf } from './misbehaving-log.ts';
import { assertNeverProves, codeOf, ladderOf, sampled } from './sample.ts';
import { SmallLog } from './small-log.ts';

const { log, member } = SmallLog.begin(crypto);
const old = log.head();
const twin = log.fork();
const here = log.statement(member, 'here');
log.commit(here);
twin.commit(twin.statement(member, 'there'));
const [mine, theirs] = [log.head(), twin.head()];
for (let i = 0; i < 3; i++) {
  log.commit(log.statement(member, `here ${i}`));
  twin.commit(twin.statement(member, `there ${i}`));
}
const trust = log.trust();
const { origin } = log;
type Parts = Parameters<typeof makeMisbehaviour>[2];
const check = (file: Bytes, more: object = {}) => verifyMisbehaviour({ crypto, trust, file, ...more });
const written = (parts: Parts) => encodeMisbehaviour({ ...parts, origin } as Misbehaviour);

const receipt = { receipt: log.receiptFor(old.size), entryId: crypto.sha256(here) };
const proofs: Record<string, Parts> = {
  'two trees of one size': { kind: 'fork', heads: [mine.checkpoint, theirs.checkpoint] },
  'a receipt under a tree that was never published': {
    kind: 'fork',
    heads: [{ ...receipt, receipt: log.receiptFor(old.size, mine.size) }, theirs.checkpoint],
  },
  'a tree that does not begin with an older one': {
    kind: 'rewrite',
    heads: [mine.checkpoint, twin.head().checkpoint],
    leaf: await leafOf(twin, mine.size - 1),
  },
  'an entry that had a receipt and is gone': {
    kind: 'missing',
    heads: [receipt, twin.head().checkpoint],
    leaves: [null, await leafOf(twin, old.size)],
  },
  'an entry that was rewritten between two trees': {
    kind: 'missing',
    heads: [mine.checkpoint, twin.head().checkpoint],
    leaves: [await leafOf(log, old.size, mine.size), await leafOf(twin, old.size)],
  },
  'two heads and the path that the log gave for them': {
    kind: 'unconnected',
    // Not of a size whose root the path would leave out.
    heads: [log.headAt(mine.size + 2).checkpoint, twin.head().checkpoint],
    path: (await twin.consistency(mine.size + 2)).path,
  },
};

describe('a proof of misbehaviour', async () => {
  for (const [name, parts] of Object.entries(proofs)) {
    it(`convicts: ${name}`, () => {
      const file = makeMisbehaviour(crypto, trust, parts);
      assert.ok(file);
      const result = check(file);
      assert.deepEqual(ladderOf(result), [
        'misbehaviour: ok',
        'first head: ok',
        'second head: ok',
        'contradiction: ok',
      ]);
      assert.ok(result.verified && result.value.what.length > 20);
      assert.deepEqual(decodeMisbehaviour(file), { ...parts, origin });
    });

    it(`convicts nobody with a byte changed: ${name}`, () => {
      assertNeverProves(written(parts), 97, check, ({ kind }) => kind);
    });

    it(`reads its own form only: ${name}`, () => {
      // Every byte of one of them; all kinds of damage, and all places, of the others.
      for (const bad of sampled(written(parts), parts.kind === 'missing' ? 1 : 11)) {
        const read = outcome(() => decodeMisbehaviour(bad));
        if ('code' in read) assert.equal(read.code, 'MISBEHAVIOUR_MALFORMED');
        else assert.deepEqual(encodeMisbehaviour(read.value), bad);
      }
    });
  }

  it('is about the trusted log, by its keys', () => {
    const file = written(proofs['two trees of one size']!);
    const { log: other } = SmallLog.begin(crypto, 'other.example/log');
    assert.equal(codeOf(check(file, { trust: other.trust() })), 'ORIGIN_MISMATCH');
    const forged = { ...trust, checkpointKey: other.trust().checkpointKey };
    assert.equal(codeOf(check(file, { trust: forged })), 'NOTE_UNSIGNED');
  });

  const honest: Record<string, Parts> = {
    'one head twice': { kind: 'fork', heads: [mine.checkpoint, mine.checkpoint] },
    'heads of two sizes': { kind: 'fork', heads: [old.checkpoint, mine.checkpoint] },
    'a tree that grew': {
      kind: 'rewrite',
      heads: [old.checkpoint, log.head().checkpoint],
      leaf: await leafOf(log, old.size - 1),
    },
    'the wrong leaf of it': {
      kind: 'rewrite',
      heads: [old.checkpoint, log.head().checkpoint],
      leaf: await leafOf(log, old.size),
    },
    'an entry that is still there': {
      kind: 'missing',
      heads: [receipt, log.head().checkpoint],
      leaves: [null, await leafOf(log, old.size)],
    },
    'a checkpoint that promises no entry': {
      kind: 'missing',
      heads: [mine.checkpoint, twin.head().checkpoint],
      leaves: [null, await leafOf(twin, old.size)],
    },
    'a good path': {
      kind: 'unconnected',
      heads: [old.checkpoint, log.head().checkpoint],
      path: (await log.consistency(old.size)).path,
    },
    'a path that somebody damaged': {
      kind: 'unconnected',
      heads: [old.checkpoint, log.head().checkpoint],
      path: (await log.consistency(old.size)).path.map((hash, i) => (i === 0 ? crypto.sha256(hash) : hash)),
    },
    'no path at all': { kind: 'unconnected', heads: [old.checkpoint, log.head().checkpoint], path: [] },
    'time that goes on': {
      kind: 'time',
      heads: [log.head().checkpoint],
      states: [await tipOf(log, old.size - 1), await tipOf(log, log.size - 1)],
    },
    'an entry that was accepted': {
      kind: 'refused',
      heads: [log.head().checkpoint],
      index: old.size,
      effect: await effectOf(log, old.size),
    },
  };
  for (const [name, parts] of Object.entries(honest)) {
    it(`convicts nobody of ${name}`, () => {
      assert.equal(makeMisbehaviour(crypto, trust, parts), undefined);
      assert.equal(codeOf(check(written(parts))), 'MISBEHAVIOUR_UNPROVEN');
    });
  }

  it('convicts a log whose time went back, whose entry is refused, or that has one head too many for a path', async () => {
    const lying = log.fork();
    const { time } = decodeStateEntry(lying.leaves.at(-1)!.leafData);
    lying.commit(lying.statement(member, 'late'));
    falsify(lying, { time: time - 1 });
    const back: Parts = {
      kind: 'time',
      heads: [lying.head().checkpoint],
      states: [await tipOf(lying, lying.size - 3), await tipOf(lying, lying.size - 1)],
    };
    assert.equal(codeOf(check(written(back))), 'verified');
    const index = lying.commit(utf8('no statement'));
    const refused: Parts = {
      kind: 'refused',
      heads: [lying.head().checkpoint],
      index,
      effect: await effectOf(lying, index),
    };
    assert.equal(codeOf(check(written(refused))), 'verified');
  });
});

describe('a false state entry', () => {
  const zero = new Uint8Array(32);
  const lies: readonly (readonly [string, (log: SmallLog) => void, RegExp])[] = [
    ['another state root', (lying) => falsify(lying, { mapRoot: zero }), /state root/],
    ['another count', (lying) => falsify(lying, { mapCount: 3 }), /records/],
    ['other effects', (lying) => falsify(lying, { effectsRoot: zero }), /effects root/],
    ['another predecessor', (lying) => falsify(lying, { previous: 1 }), /state entry before it/],
    ['a time before its predecessor’s', (lying) => falsify(lying, { time: 5 }), /is before/],
    ['another index', (lying) => falsify(lying, { index: 4711 }), /no state entry/],
    [
      'none at all',
      (lying) => {
        lying.leaves[lying.size - 1] = { ...lying.leaves.at(-1)!, leafData: zero };
      },
      /no state entry/,
    ],
  ];
  for (const [name, lie, expected] of lies) {
    it(`is shown: ${name}`, async () => {
      const lying = log.fork();
      const colleague = lying.world.member('colleague');
      lying.commit(
        lying.world.sign(colleague, 'participant.register', lying.world.registration(colleague, ['TDP'])),
      );
      lying.commit(lying.world.verification(colleague), lying.statement(member, 'beside it'));
      const honestFile = makeStateMisbehaviour(crypto, trust, await runOf(lying, lying.size - 1));
      assert.equal(honestFile, undefined);
      lie(lying);
      const file = makeStateMisbehaviour(crypto, trust, await runOf(lying, lying.size - 1));
      assert.ok(file);
      const result = check(file);
      assert.ok(result.verified);
      assert.match(result.value.what, expected);
    });
  }

  it('is shown where an entry that the rules refuse was said to be accepted', async () => {
    const lying = log.fork();
    // Signed by somebody that nobody knows, and verified by nobody.
    const stranger = lying.world.member('stranger');
    lying.commit(lying.statement(stranger, 'nobody knows me'));
    const index = lying.size - 1;
    const truth = await runOf(lying, index);
    assert.equal(makeStateMisbehaviour(crypto, trust, truth), undefined);
    const { effectsRoot } = await import('../../src/chain/index.ts');
    falsify(lying, {
      effectsRoot: effectsRoot(crypto, [{ index: index - 1, outcome: 'ok', reason: null }]),
    });
    const file = makeStateMisbehaviour(crypto, trust, await runOf(lying, index));
    assert.ok(file);
    const result = check(file);
    assert.ok(result.verified);
    assert.match(result.value.what, /effects root/);
    assert.match(result.value.rebuttal ?? '', /earlier entry/);
  });

  it('convicts nobody when something was left out or changed', async () => {
    const lying = log.fork();
    lying.commit(lying.statement(member, 'one'));
    falsify(lying, { mapRoot: zero });
    const file = makeStateMisbehaviour(crypto, trust, await runOf(lying, lying.size - 1))!;
    const { run, heads, kind } = decodeMisbehaviour(file) as Extract<Misbehaviour, { kind: 'state' }>;
    for (const name of ['records', 'nodes'] as const) {
      for (let i = 0; i < run[name].length; i++) {
        const less = { ...run, [name]: run[name].toSpliced(i, 1) };
        assert.equal(codeOf(check(written({ kind, heads, run: less }))), 'MISBEHAVIOUR_UNPROVEN');
      }
    }
    assertNeverProves(file, 977, check, ({ kind }) => kind);
  });

  it('is never seen in an honest story, and always seen once it is there', {
    skip: REAL === undefined && 'no ../shared',
  }, async () => {
    const { log: told } = SmallLog.begin(crypto);
    const { world } = told;
    const story = Story.of(world, {
      sources: covid(),
      training: { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 },
    });
    const at = new Map<string, number>();
    for (const step of story.steps()) {
      const statement = step.statement({
        ref: (name, rel = 'after') => ({
          rel,
          index: at.get(name)!,
          entry: told.leaves[at.get(name)!]!.leafData,
        }),
      });
      at.set(step.name, told.commit(statement));
    }
    for (const index of [...at.values()].filter((_, i) => i % 16 === 5)) {
      const closing = index + 1;
      const run = await runOf(told, closing);
      assert.equal(makeStateMisbehaviour(crypto, told.trust(), run), undefined);
      const lying = told.fork();
      lying.leaves.length = closing + 1;
      falsify(lying, { mapRoot: zero });
      assert.ok(makeStateMisbehaviour(crypto, told.trust(), await runOf(lying, closing)), `entry ${index}`);
    }
  });
});
