import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GateStep } from '../../src/chain/index.ts';
import { GATES } from '../../src/chain/index.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { RELEASE } from '../../src/chain/records/release.ts';
import { rememberingKey } from '../../src/client/receipt-key.ts';
import { type Bytes, concat, equal, toHex } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import type { Crypto, PublicKey } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { cosigner, formatNote, formatVerifierKey, parseNote, parsePolicy } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import {
  type Bundle,
  type BundleEvidence,
  decodeBundle,
  encodeBundle,
  type Trust,
  verifyBundle,
} from '../../src/verify/index.ts';
import { grantedRoom, questions, roomOf, worldFor } from '../chain/gates/questions.ts';
import { digestOf, edit, type RoomOptions, type RoomWorld, urnOf } from '../chain/room-world.ts';
import { grantedRelease, sizeWithoutLines } from './granted-release.ts';
import { codeOf, ladderOf } from './sample.ts';
import { SmallLog } from './small-log.ts';

interface Scene {
  log: SmallLog;
  r: RoomWorld;
  step: GateStep;
  request: Cbor;
  bundle: Bytes;
  trust: Trust;
  now: number;
}

/** A log in which the step is allowed, and its answer: a copy of its own for each test. */
async function scene(step: GateStep, options: RoomOptions = {}, change: object = {}): Promise<Scene> {
  const name = JSON.stringify([step, options]);
  const made = worlds.get(name) ?? prepared(step, options);
  worlds.set(name, made);
  const log = made.log.fork();
  const r = { ...made.r, world: log.world };
  const request = { ...questions(r)[step], ...change } as unknown as Cbor;
  const { bundle } = await log.gate(step, request);
  return { log, r, step, request, bundle, trust: log.trust({ freshnessSeconds: 60 }), now: log.world.time };
}

const worlds = new Map<string, Pick<Scene, 'log' | 'r'>>();

function prepared(step: GateStep, options: RoomOptions): Pick<Scene, 'log' | 'r'> {
  const { log } = SmallLog.begin(crypto);
  const r = worldFor(step, log.world, options);
  log.commit();
  return { log, r };
}

function verify(of: Scene, bundle: Bytes = of.bundle, more: Partial<BundleEvidence> = {}) {
  const { trust, step, request, now } = of;
  const question = { step, request };
  return verifyBundle({ crypto, trust, bundle, question, now, insecureTrustOperator: true, ...more });
}

const edited = (bytes: Bytes, change: (bundle: Bundle) => Partial<Bundle>): Bytes => {
  const bundle = decodeBundle(bytes);
  return encodeBundle({ ...bundle, ...change(bundle) });
};

function outcome(result: ReturnType<typeof verifyBundle>): string {
  return result.verified ? result.value.outcome : result.error.code;
}

describe('a proof bundle', () => {
  for (const { step } of GATES) {
    test(`of ${step} verifies, with either crypto`, async () => {
      const of = await scene(step);
      for (const backEnd of [crypto, nobleCrypto]) {
        const receiptKey = backEnd.importPublicKey('ES256', of.trust.receiptKey.bytes);
        const result = verify(of, of.bundle, { crypto: backEnd, trust: { ...of.trust, receiptKey } });
        assert.ok(result.verified, JSON.stringify(result.steps));
        assert.equal(result.value.outcome, 'allow');
        assert.equal(result.value.operatorTrusted, true);
        assert.equal(result.value.simulated, true);
      }
    });
  }

  test('names its steps in the order of FORMATS', async () => {
    const of = await scene('key.release');
    assert.deepEqual(ladderOf(verify(of)), [
      ...['bundle: ok', 'question: ok', 'checkpoint: ok', 'quorum: skipped', 'replay: skipped'],
      ...['consistency: skipped', 'tip: ok', 'genesis: ok', 'rules: ok', 'freshness: ok', 'facts: ok'],
      ...['entries: skipped', 'decision: ok', 'clock: ok'],
    ]);
  });

  test('of a denial verifies as one', async () => {
    const of = await scene('key.release', {}, { wrapKid: new Uint8Array(32) });
    const result = verify(of);
    assert.ok(result.verified);
    assert.deepEqual([result.value.outcome, result.value.recorded.reason], ['deny', 'WRAPPING_KEY_MISMATCH']);
  });

  test('is written back as it was read', async () => {
    for (const { step } of GATES) {
      const { bundle } = await scene(step);
      assert.ok(equal(encodeBundle(decodeBundle(bundle)), bundle), step);
    }
  });

  test('of a key release of the COVID-19 run is below 4 KB without signature lines, with everything below 16 KB', async () => {
    const { log, request } = grantedRelease(crypto);
    const size = async (full: boolean) => {
      const { bundle } = await log.gate('key.release', request(full));
      return sizeWithoutLines(bundle, decodeBundle(bundle));
    };
    const [basic, full] = [await size(false), await size(true)];
    assert.ok(basic < 4096, `${basic} bytes`);
    assert.ok(full < 16_384, `${full} bytes`);
  });
});

