import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inForceFault } from '../../src/chain/in-force.ts';
import { oblige } from '../../src/chain/obligations.ts';
import { OBLIGATIONS } from '../../src/chain/records/governance.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { isRefusal } from '../../src/chain/refusal.ts';
import { KEY, PARTICIPANT } from '../../src/chain/state.ts';
import { type Bytes, concat, fromHex, toHex } from '../../src/core/bytes.ts';
import { type CborMap, decode, encode, Tagged } from '../../src/core/cbor.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type ContractWorld, contractWorld, TEXT, urnOf } from './contract-world.ts';
import { multiSigned } from './multi-signed.ts';

const ID = urnOf('contract', 1);
const obligations = (s: ContractWorld, did: string) => OBLIGATIONS.read(s.world.read, did)?.contracts ?? [];
const fault = (s: ContractWorld, n = 1) =>
  inForceFault(s.world.read, urnOf('contract', n), s.world.time)?.refused;

/** The first key of `icmr` was compromised since then (Unix seconds). */
function steal(s: ContractWorld, since: number): void {
  const kid = s.world.kid(s.icmr.keys[0]);
  const revoked = { entry: 0, at: s.world.time, reason: 'compromise' as const, since };
  s.world.put(KEY.put({ ...KEY.read(s.world.read, kid)!, revoked }, kid));
}

test('proposed, signed by each signatory, and in force: from the last signature on', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  s.propose();
  assert.deepEqual(s.contract()?.signatories, [s.tdc.did, s.icmr.did, s.cowin.did, s.ccrp.did]);
  const order = [s.icmr, s.tdc, s.ccrp, s.cowin];
  for (const [i, member] of order.entries()) {
    assert.equal(fault(s), 'CONTRACT_NOT_FULLY_SIGNED');
    assert.deepEqual(obligations(s, s.tdc.did), []);
    s.world.advance(1).accept(s.answer(member));
    assert.equal(s.contract()?.state, i < 3 ? 'PARTLY_SIGNED' : 'SIGNED');
  }
  assert.equal(fault(s), undefined);
  assert.deepEqual(
    s.contract()?.signatures.map(({ did }) => did),
    order.map(({ did }) => did),
  );
  for (const { did } of s.signatories) assert.deepEqual(obligations(s, did), [ID]);
});

test('what the record keeps is what was proposed', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const { index } = s.propose();
  const record = s.contract()!;
  const body = s.contractBody();
  assert.deepEqual(record.proposal, s.world.entries[index]!.entry!.entryId);
  assert.deepEqual(record.datasets[0], {
    ...body.datasets[0],
    privacy: { epsilon: 1_500_000, delta: 10_000_000_000 },
  });
  assert.equal(record.lapses, s.world.time + 30 * 86_400_000);
  assert.deepEqual([record.payments, record.revocation], [body.payments, body.revocation]);
});

test('the CCRP signs if the policy says so; who has two parts signs once', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const { world } = s;
  world.put(PARTICIPANT.put({ ...world.participant(s.icmr)!, roles: ['TDP', 'TDC', 'CCRP'] }, s.icmr.did));
  const parties = { tdc: s.icmr.did, tdps: [s.icmr.did, s.cowin.did], ccrp: s.icmr.did };
  s.propose(1, { parties }, s.icmr);
  assert.deepEqual(s.contract(1)?.signatories, [s.icmr.did, s.cowin.did]);
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ ccrpMustSign: false })));
  s.propose(2);
  assert.deepEqual(s.contract(2)?.signatories, [s.tdc.did, s.icmr.did, s.cowin.did]);
  // Whoever trains on its own data alone is the only one to sign.
  const [own] = s.contractBody().datasets;
  const alone = { datasets: [own!], privacy: s.contractBody().privacy.slice(0, 1) };
  s.propose(3, { ...alone, parties: { ...parties, tdps: [s.icmr.did] } }, s.icmr);
  world.accept(s.answer(s.icmr, 3));
  assert.equal(fault(s, 3), undefined);
});

