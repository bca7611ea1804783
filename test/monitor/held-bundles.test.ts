/**
 * What a monitor, a mirror and a log remember of a statement is its own: as a view of the bundle or message that the statement came
 * in, a key of 77 bytes would keep all of that for as long as it is known.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { rulesId } from '../../src/chain/index.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { Mirror } from '../../src/mirror/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { newMember, startedLog } from '../log/world.ts';
import { SmallLog } from '../verify/small-log.ts';
import { WatchedLog } from './watched-log.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const BUNDLES = 10;
/** The newest bundle may be in somebody's hands. */
const IN_HAND = 1;

/** Makes the log one of whole bundles, with a registration in each but the first. */
function fill(view: SmallLog, member: ReturnType<typeof SmallLog.begin>['member']): void {
  const { world } = view;
  const rest = (count: number) =>
    Array.from({ length: count }, (_, i) => view.statement(member, `${view.size} ${i} ${'x'.repeat(1000)}`));
  view.commit(...rest(256 - view.size - 1));
  for (let n = 0; n < BUNDLES; n++) {
    const one = world.member(`m${n}`);
    view.commit(world.sign(one, 'participant.register', world.registration(one, ['TDC'])), ...rest(254));
  }
  assert.equal(view.size, 256 * (BUNDLES + 1));
}

/** Counts what is still held of the buffers that it was given. */
class Held {
  readonly #given: WeakRef<ArrayBuffer>[] = [];

  give(bytes: Bytes): Bytes {
    const own = bytes.slice();
    this.#given.push(new WeakRef(own.buffer as ArrayBuffer));
    return own;
  }

  async count(): Promise<number> {
    for (let i = 0; i < 5; i++) {
      await turn();
      collect();
    }
    assert.ok(this.#given.length > BUNDLES);
    return this.#given.filter((each) => each.deref()).length;
  }
}

test('a monitor holds no bundle of statements', async () => {
  const held = new Held();
  class Served extends WatchedLog {
    override async tile(path: string): Promise<Bytes> {
      const bytes = await super.tile(path);
      return path.startsWith('tile/statements') ? held.give(bytes) : bytes;
    }
  }
  const log = new Served();
  fill(log.view, log.member);
  const monitor = await log.look();
  assert.equal(monitor.status.replayed, log.view.size);
  assert.ok((await held.count()) <= IN_HAND);
  assert.equal((await log.look()).status.replayed, log.view.size);
});

for (const kind of ['statements', 'entries']) {
  test(`a mirror holds no bundle of ${kind}`, async () => {
    const { log: view, member } = SmallLog.begin(crypto);
    fill(view, member);
    const held = new Held();
    const upstream = {
      checkpoint: async () => utf8(view.headAt().checkpoint),
      tile: async (path: string) => {
        const bytes = await view.tile(path);
        return path.startsWith(`tile/${kind}`) ? held.give(bytes) : bytes;
      },
      receipt: async (id: Bytes) => (await view.receipt(id)).receipt,
    };
    const mirror = await Mirror.open({
      ...{ crypto, upstream, trust: view.trust(), storage: memoryStorage(), rules: rulesId(crypto) },
      evidence: { keep: async (name: string) => name },
    });
    await mirror.catchUp(new AbortController().signal);
    assert.ok((await held.count()) <= IN_HAND);
    assert.ok(mirror.ready);
    await mirror.close();
  });
}

test('a log holds no message for the keys that it brought', async () => {
  const log = await startedLog();
  const held = new Held();
  for (let n = 0; n < 30; n++) {
    // As in a message with others.
    const { register } = newMember('Ed25519');
    const message = new Uint8Array(register.length + 20_000);
    message.set(register);
    await log.submit(held.give(message).subarray(0, register.length));
  }
  assert.ok((await held.count()) <= IN_HAND);
  assert.ok(log.head.size > 30);
  await log.close();
});
