/**
 * Evidence end to end, over the network: a simulated clean room uploads it and lists it, the verifier's appraiser fetches it and
 * says on the log what it is worth, and the room becomes what the verifier affirmed. Or does not.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Simulator } from '../../src/attestation/index.ts';
import { CLEANROOM, EVIDENCE, parseStatement, type Ref } from '../../src/chain/index.ts';
import { EvidenceClient, LedgerClient } from '../../src/client/index.ts';
import { type Bytes, toBase64url, toHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { encodePrivateKey } from '../../src/cose/index.ts';
import { AppraiserService, DocketFile, type Outcome } from '../../src/participants/appraiser/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import {
  DEVELOPMENT_SRO,
  developmentSro,
  keyFolder,
  type RunningServer,
  startServer,
} from '../../src/server/index.ts';
import { parseTrust, type Trust } from '../../src/verify/index.ts';
import { type Step, Story, type Told } from '../chain/story.ts';
import { World } from '../chain/world.ts';
import { aichain } from '../cli/fake-terminal.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';
import { DEBUG, SimulatedRooms, simulator } from './simulated-room.ts';

const APPRAISER = 'a'.repeat(43);
const DEPLOYER = 'b'.repeat(43);

describe('the appraiser of a verifier', { skip: REAL === undefined && 'no ../shared' }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'aichain-appraiser-'));
  const path = (name: string) => join(dataDir, name);
  let server: RunningServer;
  let trust: Trust;
  let client: LedgerClient;
  let story: Story;
  let rooms: SimulatedRooms;
  let machine: Simulator;
  const entries = new Map<string, Ref>();
  const told: Told = { ref: (step, rel = 'after') => ({ ...entries.get(step)!, rel }) };

  before(async () => {
    const sha256 = (token: string) => `sha256:${toHex(crypto.sha256(utf8(token)))}`;
    writeFileSync(
      path('access'),
      `# verifier\nread token ${sha256(APPRAISER)}\nwrite token ${sha256(DEPLOYER)}\n`,
    );
    const flags = {
      ...{ dataDir: path('log'), httpPort: '0', grpcPort: '0', workers: '1' },
      ...{ diskFloorBytes: '0', logLevel: 'silent', evidenceAccessFile: path('access') },
    };
    const config = loadConfig({ flags, env: {} });
    server = await startServer(config, createLogger({ level: config.logLevel }));
    machine = simulator();
    trust = parseTrust(crypto, server.trust);
    client = await LedgerClient.connect({ grpc: server.grpc, trust });
    const world = World.empty(crypto, server.ledger.origin);
    world.time = Date.now();
    const sro = { did: DEVELOPMENT_SRO, keys: [developmentSro(crypto, keyFolder(path('log')))] as const };
    const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
    story = Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
    rooms = new SimulatedRooms(story, machine);
    for (const step of rooms.before()) await log(step);
  });

  after(async () => {
    client?.close();
    await server?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function log(step: Step): Promise<number> {
    story.world.time = Date.now();
    try {
      const { index, entryId } = await client.register(step.statement(told));
      entries.set(step.name, { rel: 'after', index, entry: entryId });
      return index;
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      throw Object.assign(new Error(`${step.name}: ${cause.code} ${cause.message}`), { code: cause.code });
    }
  }

  const store = (token?: string) => new EvidenceClient({ url: server.http, ...(token && { token }) });

  function appraiser(docket?: string, now?: () => number): AppraiserService {
    const { did, keys } = story.member('verifier');
    return new AppraiserService({
      ...{ crypto, client, evidence: store(APPRAISER), verifier: { did, key: keys[0] } },
      ...(docket !== undefined && { file: new DocketFile(path(docket), trust) }),
      ...(now && { now }),
    });
  }

  /** Lists new evidence of a room, and stores it. */
  async function listed(
    n: number,
    bytes: Bytes,
    by: EvidenceClient = store(),
  ): Promise<{ digest: Bytes; evidence: string }> {
    await log(rooms.attested(n, bytes));
    const digest = await by.put(bytes, story.roomId(n));
    return { digest, evidence: toBase64url(digest) };
  }

  async function room(n: number) {
    const { values } = await client.facts([CLEANROOM.key(story.roomId(n))]);
    return CLEANROOM.decode(values[0]!);
  }

  const brief = ({ result, code, simulated }: Outcome) => [result, code, simulated];
  const service = () => appraiser('docket');
  let affirmed: Bytes;

  test('nobody reads evidence without a right, or stores what the log does not name', async () => {
    const bytes = rooms.evidence(rooms.binding(1, told, await client.getCheckpoint()));
    const digest = crypto.sha256(bytes);
    const denied = { code: 'EVIDENCE_ACCESS_DENIED' };
    await assert.rejects(store().put(bytes), denied);
    await assert.rejects(store(APPRAISER).put(bytes), denied);
    await assert.rejects(store().put(bytes, story.roomId(1)), { code: 'EVIDENCE_NOT_LISTED' });
    assert.deepEqual(await store(DEPLOYER).put(bytes), digest);
    assert.deepEqual(await store(DEPLOYER).put(bytes), digest);
    for (const token of [undefined, 'c'.repeat(43), DEPLOYER, 'a']) {
      await assert.rejects(store(token).get(digest), denied, String(token));
      // Nor does it say what there is.
      await assert.rejects(store(token).get(new Uint8Array(32)), denied);
    }
    assert.deepEqual(await store(APPRAISER).get(digest), bytes);
    await assert.rejects(store(APPRAISER).get(new Uint8Array(32)), { code: 'EVIDENCE_NOT_FOUND' });
    assert.deepEqual(readdirSync(path('log/evidence')), [toHex(digest)]);
    assert.equal(statSync(path(`log/evidence/${toHex(digest)}`)).mode & 0o777, 0o600);
    assert.equal(statSync(path('log/evidence')).mode & 0o777, 0o700);
  });

  test('evidence that cannot be had is asked for again, and nothing is said of it', async () => {
    const head = await client.getCheckpoint();
    const bytes = rooms.evidence(rooms.binding(1, told, head), { guestPolicy: DEBUG });
    await log(rooms.attested(1, bytes));
    const one = service();
    const [missing] = await one.once();
    assert.deepEqual(brief(missing!), ['unavailable', 'EVIDENCE_NOT_FOUND', true]);
    assert.equal(missing!.entry, null);
    // A server that has other bytes under that name has no evidence either.
    writeFileSync(path(`log/evidence/${toHex(crypto.sha256(bytes))}`), 'other bytes');
    assert.equal((await one.once())[0]!.result, 'unavailable');
    await store().put(bytes, story.roomId(1));
    const [found] = await one.once();
    assert.deepEqual(brief(found!), ['contraindicated', 'GUEST_DEBUG', true]);
    assert.equal((await room(1)).state, 'PROVISIONED');
    assert.deepEqual(await one.once(), []);
  });

  test('what is not bound to the room, its keys or a head of this log is contraindicated', async () => {
    const head = await client.getCheckpoint();
    const good = rooms.binding(1, told, head);
    const other = new Uint8Array(32).fill(9);
    const cases: readonly [object, string][] = [
      [{ signKey: other }, 'BINDING_OTHER_KEYS'],
      [{ deploy: other }, 'BINDING_OTHER_CLEANROOM'],
      [{ log: 'log.example/other' }, 'BINDING_OTHER_LOG'],
      [{ head: { size: head.size, root: other } }, 'BINDING_OTHER_HEAD'],
      [{ head: { size: head.size - 1, root: other } }, 'BINDING_OTHER_HEAD'],
      [{ head: { size: head.size + 1000, root: other } }, 'BINDING_OTHER_HEAD'],
    ];
    for (const [change, code] of cases) {
      await listed(1, rooms.evidence({ ...good, ...change }));
      const outcomes = await service().once();
      assert.deepEqual(outcomes.map(brief), [['contraindicated', code, true]], JSON.stringify(change));
    }
    const strange = await listed(1, utf8('not evidence at all'));
    const [outcome] = await service().once();
    assert.equal(outcome!.evidence, strange.evidence);
    assert.equal(outcome!.result, 'contraindicated');
    await listed(1, rooms.evidence({ ...good }, { hostData: other }));
    assert.equal((await service().once())[0]!.code, 'HOST_DATA_NOT_ALLOWED');
    assert.equal((await room(1)).state, 'PROVISIONED');
  });

  test('good evidence is affirmed, and the room is ATTESTED with the keys that it vouches for', async () => {
    affirmed = rooms.evidence(rooms.binding(1, told, await client.getCheckpoint()));
    await listed(1, affirmed);
    const [outcome] = await service().once();
    assert.deepEqual(brief(outcome!), ['affirming', null, true]);
    const { state, signKid, attestedHead } = await room(1);
    assert.equal(state, 'ATTESTED');
    assert.deepEqual(signKid, story.world.kid(story.asRoom(1).keys[0]));
    assert(attestedHead! <= Date.now() && attestedHead! > Date.now() - 600_000);

    // Every check is on the log, none of them with what names the machine.
    const { statement } = await client.entry({ index: outcome!.entry! });
    const { checks } = parseStatement(crypto, statement!).body as {
      checks: { name: string; passed: boolean }[];
    };
    assert(checks.length > 30 && checks.every(({ passed }) => passed));
    assert.equal(checks.at(-1)!.name, 'host-data.code');
  });

  test('a restart goes on, and without a docket the log says what has been judged', async () => {
    assert.deepEqual(await service().once(), []);
    assert.deepEqual(await appraiser().once(), []);
    const other = { ...trust, genesis: new Uint8Array(32) };
    await assert.rejects(new DocketFile(path('docket'), other).read('did:web:x.example'), {
      code: 'ORIGIN_MISMATCH',
    });
    await assert.rejects(new DocketFile(path('docket'), trust).read('did:web:x.example'), {
      code: 'CONFIG_INVALID',
    });
  });

  test('published again: appraised again, as another entry; age alone takes nothing back', async () => {
    await log(rooms.anchors(2));
    const late = appraiser(undefined, () => Date.now() + 3600_000);
    const old = (await late.once()).filter(({ code }) => code === 'HEAD_STALE');
    assert.deepEqual(old.map(brief), [['passed over', 'HEAD_STALE', true]]);
    const again = (await service().once()).filter(({ result }) => result === 'affirming');
    assert.equal(again.length, 1);
    // What was found bad before the room was attested is not held against it a second time.
    assert.equal((await room(1)).blocked, undefined);
  });

  test('the command does the same, and says that the log is a simulated one', async () => {
    await log(rooms.policy(2));
    const { did, keys } = story.member('verifier');
    writeFileSync(path('key'), encodePrivateKey(keys[0]));
    writeFileSync(path('token'), `${APPRAISER}\n`);
    const args = [
      ...['appraiser', '--once', '--key', path('key'), '--issuer', did, '--token-file', path('token')],
      ...['--server', server.http, '--trust', server.trustFile, '--docket', path('docket')],
    ];
    const { code, stdout, stderr } = await aichain([...args, '-o', 'json']);
    assert.equal(code, 0, stderr);
    const outcomes = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Outcome);
    assert.equal(outcomes.filter(({ result }) => result === 'affirming').length, 1);
    assert(
      outcomes.every(
        ({ simulated, detail }) => simulated && (detail ?? 'it is said already') === 'it is said already',
      ),
    );
    const again = await aichain(args);
    assert.deepEqual([again.code, again.stdout], [0, '']);
    assert.match(again.stderr, /nothing is due/);
    const unknown = await aichain(['appraiser', '--once', '--key', path('key'), '--issuer', did]);
    assert.match(unknown.stderr, /--evidence URL is needed/);
  });

  test('a TCB recovery contraindicates what was affirmed, and blocks the room', async () => {
    const products = story.appraisalPolicy().products.map(({ minTcb, ...cpu }) => ({
      ...cpu,
      minTcb: { ...minTcb, microcode: 255 },
    }));
    await log(rooms.policy(3, { products }));
    const stop = new AbortController();
    const { did, keys } = story.member('verifier');
    // The service follows the log by itself.
    const seen = await new Promise<Outcome>((resolve, reject) => {
      const following = new AppraiserService({
        ...{ crypto, client, evidence: store(APPRAISER), verifier: { did, key: keys[0] } },
        file: new DocketFile(path('docket'), trust),
        observe: (outcome) => {
          if (outcome.evidence === toBase64url(crypto.sha256(affirmed))) resolve(outcome);
        },
      });
      following.run(stop.signal).then(() => reject(new Error('ended')), reject);
    });
    stop.abort();
    assert.deepEqual(brief(seen), ['contraindicated', 'TCB_BELOW_MINIMUM', true]);
    assert((await room(1)).blocked);
    await log(rooms.policy(4));
  });

  test('the report of another room is refused', async () => {
    const abort = { id: story.roomId(1), reason: 'blocked' };
    await log(story.step('abort', story.member('ccrp'), 'cleanroom.abort', abort));
    await log(rooms.deployed(2));
    const { digest } = await listed(2, affirmed);
    const outcomes = await service().once();
    assert.deepEqual(outcomes.map(brief), [['contraindicated', 'BINDING_OTHER_CLEANROOM', true]]);
    assert.equal((await room(2)).state, 'PROVISIONED');
    const { values } = await client.facts([EVIDENCE.key(story.roomId(2), digest)]);
    assert.deepEqual(
      EVIDENCE.decode(values[0]!).results.map(({ result }) => result),
      ['contraindicated'],
    );
    // A verifier that would affirm it all the same is refused by the log.
    const said = parseStatement(crypto, (await client.entry({ index: outcomes[0]!.entry! })).statement!).body;
    const lie = { ...(said as object), result: 'affirming', checks: [] };
    const step = story.step('lie', story.member('verifier'), 'cleanroom.appraise', lie);
    await assert.rejects(log(step), { code: 'EVIDENCE_REPLAYED' });
  });
});