/** Every `step`th byte changed, each in another bit; left out, doubled, and everything from it on left out. */
function* damaged(bytes: Bytes, step = 1): Generator<Bytes> {
  for (let i = 0; i < bytes.length; i += step) {
    yield Uint8Array.from(bytes).fill(bytes[i]! ^ (1 << (i % 8)), i, i + 1);
    if (i % 8 === 0) yield concat(bytes.subarray(0, i), bytes.subarray(i + 1));
    if (i % 8 === 3) yield concat(bytes.subarray(0, i), bytes.subarray(i, i + 1), bytes.subarray(i));
    if (i % 8 === 6) yield bytes.slice(0, i);
  }
  yield concat(bytes, Uint8Array.of(0));
}

/** Verifies one signature once: thousands of bundles here have the same one, undamaged. */
const remembering: Crypto = {
  ...crypto,
  importPublicKey(algorithm, bytes) {
    const name = toHex(bytes);
    const known = imported.get(name) ?? rememberingKey(crypto.importPublicKey(algorithm, bytes));
    imported.set(name, known);
    return known;
  },
};
const imported = new Map<string, PublicKey>();

describe('mangled', () => {
  /**
   * Nothing damaged verifies. The one exception is the format's own: `at` is nobody's signed word, and may lie where the
   * verifier's clock allows; all is judged again at that time.
   */
  const never = (of: Scene, bytes: Iterable<Bytes>, more: Partial<BundleEvidence> = {}) => {
    const { at } = decodeBundle(of.bundle);
    for (const bad of bytes) {
      const found = outcome(verify(of, bad, { crypto: remembering, ...more }));
      if (!['allow', 'deny', 'report', 'as of'].includes(found)) continue;
      assert.notEqual(decodeBundle(bad).at, at, found);
      assert.ok(
        equal(
          edited(bad, () => ({ at })),
          of.bundle,
        ),
        found,
      );
    }
  };

  test('no byte of a bundle can be changed, and none left out or put in', async () => {
    const of = await scene('key.release');
    never(of, damaged(of.bundle));
  });

  test('nor of one that brings everything', async () => {
    const of = await scene('key.release', {}, { full: true });
    never(of, damaged(of.bundle, 5));
  });

  test('nor of a denial', async () => {
    const of = await scene('key.release', {}, { nonce: new Uint8Array(32) });
    assert.equal(outcome(verify(of)), 'deny');
    never(of, damaged(of.bundle, 3));
  });

  test('nor of an archived one', async () => {
    const of = await scene('contract.activate');
    never(of, damaged(of.bundle, 7), { archive: true });
  });
});

describe('what an attacker would do with the facts', () => {
  test('drop one: BUNDLE_INCOMPLETE', async () => {
    const of = await scene('key.release', {}, { full: true });
    const { facts } = decodeBundle(of.bundle);
    for (const dropped of facts) {
      const bundle = edited(of.bundle, () => ({ facts: facts.filter((fact) => fact !== dropped) }));
      assert.equal(codeOf(verify(of, bundle)), 'BUNDLE_INCOMPLETE');
    }
  });

  test('add one, double one, swap two: BUNDLE_MALFORMED', async () => {
    const of = await scene('key.release');
    const { facts } = decodeBundle(of.bundle);
    const key = CLEANROOM.key(urnOf(of.r.world, 'cleanroom', 9));
    const { facts: added } = await of.log.facts([key]);
    for (const changed of [
      [...facts, ...added],
      [...added, ...facts],
      [...facts, facts[0]!],
      [facts[0]!, facts[2]!, facts[1]!, ...facts.slice(3)],
    ]) {
      assert.equal(
        codeOf(
          verify(
            of,
            edited(of.bundle, () => ({ facts: changed })),
          ),
        ),
        'BUNDLE_MALFORMED',
      );
    }
  });

  test('take one from another tip: FACT_INVALID', async () => {
    const of = await scene('key.release');
    const then = await of.log.gate(of.step, of.request);
    edit(of.r.world, RELEASE, { state: 'CANCELLED' }, urnOf(of.r.world, 'release'));
    of.log.commit();
    const now = await of.log.gate(of.step, of.request);
    assert.equal(now.reason, 'RELEASE_CANCELLED');
    const old = decodeBundle(then.bundle).facts;
    const facts = decodeBundle(now.bundle).facts.map((fact, i) => (i === 1 ? old[1]! : fact));
    const bundle = edited(now.bundle, () => ({ facts, decision: 'allow', reason: null }));
    assert.equal(codeOf(verify({ ...of, now: of.log.world.time }, bundle)), 'FACT_INVALID');
  });

  test('prove present what is absent, and the other way round: FACT_INVALID', async () => {
    const of = await scene(
      'key.release',
      {},
      { release: 'urn:depa:release:log.example/test:00000000-0000-4000-8000-000000000009' },
    );
    assert.equal(outcome(verify(of)), 'deny');
    const honest = decodeBundle((await scene('key.release')).bundle);
    const { facts } = decodeBundle(of.bundle);
    const [genesis, absent] = facts;
    const { value } = honest.facts[1]!;
    assert.ok(value && absent!.value === null);
    for (const forged of [
      [genesis!, { ...absent!, value }],
      [{ ...genesis!, proof: absent!.proof }, absent!],
    ]) {
      assert.equal(
        codeOf(
          verify(
            of,
            edited(of.bundle, () => ({ facts: forged })),
          ),
        ),
        'FACT_INVALID',
      );
    }
  });
});

