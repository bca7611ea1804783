/** What a statement says about descent: subject, actor, edges; and the state of what has an identifier. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EDGE_CLASSES, type Lineage, lineageOf } from '../../src/chain/lineage.ts';
import { objectStatus } from '../../src/chain/object-status.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { parseStatement, type Statement } from '../../src/chain/statement.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { edit, roomWorld, urnOf } from './room-world.ts';
import { ORIGIN, World } from './world.ts';

const chain = (kind: string, onBehalf?: string) => ({
  ...{ kind, log: ORIGIN, refs: [] },
  ...(onBehalf !== undefined && { onBehalf }),
});
const of = (kind: string, body: object, more: { issuer?: string; onBehalf?: string } = {}): Lineage => {
  const { issuer = 'did:web:who.example', onBehalf } = more;
  const lineage = lineageOf({ chain: chain(kind, onBehalf), issuer, body } as unknown as Statement);
  assert.ok(lineage);
  return lineage;
};
const world = () => World.begin(nodeCrypto);
const urn = (type: string, n = 1) => urnOf({ origin: ORIGIN }, type, n);
const short = ({ edges }: Lineage) => edges.map((edge) => `${edge.class} ${edge.relation} ${edge.to}`);

describe('lineage of a statement', () => {
  test('a foreign statement has none', () => {
    const w = World.begin(nodeCrypto);
    assert.equal(lineageOf(parseStatement(nodeCrypto, w.foreign(w.sro))), undefined);
  });

  test('a statement without a subject of its kind is about its issuer', () => {
    const { subject, edges } = of('key.revoke', { kid: new Uint8Array(32), reason: 'rotation' });
    assert.deepEqual([subject, edges], ['did:web:who.example', []]);
  });

  test('edges by class, each once, not to itself; the version of a dataset beside its name', () => {
    const body = {
      id: urn('dataset'),
      version: 3,
      provider: 'did:web:tdp.example',
      kms: { did: 'did:web:kms.example', dataKeyId: 'k', endpoint: 'e' },
      parents: [
        { dataset: urn('dataset', 2), version: 4 },
        { dataset: urn('dataset', 2), version: 4 },
        { dataset: urn('dataset'), version: 2 },
      ],
    };
    const lineage = of('dataset.register', body, { onBehalf: 'did:web:tdp.example' });
    assert.deepEqual(short(lineage), [
      `source parents.dataset ${urn('dataset', 2)}`,
      'party by did:web:tdp.example',
      'party provider did:web:tdp.example',
      'mention kms.did did:web:kms.example',
    ]);
    assert.equal(lineage.edges[0]!.version, 4);
    assert.deepEqual(lineage.object, { type: 'dataset', id: urn('dataset'), version: 3 });
  });

  test('a room is made from its contracts, datasets, code and base model', () => {
    const lineage = of('cleanroom.deploy', {
      id: urn('cleanroom'),
      contracts: [urn('contract')],
      code: urn('code'),
      public: { datasets: [{ dataset: urn('dataset'), version: 1 }] },
      baseModel: urn('model'),
    });
    assert.deepEqual(
      lineage.edges
        .filter((edge) => edge.class === 'source')
        .map(({ to }) => to)
        .sort(),
      [urn('contract'), urn('dataset'), urn('code'), urn('model')].sort(),
    );
  });

  test('for any body: total, bounded, and the same whatever the order of its members', () => {
    const id = fc.constantFrom(
      urn('dataset'),
      urn('model', 2),
      'did:web:a.example',
      'urn:depa:x',
      'text',
      'did:',
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        id,
        fc.nat(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('map'),
      ),
      list: fc.array(tie('any'), { maxLength: 6 }),
      map: fc.dictionary(fc.constantFrom('a', 'b', 'version', 'id', 'provider', '__proto__'), tie('any')),
    }));
    fc.assert(
      fc.property(
        value.map,
        fc.constantFrom('dataset.register', 'contract.propose', 'run.start'),
        (map, kind) => {
          const body = { ...(map as object), id: urn('dataset', 9) };
          const lineage = of(kind, body);
          const turned = of(kind, Object.fromEntries(Object.entries(body).reverse()));
          assert.deepEqual(turned, lineage);
          assert.ok(lineage.edges.length <= 512);
          assert.equal(new Set(lineage.edges.map((edge) => JSON.stringify(edge))).size, lineage.edges.length);
          const ranks = lineage.edges.map((edge) => EDGE_CLASSES.indexOf(edge.class));
          assert.deepEqual(
            ranks,
            [...ranks].sort((a, b) => a - b),
          );
        },
      ),
    );
  });

  test('a body with too many names keeps the sources', () => {
    const body = {
      id: urn('model'),
      parents: Array.from({ length: 20 }, (_, n) => urn('model', n + 2)),
      noise: Array.from({ length: 5000 }, (_, n) => urn('release', n)),
      deep: Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], urn('run')),
    };
    const { edges } = of('model.register', body);
    assert.equal(edges.length, 512);
    assert.equal(edges.filter((edge) => edge.class === 'source').length, 20);
  });
});

describe('the state of what has an identifier', () => {
  test('ends by time, stops to come, stops that hold', () => {
    const r = roomWorld(world(), { room: 'ATTESTED' });
    const { world: w, contract, room, code } = r;
    const state = (id: string, time = w.time, version?: number) =>
      objectStatus(w.read, id, time, version)?.state;
    assert.equal(state(contract), 'SIGNED');
    assert.equal(state(contract, r.expiry * 1000 + 1), 'EXPIRED');
    assert.equal(state(room), 'ATTESTED');
    const { deadline } = CLEANROOM.read(w.read, room)!;
    assert.equal(state(room, deadline * 1000 + 1), 'FAILED');

    const { id, version } = r.datasets[0];
    const lastStop = { entry: 7, at: w.time + 5000, before: 'PUBLISHED' };
    edit(w, DATASET, { state: 'WITHDRAWN', lastStop }, id, version);
    assert.equal(state(id), 'PUBLISHED');
    assert.equal(state(room), 'ATTESTED');
    assert.equal(state(id, w.time + 5000), 'WITHDRAWN');
    assert.equal(state(room, w.time + 5000), 'BLOCKED');
    assert.deepEqual(objectStatus(w.read, id, w.time)!.lastStop, lastStop);

    edit(w, CONTRACT, { state: 'PROPOSED', lapses: w.time + 10 }, contract);
    assert.deepEqual([state(contract), state(contract, w.time + 11)], ['PROPOSED', 'LAPSED']);
    edit(w, CODE, { notAfter: w.now }, code);
    assert.deepEqual([state(code, w.now * 1000), state(code, w.now * 1000 + 1)], ['CERTIFIED', 'EXPIRED']);
    assert.equal(state('did:web:nobody.example'), undefined);
    assert.equal(state(urn('payment', 3)), undefined);
  });

  test('a dataset without a version is the newest one', () => {
    const r = roomWorld(world());
    const { id, version } = r.datasets[0];
    const record = DATASET.read(r.world.read, id, version)!;
    for (let next = 2; next <= 13; next++)
      r.world.put(DATASET.put({ ...record, name: `v${next}` }, id, next));
    const status = objectStatus(r.world.read, id, r.world.time)!;
    assert.deepEqual([status.version, status.name], [13, 'v13']);
    assert.equal(objectStatus(r.world.read, id, r.world.time, 14), undefined);
  });
});