test('the work for one more contract does not grow with those that there are', () => {
  const s = contractWorld(nodeCrypto).signed(1);
  const { read, time } = s.world;
  const many = Array.from({ length: 1000 }, (_, n) => urnOf('contract', n % 2 === 0 ? 1 : 99));
  let reads = 0;
  const counting: typeof read = (key) => {
    reads += 1;
    return read(key);
  };
  let contracts: readonly string[] = many;
  for (let signed = 0; signed < 200; signed++) {
    s.world.put(OBLIGATIONS.put({ contracts }, s.tdc.did));
    const writes = oblige(counting, [s.tdc.did], urnOf('contract', 1), time);
    assert.ok(!isRefusal(writes));
    contracts = OBLIGATIONS.decode(writes[0]![1]!).contracts;
  }
  assert.ok(reads <= 200 * 10, String(reads));
  // Those that were none have gone, and no others.
  assert.deepEqual([contracts.length, new Set(contracts).size], [700, 1]);
});

test('runs that could not all be paid for can be agreed on: each has to fit alone', () => {
  const s = contractWorld(nodeCrypto).signed(1, { maxRuns: 2 });
  assert.equal(fault(s), undefined);
});

test('a declined proposal is closed, and its id is gone', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  s.propose();
  s.world.accept(s.answer(s.icmr));
  s.world.accept(s.answer(s.cowin, 1, 'contract.decline'));
  assert.equal(fault(s), 'CONTRACT_DECLINED');
  const again = s.world.sign(s.tdc, 'contract.propose', s.contractBody(1, { maxRuns: 3 }));
  assert.equal(s.world.judge(again).verdict.reason, 'ID_TAKEN');
});

test('a signature by a stolen key does not count; its owner signs again with another', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  s.propose();
  s.world.accept(s.answer(s.icmr));
  steal(s, s.world.now);
  for (const member of [s.tdc, s.cowin, s.ccrp]) s.world.accept(s.answer(member));
  assert.equal(s.contract()?.state, 'PARTLY_SIGNED');
  s.world.accept(s.world.sign(s.icmr, 'contract.sign', s.answerBody(), { key: s.icmr.keys[1]! }));
  assert.equal(s.contract()?.state, 'SIGNED');
  assert.equal(fault(s), undefined);
});

test('a compromise since before the signature ends a signed contract; one since after it does not', () => {
  const s = contractWorld(nodeCrypto).signed();
  const at = s.world.now;
  s.world.advance(10);
  steal(s, at + 1);
  assert.equal(fault(s), undefined);
  steal(s, at);
  assert.equal(fault(s), 'SIGNING_KEY_REVOKED');
});

test('a contract takes the place of another: all sign, its runs count on, and only then', () => {
  const s = contractWorld(nodeCrypto).signed(1).become(1, { runs: 1 });
  s.propose(2, { supersedes: ID, maxRuns: 2 });
  for (const member of [s.tdc, s.icmr, s.cowin]) s.world.accept(s.answer(member, 2));
  assert.equal(s.contract(1)?.state, 'SIGNED');
  // A run of the old one that ended meanwhile counts as well.
  s.become(1, { runs: 3 });
  s.world.accept(s.answer(s.ccrp, 2));
  assert.deepEqual([s.contract(1)?.state, s.contract(2)?.state], ['SUPERSEDED', 'SIGNED']);
  assert.equal(s.contract(2)?.runs, 3);
  assert.deepEqual([fault(s, 1), fault(s, 2)], ['CONTRACT_SUPERSEDED', undefined]);
  assert.deepEqual(obligations(s, s.icmr.did), [urnOf('contract', 2)]);
});

test('who withdraws can sign what ends before', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const record = s.world.participant(s.tdc)!;
  const lastStop = { entry: 0, at: (s.world.now + 90 * 86_400) * 1000 + 1, before: 'ACTIVE' };
  s.world.put(PARTICIPANT.put({ ...record, state: 'WITHDRAWN', lastStop }, s.tdc.did));
  s.propose();
  s.world.accept(s.answer(s.tdc));
});