describe('what an attacker would do with the rest', () => {
  test('flip the decision, or its reason: DECISION_MISMATCH', async () => {
    const allowed = await scene('key.release');
    const denied = await scene('key.release', {}, { wrapKid: new Uint8Array(32) });
    for (const [of, change] of [
      [allowed, { decision: 'deny', reason: 'RELEASE_EXPIRED' }],
      [denied, { decision: 'allow', reason: null }],
      [denied, { decision: 'deny', reason: 'RELEASE_EXPIRED' }],
    ] as const) {
      assert.equal(
        codeOf(
          verify(
            of,
            edited(of.bundle, () => change),
          ),
        ),
        'DECISION_MISMATCH',
      );
    }
  });

  test('answer another request, or another step: REQUEST_MISMATCH', async () => {
    const of = await scene('key.release');
    const other = { ...questions(of.r)['key.release'], release: urnOf(of.r.world, 'release', 2) };
    const asked = (step: string, request: unknown) => ({ question: { step, request: request as Cbor } });
    assert.equal(codeOf(verify(of, of.bundle, asked('key.release', other))), 'REQUEST_MISMATCH');
    assert.equal(codeOf(verify(of, of.bundle, asked('run.start', of.request))), 'REQUEST_MISMATCH');
    // The bundle made to fit the question no longer fits its facts.
    const fitted = edited(of.bundle, () => ({ request: other as unknown as Cbor }));
    assert.equal(codeOf(verify(of, fitted, asked('key.release', other))), 'BUNDLE_INCOMPLETE');
  });

  test('answer for another log', async () => {
    const of = await scene('key.release');
    const { log: elsewhere } = SmallLog.begin(crypto, 'other.example/log');
    assert.equal(codeOf(verify({ ...of, trust: elsewhere.trust() })), 'NOTE_UNSIGNED');
    // A log of the same keys with another genesis.
    const genesis = digestOf(of.r.world, 'another genesis');
    assert.equal(codeOf(verify({ ...of, trust: { ...of.trust, genesis } })), 'ORIGIN_MISMATCH');
  });

  test('choose the time: judged later or earlier than it may be', async () => {
    const of = await scene('key.release');
    const at = (milliseconds: number) => edited(of.bundle, (bundle) => ({ at: bundle.at + milliseconds }));
    assert.equal(codeOf(verify(of, at(-1))), 'TIP_INVALID');
    assert.equal(codeOf(verify(of, at(30_001))), 'TIP_INVALID');
    assert.equal(outcome(verify(of, at(29_000))), 'allow');
    assert.equal(codeOf(verify({ ...of, now: of.now + 61_001 })), 'STALE');
    // The grant holds for 60 s: by the verifier's own clock it has expired, whatever the bundle says.
    const late = verify({ ...of, now: of.now + 59_500 });
    assert.equal(codeOf(late), 'STALE');
    assert.equal(late.steps.at(-1)?.step, 'clock');
  });

  test('go without a clock: only into the archive', async () => {
    const of = await scene('key.release');
    const { now: _, ...rest } = of;
    const evidence = { crypto, trust: rest.trust, bundle: of.bundle, insecureTrustOperator: true };
    const question = { step: of.step, request: of.request };
    assert.equal(codeOf(verifyBundle({ ...evidence, question })), 'ARGUMENT_INVALID');
    const archived = verifyBundle({ ...evidence, question, archive: true });
    assert.ok(archived.verified);
    assert.equal(archived.value.outcome, 'as of');
    assert.equal(archived.value.recorded.decision, 'allow');
  });

  test('take an earlier tip of the same log: TIP_INVALID', async () => {
    const of = await scene('key.release');
    const { tip } = decodeBundle(of.bundle);
    of.log.commit(of.log.statement(of.log.world.member('lab'), 'more'));
    const now = await of.log.gate(of.step, of.request);
    assert.equal(
      codeOf(
        verify(
          of,
          edited(now.bundle, () => ({ tip })),
        ),
      ),
      'TIP_INVALID',
    );
  });

  test('state of rules that are not accepted: RULES_MISMATCH, also where the trust file names none', async () => {
    const of = await scene('key.release');
    const rules = [digestOf(of.r.world, 'rules')];
    assert.equal(codeOf(verify({ ...of, trust: { ...of.trust, rules } })), 'RULES_MISMATCH');
    const { rules: _, ...unlisted } = of.trust;
    assert.equal(outcome(verify({ ...of, trust: unlisted })), 'allow');
  });

  test('a report is never an answer', async () => {
    const of = await scene('key.release');
    const { trust, bundle, now } = of;
    const report = verifyBundle({ crypto, trust, bundle, now, insecureTrustOperator: true });
    assert.ok(report.verified);
    assert.equal(report.value.outcome, 'report');
  });

  test('members that do not belong, and forms that are not ours: BUNDLE_MALFORMED', async () => {
    const of = await scene('key.release');
    const members = [...(decode(of.bundle) as ReadonlyMap<string, Cbor>)];
    const without = (name: string) => encode(new Map(members.filter(([key]) => key !== name)));
    const bad = [
      ...members.map(([name]) => without(name)),
      encode(new Map([...members, ['extra', 1]])),
      encode(new Map([...members, ['v', 2]])),
      encode([]),
      new Uint8Array(),
      encode(new Map([...members, ['reason', 'X']])),
    ];
    for (const bytes of bad) assert.equal(codeOf(verify(of, bytes)), 'BUNDLE_MALFORMED');
  });
});

