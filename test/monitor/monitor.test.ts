import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeStateEntry, encodeStateEntry } from '../../src/chain/index.ts';
import { equal, utf8 } from '../../src/core/bytes.ts';
import { leafHash, rootFromConsistency, verifyInclusion } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { ReplayedRun } from '../../src/replay/index.ts';
import { openHead } from '../../src/verify/index.ts';
import { StoryLog } from '../service/story-log.ts';
import { wholeTile } from '../service/whole-tile.ts';
import { WatchedLog } from './watched-log.ts';

describe('a monitor of an honest log', () => {
  test('replays it as it grows, and has nothing to say', async () => {
    const log = new WatchedLog();
    for (const count of [0, 1, 300, 2]) {
      const texts = Array.from({ length: count }, (_, i) => log.view.statement(log.member, `${count} ${i}`));
      if (count > 3) log.view.commit(...texts);
      else log.grow(count);
      const { status } = await log.look();
      assert.deepEqual(
        [status.replayed, status.seen, status.convicted, status.held],
        [log.view.size, log.view.size, null, null],
      );
    }
    assert.deepEqual(log.alarms, []);
  });

  test('goes on where it stopped, over entries that refer to earlier ones', async () => {
    const log = new WatchedLog();
    await log.look();
    log.grow(3);
    const newcomer = log.view.world.member('newcomer');
    const { world } = log.view;
    log.view.commit(world.sign(newcomer, 'participant.register', world.registration(newcomer)));
    await log.look();
    // Refers to the registration, which only the storage knows now.
    const again = await log.open();
    assert.equal(again.status.replayed, log.view.size);
    log.view.commit(world.verification(newcomer));
    log.view.commit(log.view.statement(newcomer, 'by a key of before the restart'));
    const { status } = await log.look();
    assert.equal(status.replayed, log.view.size);
    assert.deepEqual(log.alarms, []);
  });

  test('follows the whole story of a training run', async () => {
    const story = await (await StoryLog.begin()).tell();
    const { ledger } = story;
    const source = {
      head: async () => utf8(ledger.head().checkpoint),
      checkpoint: async () => utf8(ledger.checkpoint().checkpoint),
      tile: (path: string) => wholeTile(ledger, path),
    };
    const seen: ReplayedRun[] = [];
    const watcher = {
      restore: async () => {},
      observe: (run: ReplayedRun) => {
        seen.push(run);
        return [];
      },
      changes: () => [],
    };
    const log = new WatchedLog();
    const monitor = await log.open({ log: source, trust: story.trust, now: () => story.world.time, watcher });
    await log.look();
    assert.equal(monitor.status.replayed, ledger.head().size);
    assert.equal(
      seen.reduce((sum, { entries }) => sum + entries.length, 0),
      story.told.length + 1,
    );
    assert.deepEqual(log.alarms, []);
    await story.log.close();
  });

  test('what it remembers is of one log, and not changed by anybody', async () => {
    const log = new WatchedLog();
    await log.look();
    const trust = log.view.trust();
    await assert.rejects(log.open({ trust: { ...trust, genesis: new Uint8Array(32) } }), {
      code: 'CONFIG_INVALID',
    });
    await assert.rejects(log.open({ trust: log.view.trust({ rules: [new Uint8Array(32)] }) }), {
      code: 'RULES_MISMATCH',
    });
    const { WriteBatch } = await import('../../src/storage/index.ts');
    for await (const [key] of log.storage.range({ gte: utf8('r'), limit: 1 })) {
      await log.storage.write(new WriteBatch().del(key));
    }
    await assert.rejects(log.open(), { code: 'LOG_CORRUPT' });
  });
});

