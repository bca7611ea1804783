/** A client that is shown two histories keeps what convicts the log: a file that anybody with the trust file can verify. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LedgerClient } from '../../src/client/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { verifyMisbehaviour } from '../../src/verify/index.ts';
import { SmallLog } from '../verify/small-log.ts';
import { type Served, serve } from './served.ts';

const folder = mkdtempSync(join(tmpdir(), 'convicted-'));
let served: Served;
before(async () => {
  served = await serve(SmallLog.begin(crypto).log);
});
after(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

/** Two histories from one beginning, of the given lengths beyond it. */
function histories(here: number, there: number) {
  const { log, member } = SmallLog.begin(crypto);
  const twin = log.fork();
  for (let i = 0; i < here; i++) log.commit(log.statement(member, `here ${i}`));
  for (let i = 0; i < there; i++) twin.commit(twin.statement(member, `there ${i}`));
  return { log, twin, member, trust: log.trust() };
}

let count = 0;
async function convicted(
  { log, twin, trust }: ReturnType<typeof histories>,
  see: (client: LedgerClient) => Promise<unknown> = (client) => client.getCheckpoint(),
  lies: Served['lies'] | undefined = undefined,
) {
  const evidenceDir = join(folder, String(count++));
  const stateFile = join(evidenceDir, 'marks', 'marks.json');
  served.ledger = log;
  const first = await served.client('http', trust, { evidenceDir, stateFile });
  await see(first);
  first.close();
  if (lies) served.lies = lies;
  else served.ledger = twin;
  // Another client with the same marks: what was seen before a restart convicts as well.
  const client = await served.client('http', trust, { evidenceDir, stateFile });
  await assert.rejects(client.getCheckpoint(), (error) => {
    assert.ok(isLedgerError(error, 'FORK'));
    assert.match(error.message, /the evidence is in .*\.cbor$/);
    return true;
  });
  served.lies = {};
  const [name] = readdirSync(evidenceDir).filter((each) => each.endsWith('.cbor'));
  const file = new Uint8Array(readFileSync(join(evidenceDir, name!)));
  const result = verifyMisbehaviour({ crypto, trust, file });
  assert.ok(result.verified, name);
  assert.match(name!, /^misbehaviour-/);
  return result.value.kind;
}

test('two trees of one size', async () => {
  assert.equal(await convicted(histories(2, 2)), 'fork');
});

test('a tree that does not extend the one before: of a perfect size, and of any', async () => {
  assert.equal(await convicted(histories(1, 4)), 'rewrite');
  assert.equal(await convicted(histories(3, 6)), 'unconnected');
});

test('an older tree that is none of this history', async () => {
  const forked = histories(6, 2);
  const lies = { checkpoint: () => forked.twin.head() };
  assert.equal(await convicted(forked, undefined, lies), 'unconnected');
});

test('a receipt is as good as a checkpoint', async () => {
  const forked = histories(2, 2);
  const { log } = forked;
  assert.equal(await convicted(forked, (client) => client.getReceipt(log.leaves[6]!.leafData)), 'fork');
});

test('a log that answers nothing that convicts it is accused', async () => {
  const { log, twin, trust } = histories(1, 3);
  const evidenceDir = join(folder, 'accused');
  served.ledger = log;
  const client = await served.client('http', trust, { evidenceDir });
  await client.getCheckpoint();
  served.ledger = twin;
  served.lies = { inclusion: () => log.inclusion({ index: 3 }) };
  await assert.rejects(client.getCheckpoint(), (error) => isLedgerError(error, 'FORK'));
  served.lies = {};
  const [name] = readdirSync(evidenceDir);
  assert.match(name!, /^accusation-/);
  const file = new Uint8Array(readFileSync(join(evidenceDir, name!)));
  const result = verifyMisbehaviour({ crypto, trust, file });
  assert.ok(!result.verified && result.error.code === 'MISBEHAVIOUR_UNPROVEN');
});
