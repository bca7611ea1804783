/** What an appraiser takes for the SRO's word, when the log that it asks lies about everything but signatures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANCHORS, APPRAISAL_POLICY } from '../../src/chain/records/governance.ts';
import { KEY } from '../../src/chain/state.ts';
import type { LedgerClient } from '../../src/client/index.ts';
import { type Bytes, equal } from '../../src/core/bytes.ts';
import { Founder } from '../../src/participants/appraiser/founder.ts';
import { Published } from '../../src/participants/appraiser/published.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { anchorsBody, appraisalPolicyBody, objectOf } from '../chain/governed.ts';
import { edit } from '../chain/room-world.ts';
import { type Member, World } from '../chain/world.ts';

const signal = new AbortController().signal;

/** A log as a client sees it that has verified everything: what lies is the state, and what the entries are. */
function clientOf(world: World, genesis = world.crypto.sha256(world.entries[0]!.statement)): LedgerClient {
  const of = (index: number) => {
    const found = world.entries[index];
    return { index, statement: found?.statement ?? null };
  };
  return {
    trust: { origin: world.origin, genesis },
    entry: async (name: { index: number } | { entryId: Bytes }) =>
      'index' in name
        ? of(name.index)
        : of(world.entries.findIndex(({ statement }) => equal(world.crypto.sha256(statement), name.entryId))),
    effect: async (index: number) => ({ outcome: world.entries[index]!.applied.verdict.outcome }),
    facts: async (keys: readonly Bytes[]) => ({
      ...{ head: { size: 1 }, tip: { time: world.time } },
      values: keys.map((key) => world.read(key) ?? null),
    }),
  } as unknown as LedgerClient;
}

async function publishedOf(world: World): Promise<Published> {
  const client = clientOf(world);
  return new Published(nodeCrypto, client, await Founder.of(nodeCrypto, client, signal));
}

const anchorsId = (world: World) => objectOf(world, 'anchors');
const policyId = (world: World) => objectOf(world, 'appraisal-policy');
const anchors = async (world: World) =>
  (await publishedOf(world)).anchors(
    { id: anchorsId(world), ...ANCHORS.read(world.read, anchorsId(world))! },
    signal,
  );
const policy = async (world: World) =>
  (await publishedOf(world)).policy(
    { id: policyId(world), ...APPRAISAL_POLICY.read(world.read, policyId(world))! },
    signal,
  );

/** A log with both published, by whichever key. */
function begun(
  sign: (world: World) => { by: Member; key?: Member['keys'][0] } = ({ sro }) => ({ by: sro }),
): World {
  const world = World.begin(nodeCrypto);
  const { by, key } = sign(world);
  for (const [kind, body] of [
    ['anchors.publish', anchorsBody(world)],
    ['appraisal-policy.publish', appraisalPolicyBody(world)],
  ] as const) {
    world.accept(world.sign(by, kind, body, key ? { key } : {}));
  }
  return world;
}

/** As an operator would have it: `by` holds the role and the key, says the state. */
function usurped(world: World): Member {
  const member = world.join('usurper', ['SRO']);
  return world.activate(member) && member;
}

test('what the SRO published, with a key of the genesis or one that it added since', async () => {
  const world = begun();
  assert.equal((await anchors(world)).id, anchorsId(world));
  assert.equal((await policy(world)).freshness, 600);
  const later = begun((each) => {
    let { sro } = each;
    // Twice over: a key that was added by a key that was added.
    for (const name of ['second', 'third']) {
      const key = each.key(name);
      each.accept(each.sign(sro, 'key.add', each.listed(sro, key, name)));
      sro = { ...sro, keys: [key] };
    }
    return { by: sro };
  });
  assert.equal((await anchors(later)).id, anchorsId(later));
  assert.equal((await policy(later)).freshness, 600);
});

test('what somebody else published, whatever the state says of it', async () => {
  const other = begun((world) => ({ by: usurped(world) }));
  await assert.rejects(anchors(other), { code: 'KID_UNKNOWN' });
  // The state gives the SRO a key that no key of the SRO has added.
  const given = begun((world) => {
    const member = usurped(world);
    edit(world, KEY, { owner: world.sro.did }, world.kid(member.keys[0]));
    return { by: world.sro, key: member.keys[0] };
  });
  await assert.rejects(anchors(given), { code: 'KID_UNKNOWN' });
  const claimed = World.begin(nodeCrypto);
  const thief = claimed.key('thief');
  const record = KEY.read(claimed.read, claimed.kid(claimed.sro.keys[0]))!;
  claimed.put(KEY.put({ ...record, key: claimed.listed(claimed.sro, thief).key }, claimed.kid(thief)));
  for (const added of [0, 1, 2]) {
    edit(claimed, KEY, { added }, claimed.kid(thief));
    claimed.accept(
      claimed.sign(claimed.sro, 'anchors.publish', anchorsBody(claimed, { version: added + 1 }), {
        key: thief,
      }),
    );
    await assert.rejects(anchors(claimed), { code: 'KID_UNKNOWN' }, `added by entry ${added}`);
  }
});

test('another entry than the state’s: other contents, another version, another policy, another kind, a refused one', async () => {
  const world = begun();
  const mismatch = { code: 'PREIMAGE_MISMATCH' };
  const record = APPRAISAL_POLICY.read(world.read, policyId(world))!;
  const second = appraisalPolicyBody(world, { freshness: 86_400 }, 2);
  const { index } = world.accept(world.sign(world.sro, 'appraisal-policy.publish', second));
  assert.equal((await policy(world)).freshness, 86_400);
  const lie = (change: object) => {
    world.put(APPRAISAL_POLICY.put({ ...record, ...change }, policyId(world)));
    return policy(world);
  };
  // The digest is that of the entry, and the version is not.
  await assert.rejects(lie({ version: 2 }), mismatch);
  await assert.rejects(lie({ version: 2, entry: index }), mismatch);
  await assert.rejects(lie({ entry: 0 }), mismatch);
  await assert.rejects(lie({ entry: ANCHORS.read(world.read, anchorsId(world))!.entry }), mismatch);
  // Another policy of the SRO's, as good a document as this one.
  const other = { ...second, id: objectOf(world, 'appraisal-policy', 2), version: 1 };
  const { index: lax } = world.accept(world.sign(world.sro, 'appraisal-policy.publish', other));
  const laxRecord = APPRAISAL_POLICY.read(world.read, other.id)!;
  await assert.rejects(lie({ entry: lax, digest: laxRecord.digest }), mismatch);
  const refused = world.apply(
    world.sign(world.sro, 'appraisal-policy.publish', appraisalPolicyBody(world, {}, 9)),
  );
  await assert.rejects(lie({ version: 9, entry: refused.index }), mismatch);
  assert.equal((await lie({})).freshness, 600);
});

test('a genesis that the trust file does not name, or an entry that is none', async () => {
  const world = begun();
  const [, second] = world.entries;
  const other = clientOf(world, world.crypto.sha256(second!.statement));
  await assert.rejects(Founder.of(nodeCrypto, other, signal), { code: 'PREIMAGE_MISMATCH' });
  const unknown = clientOf(world, new Uint8Array(32));
  await assert.rejects(Founder.of(nodeCrypto, unknown, signal), { code: 'PREIMAGE_MISMATCH' });
});
