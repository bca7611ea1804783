/** What a monitor raises against a lying log becomes a file that convicts it before anybody, and offline. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsRoot } from '../../../src/chain/index.ts';
import { utf8 } from '../../../src/core/bytes.ts';
import { caseFiles, PROOF_FILE } from '../../../src/monitor/alarms/case-file.ts';
import { RuleWatch } from '../../../src/monitor/alarms/watch.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { type MisbehaviourKind, verifyMisbehaviour } from '../../../src/verify/index.ts';
import { falsify } from '../../verify/misbehaving-log.ts';
import { WatchedLog } from '../watched-log.ts';

/** The kind that the last alarm convicts the log of. */
function convictedOf(log: WatchedLog, code: string): MisbehaviourKind {
  const alarm = log.alarms.at(-1)!;
  assert.equal(alarm.code, code);
  const trust = log.view.trust();
  const proof = caseFiles(crypto, trust, alarm).find(({ name }) => name === PROOF_FILE);
  assert.ok(proof, `${code} convicts nobody`);
  const result = verifyMisbehaviour({ crypto, trust, file: proof.content });
  assert.ok(result.verified);
  return result.value.kind;
}

test('another history: as long, longer than a perfect tree, longer than any other', async () => {
  for (const [here, there, kind] of [
    [2, 2, 'fork'],
    [1, 4, 'unconnected'],
    [3, 5, 'unconnected'],
  ] as const) {
    const log = new WatchedLog();
    const other = log.view.fork();
    log.grow(here);
    await log.look();
    other.commit(other.statement(log.member, 'another history'));
    log.grow(there - 1, other);
    log.view = other;
    await log.look();
    assert.equal(convictedOf(log, 'FORK'), kind);
  }
});

test('state entries that do not follow: state root, effects, time', async () => {
  const zero = new Uint8Array(32);
  for (const [code, change, kind] of [
    ['STATE_MISMATCH', { mapRoot: zero }, 'state'],
    ['STATE_MISMATCH', { mapCount: 1 }, 'state'],
    ['STATE_MISMATCH', { effectsRoot: zero }, 'state'],
    ['TIME_BACK', { time: 1 }, 'time'],
  ] as const) {
    const log = new WatchedLog();
    const { world } = log.view;
    const newcomer = world.member('newcomer');
    log.view.commit(world.sign(newcomer, 'participant.register', world.registration(newcomer)));
    await log.look();
    // Refers to an earlier entry, which has to be shown as well.
    log.view.commit(world.verification(newcomer), log.view.statement(log.member, 'beside it'));
    falsify(log.view, change);
    log.grow(2);
    await log.look();
    assert.equal(convictedOf(log, code), kind);
  }
});

test('an entry that the rules refuse, logged as refused, and passed off as accepted', async () => {
  const log = new WatchedLog();
  log.view.commit(utf8('no statement'));
  await log.look();
  assert.equal(convictedOf(log, 'INVALID_ENTRY'), 'refused');
  const index = log.view.commit(log.view.statement(log.view.world.member('nobody'), 'x'));
  falsify(log.view, { effectsRoot: effectsRoot(crypto, [{ index, outcome: 'ok', reason: null }]) });
  await log.look();
  assert.equal(convictedOf(log, 'STATE_MISMATCH'), 'state');
});

test('the rules watch beside the replay, and an honest log gives them nothing to say', async () => {
  const log = new WatchedLog();
  log.grow(2);
  await log.open({ watcher: new RuleWatch() });
  await log.look();
  log.grow(1);
  await log.open({ watcher: new RuleWatch() });
  await log.look();
  assert.deepEqual(log.codes, []);
});