describe('a monitor of a log that lies', () => {
  test('a fork: one size, two roots', async () => {
    const log = new WatchedLog();
    const other = log.view.fork();
    log.grow(2);
    await log.look();
    log.grow(1, other);
    other.commit(other.statement(log.member, 'another history'));
    log.view = other;
    const monitor = await log.look();
    assert.deepEqual(log.codes, ['FORK']);
    assert.match(monitor.status.convicted!, /fork/);
    const { evidence } = log.alarms[0]!;
    assert(evidence?.type === 'checkpoints');
    const [older, newer] = [evidence.older, evidence.newer].map((note) =>
      openHead(crypto, other.trust(), note),
    );
    assert(older!.size === newer!.size && !equal(older!.root, newer!.root));
  });

  test('a rewritten entry below a tree that has grown: the proof convicts by itself', async () => {
    const log = new WatchedLog();
    const other = log.view.fork();
    log.grow(2);
    const signed = log.view.headAt();
    await log.look();
    other.commit(other.statement(log.member, 'rewritten'));
    log.grow(4, other);
    log.view = other;
    await log.look();
    await log.look(); // says it once
    assert.deepEqual(log.codes, ['FORK']);
    const { evidence } = log.alarms[0]!;
    assert(evidence?.type === 'checkpoints' && evidence.path);
    const newer = openHead(crypto, other.trust(), evidence.newer);
    // The path leads to the newer root, from another older one: without the older root, which is its first hash where
    // the size is a power of two, it is checked against the one that was signed.
    assert.throws(() => rootFromConsistency(crypto, signed.size, newer.size, signed.root, evidence.path!), {
      code: 'CONSISTENCY_INVALID',
    });
    assert.equal(evidence.older, signed.checkpoint);
  });

  test('a fork that begins above what was replayed, seen after a restart only', async () => {
    const log = new WatchedLog();
    log.grow(2);
    await log.look();
    const other = log.view.fork();
    // Seen, but its bodies were not served: only the head is remembered.
    log.grow(1);
    log.lie = (path, bytes) => (path.startsWith('tile/statements') ? null : bytes);
    await log.look();
    assert.deepEqual(log.codes, ['BODY_MISSING']);
    log.lie = (_path, bytes) => bytes;
    other.commit(other.statement(log.member, 'another'));
    log.grow(3, other);
    log.view = other;
    await log.open();
    await log.look();
    assert.deepEqual(log.codes, ['BODY_MISSING', 'FORK']);
  });

  test('an older tree, as a restored backup shows it, and what is built on it', async () => {
    const log = new WatchedLog();
    const backup = log.view.fork();
    log.grow(3);
    await log.open({ oldTreeAfter: 0 });
    await log.look();
    log.view = backup;
    await log.look();
    assert.deepEqual(log.codes, ['OLD_TREE']);
    backup.commit(backup.statement(log.member, 'after the restore'));
    log.grow(6, backup);
    await log.look();
    assert.deepEqual(log.codes, ['OLD_TREE', 'FORK']);
  });

  test('a head of a peer that is of another history', async () => {
    const log = new WatchedLog();
    const other = log.view.fork();
    log.grow(2);
    const peer = { name: 'witness', head: async () => utf8(other.headAt().checkpoint) };
    await log.open({ peers: [peer] });
    await log.look();
    assert.deepEqual(log.codes, []); // a prefix
    other.commit(other.statement(log.member, 'for one client'));
    await log.look();
    assert.deepEqual(log.codes, ['FORK']);
  });

  test('a wrong state root, with what convicts', async () => {
    const log = new WatchedLog();
    await log.look();
    log.grow(2);
    const index = log.view.size - 1;
    const leaf = log.view.leaves[index]!;
    const forged = encodeStateEntry({
      ...decodeStateEntry(leaf.leafData),
      mapRoot: new Uint8Array(32).fill(3),
    });
    log.view.leaves[index] = { ...leaf, leafData: forged };
    const monitor = await log.look();
    assert.deepEqual(log.codes, ['STATE_MISMATCH']);
    assert.match(monitor.status.convicted!, new RegExp(`entry ${index} `));
    const { evidence, detail } = log.alarms[0]!;
    assert.match(detail, /mapRoot is 0303/);
    assert(evidence?.type === 'state-entry' && evidence.previous && evidence.expected);
    const head = openHead(crypto, log.view.trust(), evidence.checkpoint);
    for (const { index: at, stateEntry, path } of [evidence, evidence.previous]) {
      const hash = leafHash(crypto, stateEntry);
      verifyInclusion(crypto, { index: at, size: head.size, leafHash: hash, proof: path, root: head.root });
    }
    // It is the end of the replay, but not of watching; a restart comes to the same.
    log.grow(1);
    await log.look();
    assert.deepEqual(log.codes, ['STATE_MISMATCH']);
    await log.open();
    await log.look();
    assert.deepEqual(log.codes, ['STATE_MISMATCH', 'STATE_MISMATCH']);
    assert.equal(monitor.status.replayed, index - 1);
  });

  test('time that goes back; other rules', async () => {
    for (const [code, change] of [
      ['TIME_BACK', { time: 1 }],
      ['RULES_UNKNOWN', { rules: new Uint8Array(32) }],
    ] as const) {
      const log = new WatchedLog();
      log.grow(1);
      const index = log.view.size - 1;
      const leaf = log.view.leaves[index]!;
      const leafData = encodeStateEntry({ ...decodeStateEntry(leaf.leafData), ...change });
      log.view.leaves[index] = { ...leaf, leafData };
      await log.look();
      assert.deepEqual(log.codes, [code]);
    }
  });

  test('an entry that its rules refuse is told, and followed', async () => {
    const log = new WatchedLog();
    log.view.commit(utf8('no statement'), log.view.statement(log.view.world.member('nobody'), 'x'));
    const monitor = await log.look();
    assert.deepEqual(log.codes, ['INVALID_ENTRY', 'INVALID_ENTRY']);
    assert.match(log.alarms[1]!.detail, /^KID_UNKNOWN/);
    assert(log.alarms[0]!.evidence?.type === 'entry');
    assert.equal(monitor.status.convicted, null);
    assert.equal(monitor.status.replayed, log.view.size);
    // Many are counted, not listed.
    log.view.commit(...Array.from({ length: 200 }, (_, i) => utf8(`junk ${i}`)));
    await log.look();
    assert.equal(log.codes.length, 2 + 65);
  });

  test('a body that is withheld, until it is served again', async () => {
    const log = new WatchedLog();
    await log.look();
    log.grow(2);
    log.lie = (path, bytes) => (path.startsWith('tile/statements') ? null : bytes);
    const monitor = await log.look();
    await log.look();
    assert.deepEqual(log.codes, ['BODY_MISSING']);
    assert(log.alarms[0]!.evidence?.type === 'withheld');
    assert(monitor.status.replayed < log.view.size);
    log.lie = (_path, bytes) => bytes;
    await log.look();
    assert.equal(monitor.status.replayed, log.view.size);
    assert.equal(log.codes.length, 1);
  });

  test('tiles that do not hash to what was signed; notes that were not signed', async () => {
    const log = new WatchedLog();
    log.lie = (path, bytes) => (path.startsWith('tile/0/') ? bytes.slice().fill(1, 0, 1) : bytes);
    await log.look();
    assert.deepEqual(log.codes, ['TILE_INVALID']);
    log.shown = 'log.example/test\n2\nAAAA\n';
    await log.look();
    assert.deepEqual(log.codes, ['TILE_INVALID', 'CHECKPOINT_INVALID']);
  });

  test('a tree without a state entry at its end', async () => {
    const log = new WatchedLog();
    log.grow(1);
    const open = log.view.fork();
    open.leaves.push({ ...open.leaves[open.size - 2]! });
    const closes = open.leaves[open.size - 2]!.closes!;
    open.leaves[open.size - 1] = { ...open.leaves[open.size - 1]!, closes };
    log.view = open;
    const monitor = await log.look();
    assert.deepEqual(log.codes, ['TIP_MISSING']);
    assert.match(monitor.status.convicted!, /no state entry/);
  });

  test('a log that does not answer', async () => {
    const log = new WatchedLog();
    await log.look();
    log.down = true;
    await log.look();
    assert.deepEqual(log.codes, []);
    log.view.world.advance(61);
    await log.look();
    await log.look();
    assert.deepEqual(log.codes, ['LOG_UNREACHABLE']);
    log.down = false;
    await log.look();
    log.down = true;
    log.view.world.advance(61);
    await log.look();
    assert.deepEqual(log.codes, ['LOG_UNREACHABLE', 'LOG_UNREACHABLE']);
  });

  test('times that are not those of the own clock hold the cosignature back until somebody accepts them', async () => {
    for (const offset of [100_000, -100_000]) {
      const log = new WatchedLog();
      let now = log.view.world.time;
      const open = (more = {}) => log.open({ now: () => now, ...more });
      await open();
      await log.look();
      const honest = log.view.size;
      now += 200_000;
      await log.look(); // nothing new at this time
      log.view.world.time = now + offset - 1000;
      log.grow(1);
      const index = log.view.size - 1;
      now += 1000;
      const monitor = await log.look();
      assert.deepEqual(log.codes, ['CLOCK_SKEW'], String(offset));
      assert.equal(monitor.status.held, index);
      assert.equal(monitor.status.replayed, log.view.size);
      const head = (size: number) => ({ origin: log.view.origin, ...log.view.headAt(size) });
      await monitor.approve(head(honest), log.view.headAt(honest).checkpoint);
      const late = head(log.view.size);
      await assert.rejects(monitor.approve(late, late.checkpoint), { code: 'STATE_INVALID' });
      assert.equal((await open()).status.held, index);
      const accepted = await open({ acceptTime: index });
      await accepted.approve(late, late.checkpoint);
      assert.equal((await open()).status.held, null);
    }
  });
});