describe('marks', () => {
  const marked = async () => {
    const of = await scene('key.release');
    const seen = of.log.headAt();
    of.log.commit(of.log.statement(of.log.world.member('lab'), 'more'));
    const { bundle } = await of.log.gate(of.step, of.request, seen.size);
    return { of: { ...of, now: of.log.world.time }, seen, bundle };
  };

  test('above a mark: its own root has to be extended', async () => {
    const { of, seen, bundle } = await marked();
    const withMarks = (root: Bytes, bytes = bundle) =>
      verify(of, bytes, { marks: { logged: { size: seen.size, root } } });
    assert.equal(outcome(withMarks(seen.root)), 'allow');
    assert.equal(codeOf(withMarks(digestOf(of.r.world, 'another root'))), 'FORK');
    const { consistency: _, ...bare } = decodeBundle(bundle);
    assert.equal(codeOf(withMarks(seen.root, encodeBundle(bare))), 'BUNDLE_INCOMPLETE');
    const seenNot: Set<string> = new Set();
    for (const bad of damaged(bundle, 13)) seenNot.add(outcome(withMarks(seen.root, bad)));
    assert.ok(!seenNot.has('allow') && !seenNot.has('deny'));
  });

  test('a proof from a tree that the verifier does not hold has no place in it', async () => {
    const { of, bundle } = await marked();
    assert.equal(codeOf(verify(of, bundle)), 'BUNDLE_MALFORMED');
    assert.equal(outcome(verify(of, bundle, { archive: true })), 'as of');
  });

  test('at the mark: the same root, or it is a FORK; below it: STALE', async () => {
    const of = await scene('key.release');
    const { size, root } = of.log.headAt();
    const at = (logged: { size: number; root: Bytes }) =>
      codeOf(verify(of, of.bundle, { marks: { logged } }));
    assert.equal(at({ size, root }), 'verified');
    assert.equal(at({ size, root: digestOf(of.r.world, 'another root') }), 'FORK');
    assert.equal(at({ size: size + 1, root }), 'STALE');
  });
});

