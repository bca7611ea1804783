/** The COVID-19 run of test/chain/story.ts in a real log: signed by everybody with keys of their own, over gRPC. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BUDGET } from '../../src/chain/records/dataset.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import type { Ref } from '../../src/chain/statement.ts';
import { LedgerClient } from '../../src/client/index.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import {
  DEVELOPMENT_SRO,
  developmentSro,
  keyFolder,
  type RunningServer,
  startServer,
} from '../../src/server/index.ts';
import { parseTrust } from '../../src/verify/index.ts';
import { PROVIDERS, type Step, Story, type Told } from '../chain/story.ts';
import { World } from '../chain/world.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';

const DELTA = 10_000_000_000;

describe('the COVID-19 run in a real log', { skip: REAL === undefined && 'no ../shared' }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'aichain-story-'));
  let server: RunningServer;
  let client: LedgerClient;
  let story: Story;
  const entries = new Map<string, Ref>();
  const told: Told = {
    ref: (step, rel = 'after') => ({ ...entries.get(step)!, rel }),
  };

  before(async () => {
    const flags = {
      dataDir,
      httpPort: '0',
      grpcPort: '0',
      workers: '1',
      diskFloorBytes: '0',
      logLevel: 'error',
    };
    const config = loadConfig({ flags, env: {} });
    server = await startServer(config, createLogger({ level: config.logLevel }));
    client = await LedgerClient.connect({ grpc: server.grpc, trust: parseTrust(nodeCrypto, server.trust) });
    const world = World.empty(nodeCrypto, server.ledger.origin);
    world.time = Date.now();
    const sro = { did: DEVELOPMENT_SRO, keys: [developmentSro(nodeCrypto, keyFolder(dataDir))] as const };
    const training = { epsilons: publishedEpsilons('covid'), delta: DELTA };
    story = Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
  });

  after(async () => {
    client?.close();
    await server?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function log(step: Step): Promise<void> {
    story.world.time = Date.now();
    // Verifies inclusion and receipt; the reason of a refusal is its code.
    const { index, entryId } = await client.register(step.statement(told));
    entries.set(step.name, { rel: 'after', index, entry: entryId });
  }

  test('every entry is accepted, and has a receipt that verifies', async () => {
    const steps = story.steps();
    for (const step of steps) {
      await log(step).catch((cause) => {
        throw new Error(`${step.name}: ${isLedgerError(cause) ? cause.code : ''} ${cause}`, { cause });
      });
    }
    assert.equal(entries.size, steps.length);
  });

  test('the state that it left is proven', async () => {
    const keys = PROVIDERS.map((name) => BUDGET.key(story.member(name).did, `${name}-patients`));
    const { values } = await client.facts([...keys, MODEL.key(story.urn('model'))]);
    for (const value of values.slice(0, 3)) {
      assert.deepEqual(BUDGET.decode(value!).spent, { epsilon: 1_494_700, delta: DELTA });
    }
    assert.equal(MODEL.decode(values[3]!).state, 'RECEIVED');
  });

  test('a second room finds that the contract allows no more runs', async () => {
    await assert.rejects(log(story.attested(2)[0]!), { code: 'MAX_RUNS_REACHED' });
  });
});
