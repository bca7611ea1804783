import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_POLICY } from '../../src/chain/policy.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { BUDGET, DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { RELEASE, RELEASED } from '../../src/chain/records/release.ts';
import { DELEGATION, KEY, PARTICIPANT, POLICY } from '../../src/chain/state.ts';
import { toBase64url, toHex } from '../../src/core/bytes.ts';
import { cosigner, formatVerifierKey } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { GateAnswer } from '../../src/service/ledger.ts';
import { formatTrust } from '../../src/verify/index.ts';
import {
  edit,
  KEY_ID,
  type RoomWorld,
  requestBody,
  roomWorld,
  urnOf,
  wrappingKey,
} from '../chain/room-world.ts';
import { type Served, serve } from '../client/served.ts';
import { SmallLog } from '../verify/small-log.ts';
import { type Kms, kmsProgram, startKms } from './kms-process.ts';

const KEYS = [`${KEY_ID}1`, `${KEY_ID}2`] as const;

describe('the KMS of the guide', () => {
  let log: SmallLog;
  let served: Served;
  let kms: Kms;
  let scenes = 0;
  const cosigning = (name: string) => ({
    cosigner: cosigner(crypto, name, crypto.generatePrivateKey('Ed25519')),
    at: () => Math.floor(Date.now() / 1000),
  });
  const [witness, replayer] = [cosigning('witness.example'), cosigning('replayer.example')];

  before(async () => {
    ({ log } = SmallLog.begin(crypto));
    log.clock = Date.now;
    log.pace = 0.01;
    log.cosigners = [witness, replayer];
    served = await serve(log);
    kms = await start();
  });
  after(async () => {
    await kms?.stop();
    await served?.close();
  });

  function start(lines: readonly string[] = ['group both all w r', 'quorum both']): Promise<Kms> {
    const { world } = log;
    const { did, keys } = world.member('kms-room');
    const [icmr, cowin] = ['icmr-room', 'cowin-room'].map((name) => world.member(name).did);
    const policyText = [
      `witness w ${formatVerifierKey(witness.cosigner.verifierKey)}`,
      `witness r ${formatVerifierKey(replayer.cosigner.verifierKey)}`,
      ...lines,
      '',
    ].join('\n');
    const trust = log.trust({ policyText, replayers: ['r'], freshnessSeconds: 60 });
    return startKms({
      ...{ ledger: `127.0.0.1:${served.ports.grpc}`, trust: formatTrust(crypto, trust), did },
      ...{ key: keys[0], owners: { [KEYS[0]]: icmr!, [KEYS[1]]: cowin! } },
    });
  }

  interface Scene {
    r: RoomWorld;
    /** Ids of the releases that the room has asked for, the first dataset's first. */
    releases: [string, string];
    ask(change?: { id?: string; dataKeyId?: string; wrapKey?: string }): ReturnType<Kms['ask']>;
    state(release: string): string | undefined;
  }

  /** The same room, set up again in the same log: it has asked for both keys, and has received the second. */
  function scene(change: (r: RoomWorld) => unknown = () => undefined): Scene {
    const { world } = log;
    world.time = Math.max(world.time, Date.now() - 5_000);
    served.lies = {};
    const r = roomWorld(world, { room: 'ATTESTED' });
    for (const dataKeyId of KEYS) world.put(RELEASED.remove(r.room, r.kms.did, dataKeyId));
    world.put(POLICY.remove());
    const number = 10 * ++scenes;
    const requests = ([0, 1] as const).map((i) =>
      world.sign(r.asRoom, 'key.request', requestBody(r, i, number + i)),
    );
    const first = log.commit(...requests);
    for (const [i] of requests.entries()) assert.equal(log.leaves[first + i]!.verdict?.reason, null);
    const releases = [urnOf(world, 'release', number), urnOf(world, 'release', number + 1)] as const;
    const { mounts } = CLEANROOM.read(world.read, r.room)!;
    edit(
      world,
      CLEANROOM,
      { mounts: [mounts[0]!, { ...mounts[1]!, release: releases[1], received: 'yes' }] },
      r.room,
    );
    change(r);
    log.commit();
    const wrapKey = toBase64url(r.wrapKey);
    return {
      r,
      releases: [...releases],
      ask: (other = {}) => kms.ask({ id: releases[0], dataKeyId: KEYS[0], wrapKey, ...other }),
      state: (release) => RELEASE.read(world.read, release)?.state,
    };
  }

  test('is a program of under 60 lines that uses nothing but the SDK', () => {
    const { text, lines } = kmsProgram();
    assert.ok(lines < 60, `${lines} lines`);
    const imports = [...text.matchAll(/ from '([^']+)'/g)].map(([, name]) => name!);
    const own = imports.filter((name) => !name.startsWith('node:'));
    assert.deepEqual(own, ['aichain-ledger', './vault.mjs']);
  });

  test('releases in the honest case, and not a second time', async () => {
    const { r, releases, ask, state } = scene();
    const { wrapped, reason } = await ask();
    assert.equal(reason, undefined);
    assert.equal(Buffer.from(wrapped!, 'base64url').toString(), `${KEYS[0]} for ${toHex(r.wrapKey)}`);
    assert.equal(state(releases[0]), 'GRANTED');
    assert.deepEqual(await ask(), { reason: 'STATE_WRONG' });
    // Who asks again gets nothing, and takes nothing back: the key is out.
    assert.equal(state(releases[0]), 'GRANTED');
  });

  test('two keys of one pipeline wait for each other', async () => {
    const { releases, ask } = scene((r) => {
      const { mounts } = CLEANROOM.read(r.world.read, r.room)!;
      const waiting = mounts.map(({ release: _, received: __, ...mount }) => mount);
      edit(r.world, CLEANROOM, { mounts: waiting }, r.room);
    });
    const answers = await Promise.all([
      ask({ id: releases[0], dataKeyId: KEYS[0] }),
      ask({ id: releases[1], dataKeyId: KEYS[1] }),
    ]);
    for (const { wrapped, reason } of answers) assert.ok(wrapped, reason);
  });

  const stop = (r: RoomWorld, before: string) => ({ entry: 0, at: r.world.time, before });
  const contract = (change: (r: RoomWorld) => object) => (r: RoomWorld) =>
    edit(r.world, CONTRACT, change(r), r.contract);
  const voided = (r: RoomWorld) => {
    const revoked = { entry: 1, at: r.world.time, reason: 'void' as const };
    edit(r.world, KEY, { revoked }, r.world.kid(r.tdc.keys[0]));
  };
  const delegation = (r: RoomWorld) =>
    edit(r.world, DELEGATION, { revoked: true }, r.tdps[0].did, r.kms.did, 'kms');
  const suspended = (provider: 0 | 1) => (r: RoomWorld) => {
    const change = { state: 'SUSPENDED' as const, lastStop: stop(r, 'ACTIVE') };
    edit(r.world, PARTICIPANT, change, r.tdps[provider].did);
  };
  const handover = (r: RoomWorld) =>
    r.world.put(POLICY.put({ current: { ...DEFAULT_POLICY, version: 1, handoverSeconds: 1 }, entry: 0 }));

  /** What was changed in the ledger before the KMS is asked, and what it answers. */
  const refusals: Record<string, [change: (r: RoomWorld) => unknown, reason: string]> = {
    'an unsigned party': [contract(() => ({ state: 'PARTLY_SIGNED' })), 'CONTRACT_NOT_FULLY_SIGNED'],
    'an expired contract': [contract((r) => ({ expiry: r.world.now - 1 })), 'CONTRACT_EXPIRED'],
    'a revoked contract': [
      contract((r) => ({ state: 'REVOKED', lastStop: stop(r, 'SIGNED') })),
      'CONTRACT_REVOKED',
    ],
    'a suspended provider': [suspended(0), 'SIGNER_SUSPENDED'],
    'another provider who is suspended': [suspended(1), 'PARTY_SUSPENDED'],
    'a withdrawn dataset': [
      (r) => {
        const change = { state: 'WITHDRAWN' as const, lastStop: stop(r, 'PUBLISHED') };
        edit(r.world, DATASET, change, r.datasets[0].id, 1);
      },
      'DATASET_WITHDRAWN',
    ],
    'a voided key': [voided, 'SIGNING_KEY_REVOKED'],
    'a stale appraisal': [
      (r) => edit(r.world, CLEANROOM, { attestedHead: r.world.time - 3_600_000 }, r.room),
      'APPRAISAL_STALE',
    ],
    'revoked code': [
      (r) => edit(r.world, CODE, { state: 'REVOKED', lastStop: stop(r, 'CERTIFIED') }, r.code),
      'CODE_REVOKED',
    ],
    'an exhausted budget': [
      (r) =>
        edit(r.world, BUDGET, { allocated: { epsilon: 1, delta: 1 } }, r.tdps[0].did, r.datasets[0].scope),
      'BUDGET_EXHAUSTED',
    ],
    'an expired grant': [handover, 'RELEASE_EXPIRED'],
    'a revoked delegation': [delegation, 'DELEGATION_MISSING'],
  };
  for (const [what, [change, expected]] of Object.entries(refusals)) {
    test(`refuses: ${what}`, async () => {
      const { ask, state, releases } = scene(change);
      const { wrapped, reason } = await ask();
      assert.equal(wrapped, undefined);
      assert.equal(reason, expected);
      assert.notEqual(state(releases[0]), 'RECEIVED');
    });
  }

  test('refuses: the wrong dataset', async () => {
    const { ask, state, releases } = scene();
    // The room asks for a key under the release of another: decided by nobody, since the KMS speaks for another owner.
    assert.deepEqual(await ask({ dataKeyId: KEYS[1] }), { reason: 'DATA_KEY_MISMATCH' });
    assert.equal(state(releases[0]), 'REQUESTED');
    assert.deepEqual(await ask({ id: urnOf(log, 'release', 9_999) }), { reason: 'RELEASE_NOT_FOUND' });
  });

  test('refuses: another wrapping key, and gives the budget back', async () => {
    const { r, ask, state, releases } = scene();
    const wrapKey = toBase64url(wrappingKey(r.world, 'an attacker’s'));
    assert.deepEqual(await ask({ wrapKey }), { reason: 'WRAPPING_KEY_MISMATCH' });
    assert.equal(state(releases[0]), 'CANCELLED');
    const { reserved } = BUDGET.read(r.world.read, r.tdps[0].did, r.datasets[0].scope)!;
    assert.equal(reserved.epsilon, 0);
  });

  test('refuses: what is withdrawn between the grant and the check', async () => {
    const { r, ask } = scene();
    served.lies = {
      gate: async (...asked) => {
        delegation(r);
        log.commit();
        return log.gate(...asked);
      },
    };
    assert.deepEqual(await ask(), { reason: 'KMS_NOT_FOR_DATASET' });
  });

  test('refuses: an answer that was given before, to another nonce', async () => {
    let kept: GateAnswer | undefined;
    const first = scene();
    served.lies = {
      gate: async (...asked) => {
        kept = await log.gate(...asked);
        return kept;
      },
    };
    assert.ok((await first.ask()).wrapped);
    const { ask } = scene();
    served.lies = { gate: async () => kept! };
    assert.deepEqual(await ask(), { reason: 'REQUEST_MISMATCH' });
  });

  test('refuses: a stale tip', async () => {
    const before = log.size;
    // Since then the KMS has seen a larger tree, with the cosignatures that it asks for.
    assert.ok((await scene().ask()).wrapped);
    const { ask } = scene();
    served.lies = { gate: (step, asked) => log.gateAt(step, asked, { size: before }) };
    assert.deepEqual(await ask(), { reason: 'STALE' });
  });

  test('refuses: a tip that its cosigners have not seen for too long', async () => {
    const { ask } = scene();
    served.lies = {
      gate: async (...asked) => {
        const at = () => Math.floor(Date.now() / 1000) - 61;
        log.cosigners = [witness, replayer].map((each) => ({ ...each, at }));
        return log.gate(...asked).finally(() => {
          log.cosigners = [witness, replayer];
        });
      },
    };
    assert.deepEqual(await ask(), { reason: 'STALE' });
  });

  test('refuses: a forked tip', async () => {
    const { ask } = scene();
    const fork = log.fork();
    // Even if everybody colluded: the KMS has seen another history itself.
    fork.cosigners = log.cosigners;
    fork.commit(fork.statement(fork.world.member('lab'), 'another history'));
    served.lies = {
      gate: async (step, asked, from) => {
        // In the other history the release has been granted as well, on this very nonce.
        const { nonce } = Object.fromEntries(asked as ReadonlyMap<string, Uint8Array>);
        const release = String((asked as ReadonlyMap<string, unknown>).get('release'));
        const change = { state: 'GRANTED' as const, nonce: nonce!, expires: Date.now() + 60_000 };
        edit(fork.world, RELEASE, change, release);
        while (fork.size <= log.size) fork.commit();
        return fork.gate(step, asked, from);
      },
    };
    assert.deepEqual(await ask(), { reason: 'FORK' });
  });

  test('refuses: a tip that the replayer, or the witness, has not cosigned', async () => {
    for (const left of [[witness], [replayer], []]) {
      const { ask } = scene();
      log.cosigners = left;
      try {
        assert.deepEqual(await ask(), { reason: 'QUORUM_NOT_MET' });
      } finally {
        log.cosigners = [witness, replayer];
      }
    }
  });

  test('refuses everything under a policy that can do without either', async () => {
    const lax = await start(['group either any w r', 'quorum either']);
    try {
      const { r, releases } = scene();
      const wrapKey = toBase64url(r.wrapKey);
      const answer = await lax.ask({ id: releases[0], dataKeyId: KEYS[0], wrapKey });
      assert.deepEqual(answer, { reason: 'QUORUM_NOT_MET' });
    } finally {
      await lax.stop();
    }
  });
});
