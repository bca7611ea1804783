/**
 * Witnesses and logs of others: our log is cosigned by transparency-dev's witness, under Ed25519 and ML-DSA-44, and our witness
 * cosigns what their client sends.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LedgerClient } from '../../src/client/index.ts';
import { formatVerifierKey, openNote, parseVerifierKey, SIGNATURE_TYPE } from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { parseTrust, verifyRegistration } from '../../src/verify/index.ts';
import { testFolder } from '../cli/folder.ts';
import { Parties } from '../e2e/parties.ts';
import { serveLog } from '../e2e/served-log.ts';
import { witnessProcess } from '../witness/witness-process.ts';
import { WitnessedLog } from '../witness/witnessed-log.ts';
import { hasGo, TransparencyDev } from './transparency-dev.ts';

const path = testFolder();

describe('transparency-dev’s witness', {
  skip: !hasGo && 'Go 1.25 is not installed',
  timeout: 600_000,
}, () => {
  let theirs: TransparencyDev;
  before(async () => {
    theirs = await TransparencyDev.build();
  });
  after(() => theirs?.remove());

  test('cosigns our log, with Ed25519 and with ML-DSA-44, and our verifier takes both', async (t) => {
    const dataDir = path('data');
    const first = await serveLog({ dataDir });
    await first.stop();
    const witness = await theirs.serve(first.verifierKey);
    const [ed25519, mldsa] = witness.keys.map(parseVerifierKey);
    assert.equal(ed25519!.type, SIGNATURE_TYPE.ED25519_COSIGNATURE);
    assert.equal(mldsa!.type, SIGNATURE_TYPE.ML_DSA_44_COSIGNATURE);
    writeFileSync(
      path('policy'),
      [
        `log ${first.verifierKey}`,
        `witness ed25519 ${witness.keys[0]} ${witness.url}`,
        `witness mldsa ${witness.keys[1]} ${witness.url}`,
        'group both all ed25519 mldsa',
        'quorum both',
        '',
      ].join('\n'),
    );
    const log = await serveLog({ dataDir, flags: ['--witness-policy', path('policy')] });
    const trust = parseTrust(crypto, readFileSync(log.trust, 'utf8'));
    const client = await LedgerClient.connect({ grpc: log.grpc, trust });
    try {
      const parties = new Parties(log);
      const member = parties.world.member('theirs');
      const body = parties.world.registration(member, ['TDC']);
      const statement = parties.world.sign(member, 'participant.register', body);
      const { receipt, witnessed } = await client.register(statement, {
        wait: 'WITNESSED',
        deadlineMs: 60_000,
      });
      const { checkpoint } = witnessed!;
      const { cosignatures } = openNote(crypto, checkpoint, [trust.checkpointKey, ed25519!, mldsa!]);
      assert.deepEqual(
        cosignatures.map(({ key }) => formatVerifierKey(key)).sort(),
        [...witness.keys].sort(),
      );
      t.diagnostic(`cosigned at ${witnessed!.size} by ${cosignatures.map(({ key }) => key.name).join(', ')}`);
      // Offline, from files alone.
      const verified = verifyRegistration({ crypto, trust, statement, receipt, checkpoint });
      assert.ok(verified.verified, JSON.stringify(verified));
      // It grows, and is renewed when it does not.
      for (const name of ['one', 'two', 'three']) {
        await parties.join(name);
        await delay(300);
      }
      const { size } = await client.register(statement).then(() => client.getCheckpoint());
      assert.ok(size > 2);
    } finally {
      client.close();
      await log.stop();
      await witness.stop();
    }
  });

  test('’s client drives our witness: each answer is what it expects', async () => {
    const log = new WitnessedLog();
    const stranger = new WitnessedLog('example.com/stranger');
    const impostor = new WitnessedLog();
    const ours = witnessProcess(path('witness'), ['--log', formatVerifierKey(log.key)]);
    try {
      const { url, verifierKey } = await ours.ready;
      const ask = (old: number, size: number, of = log, root?: Uint8Array) => ({
        ...{ old, proof: log.proof(old, size), checkpoint: of.checkpoint(size, root) },
      });
      const noise = new Uint8Array(32).fill(7);
      const cosigned = { cosigned: true, refusal: '', size: 0 };
      const refusal = (what: string, size = 0) => ({ cosigned: false, refusal: what, size });
      const cases: [ReturnType<typeof ask>, object][] = [
        [ask(0, 5), cosigned],
        [ask(5, 8), cosigned],
        [ask(8, 70), cosigned],
        [ask(70, 70), cosigned],
        [ask(8, 70), refusal('stale', 70)],
        [ask(70, 8), refusal('old size invalid')],
        [ask(70, 70, log, noise), refusal('invalid proof')],
        [ask(0, 3, stranger), refusal('unknown log')],
        [ask(0, 3, impostor), refusal('no valid signature')],
      ];
      const answers = await theirs.feed(
        url,
        verifierKey,
        cases.map(([request]) => request),
      );
      assert.deepEqual(
        answers,
        cases.map(([, expected]) => expected),
      );
    } finally {
      await ours.kill();
    }
  });
});