test('a contract may start from a model that its TDC has, secret or not, and from any that is open', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const made = { digest: s.hash('model'), format: 'onnx', parents: [], contracts: [] };
  const since = { entry: 0, changed: 0, changedAt: s.world.time };
  const kms = { did: s.kms.did, dataKeyId: 'model' };
  const models = [
    { owner: s.tdc.did, state: 'BASE', kms },
    { owner: s.tdc.did, state: 'RECEIVED' },
    { owner: s.service.did, state: 'BASE' },
  ] as const;
  models.forEach((model, n) => {
    s.world.put(MODEL.put({ ...made, ...since, ...model }, urnOf('model', n)));
    s.propose(n + 1, { baseModel: urnOf('model', n) });
  });
});

test('obligations keep what is open, and drop what has ended', () => {
  const s = contractWorld(nodeCrypto).signed(1).signed(2).signed(3);
  s.become(1, { state: 'COMPLETED' }).become(2, { state: 'REVOKED', openPayments: 1 });
  s.signed(4);
  const expected = [2, 3, 4].map((n) => urnOf('contract', n));
  assert.deepEqual(obligations(s, s.tdc.did), expected);
  s.become(2, { openPayments: 0 }).world.advance(91 * 86_400);
  s.signed(5);
  assert.deepEqual(obligations(s, s.tdc.did), [urnOf('contract', 5)]);
});

test('a party revokes with the notice that its terms ask for; the SRO at once, and sooner', () => {
  const s = contractWorld(nodeCrypto).signed();
  const effectiveFrom = s.world.now + 86_400;
  s.world.accept(
    s.world.sign(s.icmr, 'contract.revoke', { id: ID, reason: 'breach', effectiveFrom, term: 0 }),
  );
  assert.equal(fault(s), undefined);
  assert.equal(inForceFault(s.world.read, ID, effectiveFrom * 1000)?.refused, 'CONTRACT_REVOKED');
  s.world.advance(1).accept(s.world.sign(s.world.sro, 'contract.revoke', { id: ID, reason: 'breach' }));
  assert.equal(fault(s), 'CONTRACT_REVOKED');
  assert.equal(s.contract()?.lastStop?.before, 'SIGNED');
});

test('of several terms the longest notice counts, unless one of them is named', () => {
  const s = contractWorld(nodeCrypto);
  const revocation = [60, 3600].map((notice) => ({ who: s.icmr.did, condition: `${notice}`, notice }));
  s.signed(1, { revocation });
  const body = { id: ID, reason: 'breach', effectiveFrom: s.world.now + 60 };
  assert.equal(
    s.world.judge(s.world.sign(s.icmr, 'contract.revoke', body)).verdict.reason,
    'REVOKE_NOTICE_TOO_SHORT',
  );
  s.world.accept(s.world.sign(s.icmr, 'contract.revoke', { ...body, term: 0 }));
});

test('completed by a party or its payment service: its runs are used up, or its term is over', () => {
  for (const by of ['ccrp', 'service', 'cowin'] as const) {
    const s = contractWorld(nodeCrypto).signed().become(1, { runs: 1 });
    s.world.accept(s.world.sign(s[by], 'contract.complete', { id: ID }));
    assert.equal(fault(s), 'CONTRACT_COMPLETED');
  }
  const s = contractWorld(nodeCrypto).signed();
  const { paymentService: _, ...rest } = s.contract()!;
  s.become(1, { ...rest }).world.advance(91 * 86_400);
  s.world.accept(s.world.sign(s.service, 'contract.complete', { id: ID }));
});

test('a contract of today’s service is imported; its parties still sign', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const bytes = multiSigned({ signers: [s.icmr, s.cowin, s.tdc] });
  s.world.accept(s.world.sign(s.service, 'contract.import', { ...s.contractBody(), multiSigned: bytes }));
  assert.deepEqual(s.contract()?.imported, s.world.crypto.sha256(bytes));
  assert.deepEqual([s.contract()?.state, s.contract()?.signatures], ['PROPOSED', []]);
  for (const member of s.signatories) s.world.accept(s.answer(member));
  assert.equal(fault(s), undefined);
});

