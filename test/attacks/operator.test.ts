/**
 * What the operator of a log can try, with the log's real keys and everything else that it has, and who notices. Each test is
 * one attack; docs/threat-model.md refers to them by their names.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { PARTICIPANT } from '../../src/chain/index.ts';
import type { LedgerClient } from '../../src/client/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { verifyRegistration } from '../../src/verify/index.ts';
import { Scene } from './scene.ts';
import { UnattestedRelease } from './unattested-release.ts';

const refused =
  (...codes: string[]) =>
  (error: unknown) =>
    codes.some((code) => isLedgerError(error, code)) ||
    assert.fail(`${String(error)} is none of ${codes.join()}`);

describe('an operator who lies', () => {
  let scene: Scene;
  let operator: Scene['operator'];
  let log: Scene['operator']['log'];
  /** Who has been using the log since before the attack. */
  let client: LedgerClient;

  beforeEach(async () => {
    scene = await Scene.begin();
    ({ operator } = scene);
    ({ log } = operator);
    operator.grow(log, 3, 'honest');
    assert.deepEqual(await operator.publish(), { w: 'cosigned', r: 'cosigned' });
    client = await scene.client();
    assert.equal((await client.getCheckpoint()).witnessed, true);
    await client.facts([]);
  });
  afterEach(() => scene.close());

  /** What the cosigners make of the head that is shown. */
  const publishes = async (expected: Record<string, RegExp>, view?: typeof log) => {
    const answers = await operator.publish(view);
    for (const [name, pattern] of Object.entries(expected)) assert.match(answers[name]!, pattern, name);
  };
  /** Nobody who comes for the first time is told anything about the state. */
  const newcomerRefuses = async (...codes: string[]) => {
    const newcomer = await scene.client();
    await assert.rejects(newcomer.facts([PARTICIPANT.key(operator.member.did)]), refused(...codes));
  };
  /** The monitor's alarm; its files convict the log of this, or accuse it (unconnected), whoever reads them. */
  const convicted = async (code: string, ...kinds: string[]) => {
    const alarm = await scene.alarm(code);
    assert.ok(kinds.includes(scene.convictedOf(alarm)!), String(scene.convictedOf(alarm)));
    return alarm;
  };
  const last = () => log.size - 2;
  const OK = /^cosigned$/;
  const REFUSED = /^WITNESS_REFUSED .* 422/;

  test('rewrites an entry', async () => {
    const view = log.fork();
    const other = view.statement(operator.member, 'what was never said');
    view.leaves[last()] = { ...view.leaves[last()]!, leafData: crypto.sha256(other), statement: other };
    operator.show(view);
    await publishes({ w: REFUSED, r: REFUSED });
    await assert.rejects(client.getCheckpoint(), refused('FORK'));
    await assert.rejects(client.facts([]), refused('QUORUM_NOT_MET'));
    // Growing out of it does not help, and who comes for the first time finds a head that nobody has cosigned.
    operator.grow(view, 2, 'more');
    await publishes({ w: REFUSED, r: REFUSED });
    await assert.rejects(client.getCheckpoint(), refused('FORK'));
    await newcomerRefuses('QUORUM_NOT_MET');
    await convicted('FORK', 'fork', 'unconnected');
  });

  test('drops an entry', async () => {
    const view = log.fork();
    const [kept, dropped] = ['kept', 'dropped'].map((text) => log.statement(operator.member, text));
    operator.commit(log, kept!, dropped!);
    await publishes({ w: OK, r: OK });
    const { receipt } = await client.register(dropped!);
    operator.commit(view, kept!);
    operator.show(view);
    operator.grow(view, 2, 'after it');
    await publishes({ w: REFUSED, r: REFUSED });
    // Whoever holds the receipt holds the log to it.
    await assert.rejects(client.getReceipt(crypto.sha256(dropped!)), refused('NOT_FOUND'));
    await assert.rejects(client.getCheckpoint(), refused('FORK'));
    const evidence = { crypto, trust: log.trust(), statement: dropped!, receipt };
    assert.ok(verifyRegistration(evidence).verified, 'the receipt is good for ever');
    await newcomerRefuses('QUORUM_NOT_MET');
    await convicted('FORK', 'fork', 'unconnected');
  });

  test('forks the view for one client', async () => {
    const view = log.fork();
    operator.grow(log, 2, 'for everybody');
    operator.grow(view, 2, 'for the victim');
    // Everybody else goes on as before.
    await publishes({ w: OK, r: OK }, log);
    await publishes({ w: REFUSED, r: REFUSED }, view);
    const apart = await scene.apart(view);
    const victim = await apart.client('http', scene.trust);
    await assert.rejects(victim.facts([]), refused('QUORUM_NOT_MET'));
    // A head that the victim was shown, beside one that others were shown.
    const shown = await victim.getCheckpoint();
    assert.equal(shown.witnessed, false);
    await client.getCheckpoint();
    await assert.rejects(client.consistency(shown), refused('CONSISTENCY_INVALID', 'FORK'));
    // Who was a user before is shown that the two do not go together.
    operator.show(view);
    await assert.rejects(client.getCheckpoint(), refused('FORK'));
    await convicted('FORK', 'fork', 'unconnected');
  });

  test('serves an old tree', async () => {
    const old = log.fork();
    operator.grow(log, 2, 'what must not be seen');
    await publishes({ w: OK, r: OK });
    await client.facts([]);
    operator.show(old);
    await assert.rejects(client.getCheckpoint(), refused('STALE'));
    await assert.rejects(client.facts([]), refused('STALE'));
    // Nobody renews its cosignatures, so that to others it is old as soon as the trust file says so.
    await publishes({ w: /WITNESS_REFUSED .* 400/, r: /WITNESS_REFUSED .* 400/ });
    const later = await scene.client({ now: () => Date.now() + 61_000 });
    await assert.rejects(later.facts([]), refused('STALE'));
    await scene.alarm('OLD_TREE');
  });

  test('forges the state root', async () => {
    const key = PARTICIPANT.key(operator.member.did);
    log.world.activate(operator.member);
    operator.grow(log, 1, 'a state that no entry leads to');
    await publishes({ w: OK, r: REFUSED });
    await assert.rejects(client.facts([key]), refused('QUORUM_NOT_MET'));
    await newcomerRefuses('QUORUM_NOT_MET');
    // Witnesses alone do not notice: that is what replayers are for.
    const trusting = await scene.client({ trust: scene.witnessesOnly });
    const { values } = await trusting.facts([key]);
    assert.equal(PARTICIPANT.decode(values[0]!).state, 'ACTIVE');
    assert.match((await convicted('STATE_MISMATCH', 'state')).detail, /mapRoot/);
  });

  test('logs an invalid grant', async () => {
    const attack = new UnattestedRelease(operator, log);
    attack.prepare();
    await publishes({ w: OK, r: OK });
    const before = log.size;
    const kms = await scene.client();
    // A KMS that takes the operator's word.
    const trusting = await scene.client({ insecureTrustOperator: true, trust: scene.witnessesOnly });
    const [request, other] = attack.grant(kms.drawNonce(), trusting.drawNonce());
    await publishes({ w: OK, r: REFUSED });
    await assert.rejects(kms.checkKeyRelease(request), refused('QUORUM_NOT_MET'));
    assert.equal((await trusting.checkKeyRelease(other)).decision, 'allow');
    const { detail, index } = await convicted('STATE_MISMATCH', 'state');
    assert.ok(index! >= before, detail);
  });

  test('moves time back', async () => {
    const { time } = log.world;
    log.world.time = time - 10_000;
    log.commit(log.statement(operator.member, 'before its time'));
    await publishes({ w: OK, r: REFUSED });
    await assert.rejects(client.facts([]), refused('QUORUM_NOT_MET'));
    await convicted('TIME_BACK', 'time');
  });

  test('withholds a body', async () => {
    operator.grow(log, 1, 'nobody may read this');
    const withheld = last();
    // Everything is there but what was said; only its hash is.
    const view = log.fork();
    view.leaves[withheld] = { ...view.leaves[withheld]!, statement: null };
    operator.served.lies = { tile: (path) => view.tile(path), entry: (of) => view.entry(of) };
    await publishes({ w: OK, r: /^UNAVAILABLE .* 503/ });
    await assert.rejects(client.entry({ index: withheld }), refused('PREIMAGE_MISMATCH'));
    await assert.rejects(client.facts([]), refused('QUORUM_NOT_MET'));
    assert.equal((await scene.alarm('BODY_MISSING')).index, withheld);
  });

  test('dates an entry ahead', async () => {
    log.world.time = Date.now() + 120_000;
    log.commit(log.statement(operator.member, 'when everything has expired'));
    await publishes({ w: OK, r: REFUSED });
    assert.equal((await scene.alarm('CLOCK_SKEW')).index, log.size - 1);
    await assert.rejects(client.facts([]), refused('QUORUM_NOT_MET'));
    const trusting = await scene.client({ trust: scene.witnessesOnly });
    await assert.rejects(trusting.facts([]), refused('TIP_INVALID'));
  });

  test('logs what its rules refuse', async () => {
    const stranger = log.world.member('nobody-knows');
    const index = operator.commit(log, log.statement(stranger, 'I am nobody'));
    assert.equal(log.leaves[index]!.verdict!.outcome, 'refused');
    // It has no effect, and the state says so: the log goes on, and everybody is told.
    await publishes({ w: OK, r: OK });
    assert.equal((await convicted('INVALID_ENTRY', 'refused')).index, index);
    assert.equal((await client.effect(index)).outcome, 'refused');
    assert.equal(scene.monitor.status.convicted, null);
  });

  test('restores an old backup and goes on', async () => {
    const backup = log.fork();
    operator.grow(log, 3, 'since the backup');
    await publishes({ w: OK, r: OK });
    await client.facts([]);
    operator.show(backup);
    operator.grow(backup, 2, 'another day');
    await publishes({ w: /WITNESS_REFUSED .* 400/, r: /WITNESS_REFUSED .* 400/ });
    await assert.rejects(client.getCheckpoint(), refused('FORK', 'STALE'));
    operator.grow(backup, 2, 'and another');
    await publishes({ w: REFUSED, r: REFUSED });
    await assert.rejects(client.getCheckpoint(), refused('FORK'));
    await newcomerRefuses('QUORUM_NOT_MET');
    await convicted('FORK', 'fork', 'unconnected');
  });
});
