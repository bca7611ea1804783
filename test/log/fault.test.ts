/**
 * Faults and crashes at every storage operation: whatever fails, wherever, no acknowledged entry is lost, no two
 * inconsistent checkpoints are ever signed, and the log opens again by itself or says why not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bytes, toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import type { NoteSigner } from '../../src/note/index.ts';
import { parseCheckpoint } from '../../src/note/index.ts';
import { eachFault, type FaultyDisk } from '../storage/faulty.ts';
import { foreign, GENESIS, joined, KEYS, type Member, options, policy } from './world.ts';

/** Everything that ever left the log, in any run: signed texts and acknowledged places. */
class Witnessed {
  readonly #roots = new Map<number, string>();
  readonly #acknowledged = new Map<string, { statement: Bytes; index: number }>();

  /** Log keys that note every checkpoint they sign. */
  get keys() {
    const { verifierKey, sign } = KEYS.checkpoint;
    const checkpoint: NoteSigner = {
      verifierKey,
      sign: (text) => {
        const { size, root } = parseCheckpoint(text);
        const before = this.#roots.get(size);
        assert.ok(
          before === undefined || before === toHex(root),
          `two checkpoints of size ${size} were signed`,
        );
        this.#roots.set(size, toHex(root));
        return sign(text);
      },
    };
    return { ...KEYS, checkpoint };
  }

  async submit(log: TransparencyLog, statement: Bytes): Promise<boolean> {
    try {
      const { index, entryId, head } = await log.submit(statement);
      assert.ok(index < head.size);
      this.#acknowledged.set(toHex(entryId), { statement, index });
      return true;
    } catch (error) {
      assert.ok(isLedgerError(error), String(error));
      assert.ok(['LOG_RECOVERING', 'LOG_CLOSING', 'LOG_READ_ONLY'].includes(error.code), error.code);
      return false;
    }
  }

  /** All that was acknowledged is where it was, and every signed root is that of a prefix of the tree. */
  async check(log: TransparencyLog): Promise<void> {
    for (const { statement, index } of this.#acknowledged.values()) {
      const again = await log.submit(statement);
      assert.deepEqual([again.index, again.existed], [index, true], 'an acknowledged entry was lost');
    }
    for (const [size, root] of this.#roots) {
      assert.ok(size <= log.head.size, `a tree of ${size} was signed, and is gone`);
      assert.equal(toHex(await log.rootAt(size)), root, `the tree of ${size} was signed with another root`);
    }
  }
}

/** Submits until it is in: what a client does with an answer that says that trying again is safe. */
async function insist(
  witnessed: Witnessed,
  log: TransparencyLog,
  statement: Bytes,
  down = () => false,
): Promise<boolean> {
  for (let i = 0; i < 100 && !down(); i++) {
    if (await witnessed.submit(log, statement)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

// Made once: a run must be the same for every fault. The member's registration is replayed from these bytes.
const script = await (async () => {
  const statements: Bytes[] = [policy(1)];
  const log = await TransparencyLog.open(options());
  await log.initialise(GENESIS);
  const recorder = new Proxy(log, {
    get: (target, name) =>
      name === 'submit'
        ? (statement: Bytes) => {
            statements.push(statement);
            return target.submit(statement);
          }
        : Reflect.get(target, name, target),
  });
  await log.submit(statements[0]!);
  const member: Member = await joined(recorder as TransparencyLog);
  await log.close();
  for (let n = 0; n < 4; n++) statements.push(foreign(member, n));
  return statements;
})();

async function scenario(disk: FaultyDisk): Promise<void> {
  const witnessed = new Witnessed();
  const open = () => TransparencyLog.open(options({ openStorage: disk.open, keys: witnessed.keys }));
  let log: TransparencyLog | undefined;
  for (let life = 0; life < 6 && !log; life++) {
    try {
      log = await open();
    } catch (error) {
      assert.ok(isLedgerError(error, 'STORAGE_FAILED'), String(error));
      if (disk.down) disk.crash();
    }
  }
  assert.ok(log, 'the log did not open');
  try {
    const statements = [GENESIS, ...script];
    for (const statement of statements) {
      const logged = await insist(witnessed, log, statement, () => disk.down);
      if (!disk.down) {
        assert.ok(logged, 'the log did not come back');
        continue;
      }
      // The machine stopped: power loss, restart, and the client registers again what it had no answer for.
      disk.crash();
      await log.close();
      log = await open();
      await witnessed.check(log);
      assert.ok(await insist(witnessed, log, statement));
    }
    // The fault may strike only now; it strikes once, so the second look meets none.
    try {
      await witnessed.check(log);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      if (disk.down) {
        disk.crash();
        await log.close();
        log = await open();
      } else await insist(witnessed, log, GENESIS);
      await witnessed.check(log);
    }
  } finally {
    if (disk.down) disk.crash();
    await log.close();
  }
}

test('every single fault of a write, at every moment', async () => {
  const runs = await eachFault(scenario, { operations: ['write'] });
  assert.ok(runs >= 30, `only ${runs} runs`);
});

test('every single fault of an open or a read', async () => {
  const runs = await eachFault(scenario, { operations: ['open', 'read'] });
  assert.ok(runs >= 20, `only ${runs} runs`);
});

test('two faults, the second wherever the recovery from the first goes', async () => {
  const runs = await eachFault(scenario, {
    operations: ['write'],
    moments: ['unsynced'],
    down: false,
    depth: 2,
  });
  assert.ok(runs >= 20, `only ${runs} runs`);
});
