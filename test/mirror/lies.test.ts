/** What a mirror does when the log that it copies is not what it has signed, and what it keeps of that. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { cosigner, formatVerifierKey, parsePolicy } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { Trust } from '../../src/verify/index.ts';
import { verifyMisbehaviour } from '../../src/verify/index.ts';
import type { Member } from '../chain/world.ts';
import { type Served, serve } from '../client/served.ts';
import { SmallLog } from '../verify/small-log.ts';
import { type Mirrored, mirrorOf } from './mirrored.ts';

const signal = new AbortController().signal;
const code = (expected: string) => (error: unknown) =>
  isLedgerError(error, expected) || assert.fail(String(error));

describe('a mirror of a log that lies', () => {
  let log: SmallLog;
  let member: Member;
  let trust: Trust;
  let served: Served;
  let mirrored: Mirrored;
  let size: number;
  const say = (of: SmallLog, what: string) => of.commit(of.statement(member, what));
  const stops = async (expected: string) => {
    const before = mirrored.mirror.log.head;
    await assert.rejects(mirrored.mirror.catchUp(signal), code(expected));
    assert.equal(mirrored.report().code, expected);
    // What was verified is served all the same, and the mirror says that it does not follow.
    assert.deepEqual(mirrored.mirror.log.head, before);
    assert.equal(mirrored.mirror.log.status.following, false);
  };
  const convicts = (kind: string) => {
    const [, file] = [...mirrored.kept].find(([name]) => name.endsWith('.misbehaviour')) ?? [];
    assert.ok(file, 'there is a proof');
    const verified = verifyMisbehaviour({ crypto, trust, file });
    assert.ok(verified.verified, JSON.stringify(verified.steps));
    assert.equal(verified.value.kind, kind);
  };

  beforeEach(async () => {
    ({ log, member } = SmallLog.begin(crypto));
    for (let i = 0; i < 3; i++) say(log, `honest ${i}`);
    trust = log.trust();
    served = await serve(log);
    mirrored = await mirrorOf(`http://127.0.0.1:${served.ports.http}`, trust);
    await mirrored.mirror.catchUp(signal);
    size = log.size;
  });
  afterEach(async () => {
    await mirrored.close();
    await served.close();
  });

  test('two trees of one size', async () => {
    const view = log.fork();
    const other = view.statement(member, 'never said');
    view.leaves[size - 2] = { ...view.leaves[size - 2]!, leafData: crypto.sha256(other), statement: other };
    served.ledger = view;
    await stops('FORK');
    convicts('fork');
  });

  test('a tree that does not extend the one before', async () => {
    const view = log.fork();
    view.leaves.splice(size - 2, 2);
    for (const what of ['another', 'and more', 'and more']) say(view, what);
    served.ledger = view;
    await stops('FORK');
    convicts('rewrite');
  });

  test('an older tree of another history', async () => {
    const view = log.fork();
    view.leaves.splice(size - 4, 4);
    say(view, 'another');
    served.ledger = view;
    await stops('FORK');
  });

  test('an older tree of the same history is a cache that is behind', async () => {
    const before = mirrored.mirror.log.head;
    served.lies = { checkpoint: () => log.headAt(size - 2) };
    assert.deepEqual(await mirrored.mirror.catchUp(signal), before);
  });

  test('a state root that replay does not lead to', async () => {
    const view = log.fork();
    view.world.state.set('00', new Uint8Array([1]));
    say(view, 'with a record that nothing made');
    served.ledger = view;
    await stops('STATE_INVALID');
    convicts('state');
  });

  test('time going back', async () => {
    log.world.time -= 60_000;
    say(log, 'before its time');
    await stops('STATE_INVALID');
    convicts('state');
  });

  test('a body that is not served', async () => {
    say(log, 'nobody may read this');
    served.lies = {
      tile: async (path) => {
        if (path.startsWith('tile/statements/')) throw fail('NOT_FOUND', 'lost');
        return log.tile(path);
      },
    };
    await stops('BODY_MISSING');
  });

  test('one wrong byte in a tile: asked for again, and the mirror stops if it stays', async () => {
    let wrong = 2;
    served.lies = {
      tile: async (path) => {
        const bytes = (await log.tile(path)).slice();
        if (path.startsWith('tile/entries/') && wrong-- > 0) bytes[40]! ^= 1;
        return bytes;
      },
    };
    say(log, 'one');
    assert.equal((await mirrored.mirror.catchUp(signal)).size, log.size);
    assert.ok(mirrored.events.includes('what the log serves does not fit; asking again'));
    wrong = 1000;
    say(log, 'two');
    await stops('TILE_INVALID');
    assert.equal(mirrored.report().checkpoints.length, 1);
  });

  test('a checkpoint that somebody else has signed', async () => {
    const { log: stranger } = SmallLog.begin(crypto, 'stranger.example/log');
    served.ledger = stranger;
    await stops('NOTE_UNSIGNED');
  });

  test('a receipt for another entry says nothing', async () => {
    const view = log.fork();
    say(log, 'for the tiles');
    say(view, 'for the receipts');
    served.lies = {
      receipt: async (entryId) => ({
        ...(await log.receipt(entryId)),
        receipt: view.receiptFor(view.size - 2),
      }),
    };
    assert.equal((await mirrored.mirror.catchUp(signal)).size, log.size);
    assert.throws(() => mirrored.mirror.log.receiptHead(log.size - 2), code('MIRROR_BEHIND'));
  });

  test('a receipt over another tree than that of the checkpoint', async () => {
    const view = log.fork();
    const other = view.statement(member, 'never said');
    view.leaves[size - 2] = { ...view.leaves[size - 2]!, leafData: crypto.sha256(other), statement: other };
    const same = log.statement(member, 'in both');
    for (const each of [log, view]) each.commit(same);
    served.lies = { receipt: (entryId) => view.receipt(entryId) };
    await assert.rejects(mirrored.mirror.catchUp(signal), code('FORK'));
    convicts('fork');
  });

  test('an entry that the rules refuse is copied with its verdict; one that is there twice is not', async () => {
    const refused = log.commit(log.world.sign(member, 'policy.publish', { version: 7 }));
    await mirrored.mirror.catchUp(signal);
    assert.ok(mirrored.events.includes('the log holds an entry that its rules refuse'));
    const verdicts = await mirrored.mirror.log.verdicts(log.size - 1);
    assert.equal(verdicts?.[0]?.outcome, 'refused');
    assert.equal(verdicts?.[0]?.index, refused);
    const twice = log.statement(member, 'twice');
    log.commit(twice);
    log.commit(twice);
    await assert.rejects(mirrored.mirror.catchUp(signal), code('DUPLICATE'));
  });

  test('a checkpoint without the quorum of the trust file is not copied', async () => {
    const key = crypto.generatePrivateKey('Ed25519');
    const witness = cosigner(crypto, 'w.example', key);
    const policyText = `witness w ${formatVerifierKey(witness.verifierKey)}\nquorum w\n`;
    const strict = { ...trust, policy: parsePolicy(policyText), policyText };
    const second = await mirrorOf(`http://127.0.0.1:${served.ports.http}`, strict);
    await assert.rejects(second.mirror.catchUp(signal), code('QUORUM_NOT_MET'));
    assert.equal(second.mirror.ready, false);
    log.cosigners.push({ cosigner: witness, at: () => Math.floor(Date.now() / 1000) });
    const { checkpoint } = await second.mirror.catchUp(signal);
    assert.match(checkpoint, /— w\.example /);
    await second.close();
  });
});
