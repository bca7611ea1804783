/**
 * The worst that a proof of misbehaviour could do is to convict a log that has done nothing. So true pieces of an honest
 * log, each under its true signature, are put together in any way that the format allows: heads and receipts of any tree,
 * paths of any leaf in any tree, runs that begin and end anywhere, entries of the run shown as earlier ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Bytes } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { StateMap } from '../../src/statemap/index.ts';
import {
  type ClaimedEarlier,
  encodeMisbehaviour,
  type Misbehaviour,
  type MisbehaviourKind,
  verifyMisbehaviour,
} from '../../src/verify/index.ts';
import { nodesFor } from '../../src/verify/misbehaviour-make.ts';
import * as tree from '../cose/tree.ts';
import { effectOf } from './misbehaving-log.ts';
import { SmallLog } from './small-log.ts';

const { log, member } = SmallLog.begin(crypto);
const { world } = log;
for (const name of ['one', 'two']) {
  const colleague = world.member(name);
  log.commit(log.statement(member, `before ${name}`));
  log.commit(world.sign(colleague, 'participant.register', world.registration(colleague, ['TDP'])));
  // Its ref is to an entry before the run; the run has entries of others, too.
  log.commit(
    log.statement(member, `with ${name}`),
    world.verification(colleague),
    log.statement(member, `after ${name}`),
  );
}
const trust = log.trust();
const { leaves, size: whole } = log;
const data = leaves.map(({ leafData }) => leafData);
const sizes = leaves.flatMap(({ closes }, index) => (closes ? [index + 1] : []));
const statements = leaves.flatMap(({ statement }, index) => (statement ? [index] : []));
const effects = new Map(
  await Promise.all(statements.map(async (index) => [index, await effectOf(log, index)] as const)),
);
const leafHash = (index: number) => tree.root([data[index]!]);
const paths = new Map(
  sizes.flatMap((size) =>
    data
      .slice(0, size)
      .map((_, index) => [`${index} ${size}`, tree.inclusionPath(index, data.slice(0, size))]),
  ),
);
const checkpoints = new Map(sizes.map((size) => [size, log.headAt(size).checkpoint]));

const size = fc.constantFrom(...sizes);
const index = fc.nat({ max: whole - 1 });
/** Mostly the one in the tree of `of`. */
const pathIn = (at: number, of: number) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(paths.get(`${at} ${of}`) ?? []) },
    fc.tuple(index, size).map(([i, s]) => paths.get(`${i} ${s}`) ?? []),
  );
const head = size.chain((of) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ of, head: checkpoints.get(of)! }) },
    fc.constantFrom(...statements.filter((at) => at < of)).map((at) => ({
      of,
      head: { receipt: log.receiptFor(at, of), entryId: data[at]! },
    })),
  ),
);
const leafIn = (of: number) =>
  index.chain((at) => pathIn(at, of).map((path) => ({ index: at, leafHash: leafHash(at), path })));
const tipIn = (of: number) =>
  fc
    .constantFrom(...sizes)
    .chain((after) =>
      pathIn(after - 1, of).map((path) => ({ index: after - 1, stateEntry: data[after - 1]!, path })),
    );
const earlierIn = (of: number): fc.Arbitrary<ClaimedEarlier> =>
  fc.tuple(index, fc.boolean(), fc.boolean()).chain(([at, told, did]) =>
    pathIn(at, of).map((path) => ({
      ...{ index: at, leafHash: leafHash(at), path },
      statement: told ? leaves[at]!.statement : null,
      effect: (did && effects.get(at)) || null,
    })),
  );

/** Everything that the state before the run has, and every node of its map: more than any proof needs. */
function stateAt(start: number) {
  const map = leaves[start]?.closes?.map ?? StateMap.empty;
  const records = [...map.entries()].map(([key, value]) => [key, value] as const);
  return { records, nodes: nodesFor(crypto, map, [...records.map(([key]) => key), ...data], []) };
}
const states = new Map([0, ...sizes.map((after) => after - 1)].map((start) => [start, stateAt(start)]));

const runIn = (of: number) =>
  fc
    .tuple(
      fc.oneof(
        fc.constant(0),
        size.map((after) => after - 1),
        index,
      ),
      fc.integer({ min: 2, max: 7 }),
      fc.constantFrom(...states.keys()),
      fc.boolean(),
      fc.array(earlierIn(of), { maxLength: 6 }),
    )
    .chain(([start, count, other, own, earlier]) => {
      const last = Math.min(whole, start + count) - 1;
      return fc.tuple(pathIn(start, of), pathIn(last, of)).map(([firstPath, lastPath]) => ({
        start,
        leaves: leaves.slice(start, last + 1).map(({ statement, leafData }): Bytes => statement ?? leafData),
        ...{ firstPath, lastPath, earlier },
        ...(states.get(own && states.has(start) ? start : other) ?? states.get(0)!),
      }));
    });

const one = (kind: MisbehaviourKind, members: (of: number) => fc.Arbitrary<object>) =>
  head.chain(({ of, head }) => members(of).map((rest) => ({ kind, heads: [head], ...rest })));
const two = (kind: MisbehaviourKind, members: (of: number, and: number) => fc.Arbitrary<object>) =>
  fc
    .tuple(head, head)
    .chain(([first, second]) =>
      members(first.of, second.of).map((rest) => ({ kind, heads: [first.head, second.head], ...rest })),
    );

const accusation = fc.oneof(
  two('fork', () => fc.constant({})),
  two('rewrite', (_, of) => leafIn(of).map((leaf) => ({ leaf }))),
  two('missing', (of, and) =>
    fc.tuple(fc.oneof(fc.constant(null), leafIn(of)), leafIn(and)).map((pair) => ({ leaves: pair })),
  ),
  two('unconnected', (of, and) =>
    fc
      .oneof(
        fc.constant(of < and ? tree.consistencyPath(of, data.slice(0, and)) : []),
        // Of a perfect tree with its root written out, or of anything else.
        pathIn(of - 1, and),
        fc.constant([
          tree.root(data.slice(0, of)),
          ...(of < and ? tree.consistencyPath(of, data.slice(0, and)) : []),
        ]),
      )
      .map((path) => ({ path })),
  ),
  one('time', (of) => fc.tuple(tipIn(of), tipIn(of)).map((pair) => ({ states: pair }))),
  one('refused', () => fc.constantFrom(...statements).map((at) => ({ index: at, effect: effects.get(at)! }))),
  { weight: 6, arbitrary: one('state', (of) => runIn(of).map((run) => ({ run }))) },
);

test('an honest log is convicted of nothing, whatever true pieces of it are put together', () => {
  const codes = new Map<string, number>();
  fc.assert(
    fc.property(accusation, (parts) => {
      const file = encodeMisbehaviour({ origin: log.origin, ...parts } as unknown as Misbehaviour);
      const result = verifyMisbehaviour({ crypto, trust, file });
      assert.ok(!result.verified && isLedgerError(result.error));
      codes.set(result.error.code, (codes.get(result.error.code) ?? 0) + 1);
    }),
    { numRuns: 1500 },
  );
  // Many come as far as the question itself.
  assert.ok((codes.get('MISBEHAVIOUR_UNPROVEN') ?? 0) > 300, JSON.stringify([...codes]));
});