test('the spellings of a signer that are in use', () => {
  for (const kid of ['key-1', '#key-1', 'did:web:cowin.example#key-1']) {
    const s = contractWorld(nodeCrypto).twoDatasets();
    // With the CCRP among the participants, and without a feed.
    const signers = [s.icmr, s.tdc, s.ccrp, { did: s.cowin.did, key: s.cowin.keys[0], kid }];
    const bytes = multiSigned({ signers, header: new Map([[392, undefined]]), text: TEXT });
    s.world.accept(s.world.sign(s.service, 'contract.import', { ...s.contractBody(), multiSigned: bytes }));
  }
});

/** Order of the P-256 group. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

test('signatures with s in the upper half, as other libraries make them, are taken for what they are', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const sign = decode(multiSigned({ signers: [s.icmr, s.cowin, s.tdc] }), { tags: [98] }) as Tagged;
  const [header, unprotected, payload, signers] = sign.value as [
    Bytes,
    CborMap,
    Bytes,
    [Bytes, CborMap, Bytes][],
  ];
  const upper = signers.map(([own, none, signature]) => {
    const high = N - BigInt(`0x${toHex(signature.subarray(32))}`);
    return [own, none, concat(signature.subarray(0, 32), fromHex(high.toString(16).padStart(64, '0')))];
  });
  const bytes = encode(new Tagged(98, [header, unprotected, payload, upper]));
  s.world.accept(s.world.sign(s.service, 'contract.import', { ...s.contractBody(), multiSigned: bytes }));
});

test('every byte of a multi-signed contract counts', () => {
  const s = contractWorld(nodeCrypto).twoDatasets();
  const bytes = multiSigned({ signers: [s.icmr, s.cowin, s.tdc] });
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.map((byte, at) => (at === i ? byte ^ 1 : byte));
    const statement = s.world.sign(s.service, 'contract.import', {
      ...s.contractBody(),
      multiSigned: changed,
    });
    assert.equal(s.world.judge(statement).verdict.outcome, 'refused', `byte ${i}`);
  }
});

type Step = { what: string; who: number; n: number };
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('sign', 'sign', 'sign', 'decline', 'steal', 'propose', 'wait'),
  who: fc.integer({ min: 0, max: 4 }),
  n: fc.integer({ min: 1, max: 2 }),
});

test('signed means: every signatory once, over this proposal; a second answer changes nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const s = contractWorld(nodeCrypto).twoDatasets();
      const members = [...s.signatories, s.service];
      for (const { what, who, n } of steps) {
        s.world.advance(1);
        const member = members[who]!;
        if (what === 'propose') {
          const supersedes = n === 2 ? { supersedes: ID } : {};
          s.world.apply(s.world.sign(member, 'contract.propose', s.contractBody(n, supersedes)));
        } else if (what === 'steal') {
          steal(s, s.world.now - who);
        } else if (what === 'wait') {
          s.world.advance(who === 4 ? 31 * 86_400 : 1);
        } else {
          const before = s.contract(n);
          const answered = before?.signatures.some(
            ({ did, kid }) => did === member.did && !KEY.read(s.world.read, kid)?.revoked,
          );
          const { verdict } = s.world.apply(s.answer(member, n, `contract.${what}` as 'contract.sign'));
          if (answered) {
            assert.equal(verdict.outcome, 'refused');
            assert.deepEqual(s.contract(n), before);
          }
        }
        for (const number of [1, 2]) {
          const contract = s.contract(number);
          if (!contract) continue;
          const signers = contract.signatures.map(({ did }) => did);
          assert.equal(new Set(signers).size, signers.length);
          assert.ok(signers.every((did) => contract.signatories.includes(did)));
          const complete = signers.length === contract.signatories.length;
          assert.equal(['SIGNED', 'SUPERSEDED'].includes(contract.state), complete);
        }
        assert.ok(s.contract(1)?.state !== 'SUPERSEDED' || s.contract(2)?.state === 'SIGNED');
      }
    }),
    { numRuns: 40 },
  );
});
