import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeStateEntry, rulesId, type StateEntry } from '../../src/chain/index.ts';
import { type Bytes, equal, toHex, utf8 } from '../../src/core/bytes.ts';
import { leafHash } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import {
  type KnownEntries,
  prepareRun,
  type Refuted,
  Replay,
  type ReplayedRun,
  type ReplayLeaf,
  type Run,
  RunAssembler,
} from '../../src/replay/index.ts';
import { SmallLog } from '../verify/small-log.ts';

const leavesOf = (log: SmallLog): ReplayLeaf[] =>
  log.leaves.map(({ leafData, statement }, index) => ({
    ...{ index, data: leafData, hash: leafHash(crypto, leafData), statement },
  }));

function runsOf(leaves: readonly ReplayLeaf[], from = 0): Run[] {
  const assembler = new RunAssembler(from);
  const runs = leaves.slice(from).flatMap((leaf) => assembler.add(leaf) ?? []);
  assert.equal(assembler.pending, 0);
  return runs;
}

/** What a store would answer, from the runs that have matched. */
class Known implements KnownEntries {
  readonly byId = new Map<string, number>();
  readonly byIndex = new Map<number, { entryId: Bytes; kind: string | null }>();

  add({ entries }: ReplayedRun): void {
    for (const { entryId, index, verdict, statement } of entries) {
      if (!this.byId.has(toHex(entryId))) this.byId.set(toHex(entryId), index);
      if (verdict.outcome === 'ok')
        this.byIndex.set(index, { entryId, kind: statement?.chain?.kind ?? null });
    }
  }
}

const options = (log: SmallLog) => ({
  crypto,
  origin: log.origin,
  rules: rulesId(crypto),
  genesis: log.genesis,
});

function replayAll(log: SmallLog, leaves = leavesOf(log)) {
  const replay = new Replay(options(log));
  const known = new Known();
  const matched: ReplayedRun[] = [];
  for (const run of runsOf(leaves)) {
    const outcome = replay.apply(prepareRun(crypto, run), known);
    if (outcome.type === 'refuted') return { replay, known, matched, refuted: outcome };
    known.add(outcome);
    matched.push(outcome);
    assert(equal(replay.root, log.headAt(replay.size).root));
  }
  return { replay, known, matched, refuted: undefined };
}

/** What was said of each entry, and why. */
function judgements({ entries }: ReplayedRun) {
  return entries.map(({ index, verdict, detail, writes }) => ({ index, verdict, detail, writes }));
}

describe('replaying a log', () => {
  test('whatever is forced into it, every state entry is what it should be', () => {
    const choice = fc.constantFrom('foreign', 'again', 'stranger', 'junk', 'member', 'other log', 'verify');
    fc.assert(
      fc.property(fc.array(fc.array(choice, { minLength: 0, maxLength: 4 }), { maxLength: 8 }), (commits) => {
        const { log, member } = SmallLog.begin(crypto);
        const { world } = log;
        let n = 0;
        const make = (what: string): Bytes => {
          n++;
          const newcomer = world.member(`newcomer-${n % 5}`);
          if (what === 'foreign') return log.statement(member, `text ${n}`);
          if (what === 'again') return log.leaves[n % log.size]!.statement ?? utf8('none');
          if (what === 'stranger') return log.statement(newcomer, `text ${n}`);
          if (what === 'junk') return utf8(`junk ${n % 3}`);
          if (what === 'verify') return world.verification(newcomer);
          const change = what === 'other log' ? { log: 'log.example/other' } : {};
          return world.sign(newcomer, 'participant.register', world.registration(newcomer), change);
        };
        for (const commit of commits) log.commit(...commit.map(make));
        const { replay, refuted, matched } = replayAll(log);
        assert.equal(refuted, undefined);
        assert.equal(replay.size, log.size);
        // All signatures are good. Foreign ones known to be are judged by their like, and no otherwise.
        const ahead = replayAll(
          log,
          leavesOf(log).map((leaf) => ({ ...leaf, verified: true })),
        );
        assert.equal(ahead.refuted, undefined);
        assert.deepEqual(ahead.matched.map(judgements), matched.map(judgements));
      }),
      { numRuns: 30 },
    );
  });

  test('refused entries are told with their reasons, and change nothing', () => {
    const { log, member } = SmallLog.begin(crypto);
    const first = log.statement(member, 'once');
    log.commit(first, utf8('junk'), first);
    const { matched } = replayAll(log);
    const { entries, writes } = matched.at(-1)!;
    assert.deepEqual(
      entries.map(({ verdict }) => [verdict.outcome, verdict.reason]),
      [
        ['ok', null],
        ['refused', 'CBOR_MALFORMED'],
        ['refused', 'DUPLICATE'],
      ],
    );
    assert.equal(entries[1]!.statement, undefined);
    assert.deepEqual(writes, []);
  });

  test('a replay goes on from where another has stopped', () => {
    const { log, member } = SmallLog.begin(crypto);
    for (let i = 0; i < 5; i++) log.commit(log.statement(member, `${i}`));
    const half = replayAll(log);
    log.commit(log.statement(member, 'more'));
    const resumed = new Replay(options(log), half.replay.point);
    const [run] = runsOf(leavesOf(log), resumed.size);
    assert.equal(resumed.apply(prepareRun(crypto, run!), half.known).type, 'matched');
    assert.deepEqual(resumed.root, log.headAt().root);
    assert.equal(half.replay.size, log.size - 2);
  });

  test('a run out of turn is a mistake of the caller', () => {
    const { log, member } = SmallLog.begin(crypto);
    log.commit(log.statement(member, 'x'));
    const runs = runsOf(leavesOf(log));
    assert.throws(() => new Replay(options(log)).apply(prepareRun(crypto, runs[1]!), new Known()), {
      code: 'ARGUMENT_INVALID',
    });
    assert.throws(() => new RunAssembler(3).add(leavesOf(log)[2]!), { code: 'ARGUMENT_INVALID' });
  });

  test('signatures that were verified before are not verified again, others are', () => {
    const { log, member } = SmallLog.begin(crypto);
    const forged = log.statement(member, 'forged').slice();
    forged.fill(forged.at(-1)! ^ 1, -1);
    log.commit(forged);
    const outcome = (verified: boolean) => {
      const leaves = leavesOf(log).map((leaf) => ({ ...leaf, verified }));
      return replayAll(log, leaves).refuted?.faults.map(({ member }) => member);
    };
    assert.equal(outcome(false), undefined);
    // Whoever says that it verifies comes to another verdict than the log, which does not.
    assert.deepEqual(outcome(true), ['effectsRoot']);
  });
});

