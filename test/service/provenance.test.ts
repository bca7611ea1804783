/** Descent, timelines, lists and statistics of the COVID-19 run, over both surfaces, verified by the client. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { LedgerClient, LineageWalk } from '../../src/client/index.ts';
import { toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import { LINEAGE_MARK_KEY, LINEAGE_RANGE } from '../../src/log/lineage-layout.ts';
import { LedgerService } from '../../src/service/index.ts';
import { type Served, SURFACES, serve } from '../client/served.ts';
import { REAL } from '../depa/scenario.ts';
import { crypto, options } from '../log/world.ts';
import { FaultyDisk } from '../storage/faulty.ts';
import { StoryLog } from './story-log.ts';

const typesOf = ({ nodes }: LineageWalk) => nodes.map(({ type }) => type);

describe('the COVID-19 run', { skip: REAL === undefined && 'no ../shared' }, () => {
  let story: StoryLog;
  let served: Served;
  before(async () => {
    story = await (await StoryLog.begin()).tell();
    served = await serve(story.ledger);
  });
  after(async () => {
    await served.close();
    await story.log.close();
  });

  for (const surface of SURFACES) {
    describe(`over ${surface}`, () => {
      let client: LedgerClient;
      before(async () => {
        client = await served.client(surface, story.trust);
      });

      test('a model descends from its run, room, contract, code, datasets and base model', async () => {
        const model = story.story.urn('model');
        const walk = await client.provenance.walk({ id: model, walk: 'up' });
        assert.equal(walk.root.kind, 'model.release');
        assert.equal(walk.root.state, 'RECEIVED');
        assert.deepEqual(
          [...typesOf(walk)].sort(),
          ['cleanroom', 'code', 'contract', 'dataset', 'dataset', 'dataset', 'model', 'run'].sort(),
        );
        // The newest first: nothing is made from what comes after it.
        const indexes = walk.nodes.map(({ index }) => index);
        assert.deepEqual(
          indexes,
          [...indexes].sort((a, b) => b - a),
        );
        const room = walk.nodes.find(({ type }) => type === 'cleanroom')!;
        assert.ok(room.edges.some(({ to, class: of }) => to === story.story.contract.id && of === 'source'));
        assert.deepEqual([walk.next, walk.truncated], [null, false]);
        for (const node of walk.nodes) {
          const step = story.told.find(({ index }) => index === node.index);
          assert.deepEqual(node.entryId, step!.entryId);
        }
      });

      test('page by page it is the same', async () => {
        const model = story.story.urn('model');
        const whole = await client.provenance.walk({ id: model, walk: 'up' });
        const ids: string[] = [];
        let cursor: number | undefined;
        do {
          const query = { id: model, walk: 'up', limit: 3, ...(cursor !== undefined && { cursor }) } as const;
          const part = await client.provenance.walk(query);
          ids.push(...part.nodes.map(({ id }) => id));
          cursor = part.next ?? undefined;
        } while (cursor !== undefined);
        assert.deepEqual(
          ids,
          whole.nodes.map(({ id }) => id),
        );
      });

      test('down from a dataset: the room, the run, the model; with depth and type', async () => {
        const { id } = story.story.contract.datasets[0];
        const walk = await client.provenance.walk({ id, walk: 'down' });
        assert.deepEqual(typesOf(walk), ['cleanroom', 'run', 'model']);
        assert.deepEqual(typesOf(await client.provenance.walk({ id, walk: 'down', types: ['model'] })), [
          'model',
        ]);
        const near = await client.provenance.walk({ id, walk: 'down', depth: 1 });
        assert.deepEqual(typesOf(near), ['cleanroom', 'run']);
        const contract = await client.provenance.walk({ id: story.story.contract.id, walk: 'up' });
        assert.deepEqual([...new Set(typesOf(contract))].sort(), ['code', 'dataset', 'model']);
      });

      test('the impact of a participant, a contract, code, a base model', async () => {
        const { story: told } = story;
        const models = async (id: string) => {
          const walk = await client.provenance.walk({ id, walk: 'impact', types: ['model'] });
          return walk.nodes.map((node) => node.id);
        };
        const model = told.urn('model');
        assert.deepEqual(await models(told.member('icmr').did), [model]);
        assert.deepEqual(await models(told.member('ccrp').did), [model]);
        assert.deepEqual(await models(told.contract.id), [model]);
        assert.deepEqual(await models(told.imported('code.certify').id), [model]);
        assert.deepEqual(await models(told.contract.baseModel), [model]);
        assert.deepEqual(
          (await models(told.member('tdc').did)).sort(),
          [told.contract.baseModel, model].sort(),
        );
        const dataset = await client.provenance.walk({ id: told.contract.datasets[0].id, walk: 'impact' });
        assert.deepEqual(typesOf(dataset), ['contract', 'cleanroom', 'run', 'model']);
        const other = { id: told.contract.datasets[0].id, walk: 'impact', version: 7 } as const;
        assert.deepEqual(typesOf(await client.provenance.walk(other)), []);
      });

      test('who did what, when, on whose behalf', async () => {
        const { story: told } = story;
        const release = await client.provenance.timeline({ id: told.urn('release', 100) });
        assert.deepEqual(
          release.events.map(({ kind }) => kind),
          ['key.request', 'key.release', 'key.receive'],
        );
        const grant = release.events[1]!;
        assert.equal(grant.issuer, told.member('kms').did);
        assert.equal(grant.onBehalf, told.member('icmr').did);
        assert.deepEqual([grant.reason, grant.roles], [null, ['subject']]);

        const roles = ['subject', 'actor', 'named'] as const;
        const { did } = told.member('icmr');
        const all = await client.provenance.timeline({ id: did, roles });
        const kinds = all.events.map(({ kind }) => kind);
        for (const kind of [
          'participant.register',
          'dataset.register',
          'contract.propose',
          'contract.sign',
          'key.release',
        ]) {
          assert.ok(kinds.includes(kind as (typeof kinds)[number]), kind);
        }
        assert.ok(
          all.events.find(({ kind }) => kind === 'contract.propose')!.relations.includes('parties.tdps'),
        );
        // In both orders, page by page, the same.
        for (const newestFirst of [false, true]) {
          const indexes: number[] = [];
          let cursor: number | undefined;
          do {
            const more = cursor === undefined ? {} : { cursor };
            const page = await client.provenance.timeline({ id: did, roles, newestFirst, limit: 2, ...more });
            indexes.push(...page.events.map(({ index }) => index));
            cursor = page.next ?? undefined;
          } while (cursor !== undefined);
          const expected = all.events.map(({ index }) => index);
          assert.deepEqual(indexes, newestFirst ? expected.reverse() : expected);
        }
      });

      test('the genesis is the first entry of its SRO', async () => {
        const [first] = (await client.provenance.timeline({ id: story.sro.did })).events;
        assert.deepEqual([first!.index, first!.kind], [0, 'log.genesis']);
      });

      test('lists by state, owner and purpose', async () => {
        const { story: told } = story;
        const datasets = await client.provenance.list({ type: 'dataset' });
        assert.equal(datasets.objects.length, 3);
        assert.ok(datasets.objects.every(({ state, version }) => state === 'PUBLISHED' && version === 1));
        const mine = await client.provenance.list({ type: 'dataset', owner: told.member('cowin').did });
        assert.deepEqual(
          mine.objects.map(({ id }) => id),
          [told.contract.datasets[1].id],
        );
        const signed = { type: 'contract', state: 'SIGNED', purpose: told.contract.purpose } as const;
        assert.equal((await client.provenance.list(signed)).objects.length, 1);
        assert.equal((await client.provenance.list({ ...signed, state: 'EXPIRED' })).objects.length, 0);
        assert.equal((await client.provenance.list({ ...signed, purpose: 'OTHER' })).objects.length, 0);
        const models = await client.provenance.list({ type: 'model', limit: 1 });
        assert.equal(models.objects[0]!.id, told.contract.baseModel);
        const rest = await client.provenance.list({ type: 'model', limit: 1, cursor: models.next! });
        assert.deepEqual(
          rest.objects.map(({ id }) => id),
          [told.urn('model')],
        );
        const trained = await client.provenance.list({ type: 'model', purpose: told.contract.purpose });
        assert.deepEqual(
          trained.objects.map(({ id }) => id),
          [told.urn('model')],
        );
      });

      test('what is not there, and what is no name', async () => {
        const code = (expected: string) => (error: unknown) => isLedgerError(error, expected as 'NOT_FOUND');
        const nobody = { id: 'did:web:nobody.example', walk: 'up' } as const;
        await assert.rejects(client.provenance.walk(nobody), code('NOT_FOUND'));
        await assert.rejects(client.provenance.walk({ ...nobody, id: 'nobody' }), code('ARGUMENT_INVALID'));
        await assert.rejects(client.provenance.walk({ ...nobody, limit: 1001 }), code('ARGUMENT_INVALID'));
        await assert.rejects(client.provenance.timeline({ id: 'urn:depa:' }), code('ARGUMENT_INVALID'));
        assert.deepEqual((await client.provenance.timeline({ id: nobody.id })).events, []);
      });
    });
  }

  test('the same numbers over both surfaces', async () => {
    const stats = await story.ledger.provenance.stats();
    assert.deepEqual([stats.grants, stats.denials, stats.waiting], [3, {}, 0]);
    const told = (await (
      await fetch(`http://127.0.0.1:${served.ports.http}/v1/stats`)
    ).json()) as typeof stats;
    assert.equal(told.grants, 3);
    assert.equal(BigInt(told.epsilon.spent), stats.epsilon.spent);
    // The accountant of the code is not trusted, or it is: either way not less than what was logged last.
    assert.ok(stats.epsilon.spent >= 3n * BigInt(story.story.training.epsilons.at(-1)!));
    assert.equal(stats.epsilon.reserved, 0n);
    assert.ok(stats.budgets >= 1);
  });

  test('a lying index is found out', async () => {
    const id = story.story.urn('model');
    const honest = await story.ledger.provenance.trace(id, 'up');
    const client = await served.client('grpc', story.trust);
    const lies: ((walk: typeof honest) => typeof honest)[] = [
      (walk) => ({ ...walk, root: { ...walk.root, id: story.story.contract.id } }),
      (walk) => ({ ...walk, root: { ...walk.root, index: walk.root.index - 2 } }),
      (walk) => ({
        ...walk,
        nodes: walk.nodes.map((node, i) => (i === 2 ? { ...node, kind: 'run.start' } : node)),
      }),
      (walk) => ({ ...walk, nodes: walk.nodes.map((node) => ({ ...node, entryId: walk.root.entryId })) }),
      (walk) => ({
        ...walk,
        root: {
          ...walk.root,
          edges: walk.root.edges.map((edge) => ({ ...edge, to: story.story.contract.id })),
        },
      }),
      (walk) => ({
        ...walk,
        root: {
          ...walk.root,
          edges: walk.root.edges.map((edge) => ({ ...edge, class: 'mention' as const })),
        },
      }),
    ];
    for (const lie of lies) {
      served.lies = { provenance: { ...honestly(), trace: async () => lie(honest) } };
      await assert.rejects(client.provenance.walk({ id, walk: 'up' }), (error) =>
        isLedgerError(error, 'RESPONSE_MALFORMED'),
      );
    }
    // A state is never taken from the answer.
    const state = { ...honest, root: { ...honest.root, state: 'DEPLOYED' } };
    served.lies = { provenance: { ...honestly(), trace: async () => state } };
    assert.equal((await client.provenance.walk({ id, walk: 'up' })).root.state, 'RECEIVED');
    assert.equal(
      (await client.provenance.walk({ id, walk: 'up' }, { verify: false })).root.state,
      'DEPLOYED',
    );
    const timeline = await story.ledger.provenance.timeline(id);
    for (const change of [
      { time: 5 },
      { issuer: 'did:web:other.example' },
      { reason: 'X' },
      { onBehalf: 'did:web:o.example' },
    ]) {
      const events = timeline.events.map((event) => ({ ...event, ...change }));
      served.lies = { provenance: { ...honestly(), timeline: async () => ({ ...timeline, events }) } };
      await assert.rejects(client.provenance.timeline({ id }), (error) =>
        isLedgerError(error, 'RESPONSE_MALFORMED'),
      );
    }
    served.lies = {};

    function honestly() {
      const { provenance } = story.ledger;
      return {
        trace: provenance.trace.bind(provenance),
        impact: provenance.impact.bind(provenance),
        timeline: provenance.timeline.bind(provenance),
        list: provenance.list.bind(provenance),
        stats: provenance.stats.bind(provenance),
      };
    }
  });
});

describe('stops and what they touch', { skip: REAL === undefined && 'no ../shared' }, () => {
  test('a contract that is revoked: the first denial after it, and in the numbers how long it took', async () => {
    const story = await (await StoryLog.begin()).tell('key.release icmr 1');
    const { contract } = story.story;
    const newest = { newestFirst: true, limit: 2 } as const;
    const page = await story.ledger.provenance.timeline(contract.id, newest);
    const oldest = await story.ledger.provenance.timeline(contract.id, { limit: 2 });
    const stop = await story.step(story.sro, 'contract.revoke', { id: contract.id, reason: 'found wanting' });
    // A cursor stays good while the log grows: nothing is told twice, and nothing left out.
    const whole = (await story.ledger.provenance.timeline(contract.id)).events.map(({ index }) => index);
    const rest = await story.ledger.provenance.timeline(contract.id, {
      newestFirst: true,
      cursor: page.next!,
    });
    const backwards = [...page.events, ...rest.events].map(({ index }) => index);
    assert.deepEqual([stop.index, ...backwards], whole.toReversed());
    const more = await story.ledger.provenance.timeline(contract.id, { cursor: oldest.next! });
    assert.deepEqual(
      [...oldest.events, ...more.events].map(({ index }) => index),
      whole,
    );
    story.world.advance(9);
    const [denied] = story.story.keyed().filter(({ name }) => name === 'key.release icmr 1');
    const denial = await story.submit(denied!.name, denied!.kind, () => denied!.statement(story));
    const stats = await story.ledger.provenance.stats();
    assert.deepEqual([stats.grants, stats.denials, stats.waiting], [0, { CLEANROOM_BLOCKED: 1 }, 0]);
    assert.equal(stats.reactions.count, 1);
    const [reaction] = stats.reactions.recent;
    assert.deepEqual(
      [reaction!.stop, reaction!.denial, reaction!.subject],
      [stop.index, denial.index, contract.id],
    );
    assert.equal(reaction!.milliseconds, 10_000);
    const walk = await story.ledger.provenance.impact(contract.id);
    assert.equal(walk.root.state, 'REVOKED');
    assert.deepEqual(walk.root.stops, [
      { version: null, entry: stop.index, at: story.world.time - 10_000, before: 'SIGNED' },
    ]);
    assert.deepEqual(
      walk.nodes.map(({ type, state }) => [type, state]),
      [['cleanroom', 'BLOCKED']],
    );
    const events = (await story.ledger.provenance.timeline(story.story.urn('release', 100))).events;
    assert.deepEqual(
      events.map(({ kind, reason }) => [kind, reason]),
      [
        ['key.request', null],
        ['key.release', 'CLEANROOM_BLOCKED'],
      ],
    );
    await story.log.close();
  });

  test('a rebuild of all of it makes the same rows, denials and reactions included', async () => {
    const disk = new FaultyDisk();
    const story = await (await StoryLog.begin({ openStorage: disk.open })).tell('key.release icmr 1');
    const { contract } = story.story;
    // A denial names one reason, so it is the answer to one of these.
    const certified = [story.ref('code.certify')];
    await story.step(story.sro, 'code.revoke', { id: contract.code[0], reason: 'a flaw' }, certified);
    await story.step(story.sro, 'contract.revoke', { id: contract.id, reason: 'found wanting' });
    const [denied] = story.story.keyed().filter(({ name }) => name === 'key.release icmr 1');
    await story.submit(denied!.name, denied!.kind, () => denied!.statement(story));
    const { did } = story.story.member('kms');
    await story.step(story.sro, 'participant.suspend', { did, reason: 'no answer' }, [
      story.ref('agreement.accept kms'),
    ]);
    const numbers = await story.ledger.provenance.stats();
    assert.deepEqual([numbers.reactions.count, numbers.waiting], [1, 2]);
    await story.log.close();
    const rows = () =>
      disk.durable.slice(LINEAGE_RANGE).map(([key, value]) => `${toHex(key)} ${toHex(value)}`);
    const incremental = rows();
    disk.durable.apply([{ type: 'del', key: LINEAGE_MARK_KEY }]);
    const again = await TransparencyLog.open(options({ openStorage: disk.open }));
    for (let i = 0; i < 500 && again.lineageStatus.next < again.lineageStatus.size; i++) await delay(10);
    const rebuilt = await new LedgerService(crypto, again).provenance.stats();
    assert.deepEqual({ ...rebuilt, at: 0 }, { ...numbers, at: 0 });
    await again.close();
    assert.deepEqual(rows(), incremental);
  });
});