describe('who vouches for the state', () => {
  const names = ['w1', 'w2', 'r1', 'r2'] as const;
  const keys = Object.fromEntries(
    names.map((name) => [
      name,
      cosigner(crypto, `${name}.example`, crypto.importPrivateKey('Ed25519', crypto.sha256(encode(name)))),
    ]),
  ) as Record<(typeof names)[number], ReturnType<typeof cosigner>>;
  const policyOf = (quorum: string) =>
    `${names.map((name) => `witness ${name} ${formatVerifierKey(keys[name].verifierKey)}\n`).join('')}${quorum}\n`;

  const cosigned = async (quorum: string, signers: readonly (typeof names)[number][], age = 0) => {
    const of = await scene('key.release');
    const at = Math.floor(of.now / 1000) - age;
    of.log.cosigners = signers.map((name) => ({ cosigner: keys[name], at: () => at }));
    const { bundle } = await of.log.gate(of.step, of.request);
    const policyText = policyOf(quorum);
    const trust = { ...of.trust, policyText, policy: parsePolicy(policyText), replayers: ['r1', 'r2'] };
    return { ...of, bundle, trust };
  };
  const BOTH = 'group ws any w1 w2\ngroup rs any r1 r2\ngroup all2 all ws rs\nquorum all2';
  const strict = { insecureTrustOperator: false };

  test('without a policy, and without being told to trust the operator, nothing is allowed', async () => {
    const of = await scene('key.release');
    assert.equal(codeOf(verify(of, of.bundle, strict)), 'QUORUM_NOT_MET');
    // An archive is no way round.
    assert.equal(codeOf(verify(of, of.bundle, { ...strict, archive: true })), 'QUORUM_NOT_MET');
  });

  test('a quorum of witnesses and replayers', async () => {
    const of = await cosigned(BOTH, ['w1', 'r2']);
    const result = verify(of, of.bundle, strict);
    assert.ok(result.verified, JSON.stringify(result.steps));
    assert.deepEqual([result.value.outcome, result.value.operatorTrusted], ['allow', false]);
    assert.equal(result.value.witnessed, true);
  });

  test('witnesses alone, replayers alone, nobody: QUORUM_NOT_MET', async () => {
    for (const signers of [['w1', 'w2'], ['r1', 'r2'], []] as const) {
      const of = await cosigned(BOTH, signers);
      assert.equal(codeOf(verify(of, of.bundle, strict)), 'QUORUM_NOT_MET');
      // Nor does trusting the operator waive the trust file's own quorum.
      assert.equal(codeOf(verify(of)), 'QUORUM_NOT_MET');
    }
  });

  test('a policy that can be met without a replayer, or without a witness, is not enough', async () => {
    for (const quorum of [
      'group any4 any w1 w2 r1 r2\nquorum any4',
      'group two 2 w1 w2 r1 r2\nquorum two',
      'group rs all r1 r2\nquorum rs',
      'quorum w1',
    ]) {
      const of = await cosigned(quorum, ['w1', 'w2', 'r1', 'r2']);
      assert.equal(codeOf(verify(of, of.bundle, strict)), 'QUORUM_NOT_MET', quorum);
      assert.equal(outcome(verify(of)), 'allow', 'the operator is trusted');
    }
    const three = await cosigned('group three 3 w1 w2 r1 r2\nquorum three', ['w1', 'w2', 'r1', 'r2']);
    assert.equal(outcome(verify(three, three.bundle, strict)), 'allow');
    const { replayers: _, ...none } = three.trust;
    assert.equal(codeOf(verify({ ...three, trust: none }, three.bundle, strict)), 'QUORUM_NOT_MET');
  });

  test('a head that the quorum saw long ago is STALE, whatever time it is judged at', async () => {
    const of = await cosigned(BOTH, ['w1', 'r1'], 61);
    assert.equal(codeOf(verify(of, of.bundle, strict)), 'STALE');
    assert.equal(codeOf(verify(of)), 'STALE');
  });

  test('a known cosigner’s signature that was changed is refused, not passed over', async () => {
    const of = await cosigned(BOTH, ['w1', 'w2', 'r1']);
    const note = parseNote(decodeBundle(of.bundle).checkpoint);
    const signatures = note.signatures.map((signature, i) => {
      return i === 1
        ? { ...signature, signature: signature.signature.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) }
        : signature;
    });
    const checkpoint = formatNote({ ...note, signatures });
    assert.equal(
      codeOf(
        verify(
          of,
          edited(of.bundle, () => ({ checkpoint })),
          strict,
        ),
      ),
      'SIGNATURE_INVALID',
    );
  });
});

test('the room that was granted is the room that is read', async () => {
  const { log } = SmallLog.begin(crypto);
  const r = grantedRoom(log.world);
  edit(log.world, CLEANROOM, { blocked: { entry: 1, at: log.world.time } }, r.room);
  log.commit();
  assert.ok(roomOf(r).blocked);
  const { reason } = await log.gate('key.release', questions(r)['key.release'] as unknown as Cbor);
  assert.equal(reason, 'CLEANROOM_BLOCKED');
});