describe('a state entry that is not what replay leads to', () => {
  const { log, member } = SmallLog.begin(crypto);
  log.commit(log.statement(member, 'a'), log.statement(member, 'b'));
  const index = log.size - 1;
  const good = replayAll(log).replay.point.tip!;

  const replaced = (data: Bytes): Refuted => {
    const leaves = leavesOf(log);
    leaves[index] = { index, data, hash: leafHash(crypto, data), statement: null };
    const { refuted, replay } = replayAll(log, leaves);
    assert(refuted, 'nothing was noticed');
    assert.equal(refuted.index, index);
    // It has not gone on.
    assert.equal(replay.size, index - 2);
    return refuted;
  };

  const other = new Uint8Array(32).fill(9);
  const changes: [string, Partial<StateEntry>][] = [
    ['index', { index: index + 5 }],
    ['time', { time: good.time - 100_000 }],
    ['previous', { previous: 0 }],
    ['rules', { rules: other }],
    ['mapRoot', { mapRoot: other }],
    ['mapCount', { mapCount: good.mapCount + 1 }],
    ['effectsRoot', { effectsRoot: other }],
  ];
  for (const [member, change] of changes) {
    test(`in its ${member}`, () => {
      const { faults, expected, found } = replaced(encodeStateEntry({ ...good, ...change }));
      assert.deepEqual(
        faults.map((fault) => fault.member),
        [member],
      );
      assert.notEqual(faults[0].expected, faults[0].found);
      assert.deepEqual(found, { ...good, ...change });
      if (member !== 'time') assert.deepEqual(expected, good);
    });
  }

  test('in its form', () => {
    const { faults, found } = replaced(utf8('this is longer than thirty-two bytes, and no state entry'));
    assert.deepEqual([faults[0].member, found], ['form', undefined]);
  });

  test('every byte of one counts, but for a time that could be', () => {
    const bytes = encodeStateEntry(good);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes).fill(bytes[at]! ^ 1, at, at + 1);
      const leaves = leavesOf(log);
      leaves[index] = { index, data: damaged, hash: leafHash(crypto, damaged), statement: null };
      const assembled = new RunAssembler(0);
      const replay = new Replay(options(log));
      const known = new Known();
      for (const leaf of leaves) {
        const run = assembled.add(leaf);
        const outcome = run && replay.apply(prepareRun(crypto, run), known);
        if (outcome?.type === 'matched') known.add(outcome);
        if (leaf.index !== index) continue;
        if (outcome?.type === 'matched') assert.notEqual(outcome.tip.time, good.time, `byte ${at}`);
      }
    }
  });

  test('another genesis than the one that is expected', () => {
    const replay = new Replay({ ...options(log), genesis: other });
    const [run] = runsOf(leavesOf(log));
    const outcome = replay.apply(prepareRun(crypto, run!), new Known());
    assert(outcome.type === 'refuted');
    assert.equal(outcome.faults[0].member, 'genesis');
  });

  test('an entry that was slipped in, left out, or rewritten', () => {
    const leaves = leavesOf(log);
    const statement = log.statement(member, 'rewritten');
    const data = crypto.sha256(statement);
    const rewritten = leaves.with(index - 1, {
      ...leaves[index - 1]!,
      data,
      hash: leafHash(crypto, data),
      statement,
    });
    // The state is the same, and so are the effects: it is the tree that tells them apart.
    const { refuted, replay } = (() => {
      const at = new Replay(options(log));
      const known = new Known();
      for (const run of runsOf(rewritten)) {
        const outcome = at.apply(prepareRun(crypto, run), known);
        if (outcome.type === 'refuted') return { refuted: outcome, replay: at };
        known.add(outcome);
      }
      return { refuted: undefined, replay: at };
    })();
    assert.equal(refuted, undefined);
    assert(!equal(replay.root, log.headAt().root));
    const dropped = leaves.toSpliced(index - 1, 1).map((leaf, i) => ({ ...leaf, index: i }));
    const { refuted: found } = replayAll(log, dropped);
    assert.deepEqual(
      found?.faults.map((fault) => fault.member),
      ['index', 'effectsRoot'],
    );
  });
});