describe('cosigning after the replay', () => {
  test('a head is approved when it was replayed, and waits for that', async () => {
    const log = new WatchedLog();
    const monitor = await log.look();
    log.grow(3);
    const { size, root, checkpoint } = log.view.headAt();
    const approved = monitor.approve({ size, root }, checkpoint);
    await log.look();
    await approved;
    assert.equal(monitor.status.seen, size);
  });

  test('nothing of a convicted log, nor another tree of a size that was replayed', async () => {
    const log = new WatchedLog();
    const other = log.view.fork();
    log.grow(2);
    const monitor = await log.look();
    other.commit(other.statement(log.member, 'other'));
    other.commit(other.statement(log.member, 'other still'));
    const { size, root, checkpoint } = other.headAt();
    await assert.rejects(monitor.approve({ size, root }, checkpoint), {
      code: 'STATE_INVALID',
    });
    assert.deepEqual(log.codes, ['FORK']);
    const honest = log.view.headAt();
    await assert.rejects(monitor.approve(honest, honest.checkpoint), {
      code: 'STATE_INVALID',
    });
    // Nor after a restart, when the log shows nothing but what it showed before.
    const again = await log.open();
    await log.look();
    await assert.rejects(again.approve(honest, honest.checkpoint), { code: 'STATE_INVALID' });
    assert.match(again.status.convicted!, /fork/);
  });
});
