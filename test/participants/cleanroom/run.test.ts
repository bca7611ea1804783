/** Clean rooms in a real log, with everybody who has a part in them, on the real files of the COVID-19 scenario. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CLEANROOM } from '../../../src/chain/index.ts';
import { BUDGET } from '../../../src/chain/records/dataset.ts';
import { MODEL } from '../../../src/chain/records/model.ts';
import { RUN } from '../../../src/chain/records/run.ts';
import { toHex, utf8 } from '../../../src/core/bytes.ts';
import { encodeCoseKey, encodePrivateKey } from '../../../src/cose/index.ts';
import { evidenceFromFolder, receiveModel } from '../../../src/participants/cleanroom/index.ts';
import { importUnwrappingKey } from '../../../src/participants/key-wrap.ts';
import {
  join as joined,
  prepare,
  readModel,
  readTrainingPipeline,
} from '../../../src/participants/training/index.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { aichain } from '../../cli/fake-terminal.ts';
import { REAL } from '../../depa/scenario.ts';
import { DEBUG } from '../../e2e/simulated-room.ts';
import { realTables } from '../training/covid.ts';
import { Scene } from './scene.ts';
import { aichainProcess, STRACE, writtenIn } from './written.ts';

describe('a clean room', { skip: REAL === undefined && 'no ../shared' }, () => {
  const scene = new Scene();
  const path = (...names: string[]) => scene.path(...names);
  before(async () => {
    const made = await aichain(['cleanroom', 'simulator', '--out', path('simulator')]);
    assert.equal(made.code, 0, made.stderr);
    await scene.begin(path('simulator'));
  });
  after(() => scene.end());

  const steps = () => scene.progress.map(({ step }) => step);

  test('verifies by the trust file that its code names, or does nothing', async () => {
    const trustFile = utf8(`${readFileSync(path('trust.json'), 'utf8')} `);
    await assert.rejects(scene.run('a', { trustFile }), { code: 'TRUST_NOT_CERTIFIED' });
    assert.deepEqual(steps(), []);
  });

  test('is not deployed for more ε than the contract has', async () => {
    const files = scene.pipeline({ privacy_params: { max_grad_norm: 1, epsilon: 1.6 } });
    await assert.rejects(scene.run('b', { files }), { code: 'PIPELINE_EPSILON_OVER_CONTRACT' });
  });

  test('starts from the base model of its contract, or not at all', async () => {
    const baseModel = readFileSync(path('data', readdirSync(path('data'))[0]!));
    await assert.rejects(scene.run('base', { baseModel }), { code: 'MOUNT_DIGEST_MISMATCH' });
    const other = crypto.randomBytes(100);
    await assert.rejects(scene.run('base', { baseModel: other }), { code: 'SEALED_FILE_INVALID' });
    assert.deepEqual(steps(), ['agreed']);
  });

  test('asks for no key when a file is not the registered one, and gives its run back', async () => {
    const data = path('altered');
    cpSync(path('data'), data, { recursive: true });
    const file = join(data, readdirSync(data)[0]!);
    const bytes = readFileSync(file);
    bytes[bytes.length - 40]! ^= 1;
    writeFileSync(file, bytes);
    await assert.rejects(scene.run('c', { data }), { code: 'MOUNT_DIGEST_MISMATCH' });
    assert.deepEqual(steps(), ['agreed', 'deployed', 'ended']);
    assert.equal(scene.releases.length, 0);
    assert(!existsSync(path('c.work', 'room.json')));
  });

  test('that can be looked into is not affirmed, and says why', async () => {
    await assert.rejects(scene.run('d', { guestPolicy: DEBUG }), {
      code: 'CLEANROOM_NOT_ATTESTED',
      message: /guest\.debug/,
    });
  });

  test('with the evidence of another room is not affirmed', async () => {
    const evidence = () => evidenceFromFolder(crypto, path('firmware'), { tee: 'simulated' });
    const earlier = readdirSync(path('log', 'evidence'), { recursive: true, withFileTypes: true });
    const file = earlier.find((entry) => entry.isFile())!;
    mkdirSync(path('firmware'));
    cpSync(join(file.parentPath, file.name), path('firmware', 'evidence.json'));
    await assert.rejects(scene.run('e', { evidence }), {
      code: 'CLEANROOM_NOT_ATTESTED',
      message: /binding\./,
    });
    // What the tool that asks the firmware would have had to use.
    assert.match(
      readFileSync(path('firmware', 'runtime-data.json'), 'utf8'),
      /"cleanroom":"urn:depa:cleanroom:/,
    );
    assert.match(readFileSync(path('firmware', 'report-data.hex'), 'utf8'), /^[0-9a-f]{128}\n$/);
  });

  test('whose process died is ended by the next, so that its run is free again', async () => {
    const never = { tee: 'simulated', evidence: () => new Promise<never>(() => {}) } as const;
    const deployed = new Promise<string>((resolve) => {
      void scene.run('out', {
        evidence: () => never,
        observe: ({ step, detail }) => step === 'deployed' && resolve(detail),
      });
    });
    const left = await deployed;
    assert.equal(JSON.parse(readFileSync(path('out.work', 'room.json'), 'utf8')).cleanroom, left);
    // The contract allows one run: the next room is deployed only if this one is over.
    const data = path('empty');
    mkdirSync(data);
    await assert.rejects(scene.run('out', { data }), { code: 'ARGUMENT_INVALID' });
    const { values } = await scene.client.facts([CLEANROOM.key(left)]);
    assert.equal(CLEANROOM.decode(values[0]!).state, 'ABORTED');
  });

  let outcome: Record<string, never> & { cleanroom: string; run: string; model: string };
  const files = (...folder: string[]) => {
    const names = readdirSync(path(...folder), { recursive: true, withFileTypes: true });
    return names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  };

  test('trains, and leaves a model that only the consumer can open', async () => {
    const { pipeline, supplement } = scene.pipeline();
    writeFileSync(path('pipeline.json'), pipeline);
    writeFileSync(path('supplement.json'), supplement!);
    writeFileSync(path('ccrp.key'), encodePrivateKey(scene.story.member('ccrp').keys[0]), { mode: 0o600 });
    const result = await aichainProcess(path('trace'), [
      ...['cleanroom', 'run', '--server', scene.witnessed.server.http, '--trust', path('trust.json')],
      ...['--contract', scene.story.contract.id, '--pipeline', path('pipeline.json')],
      ...['--supplement', path('supplement.json'), '--data', path('data')],
      ...['--base-model', path('base.sealed'), '--work', path('out.work'), '--out', path('out')],
      ...['--key', path('ccrp.key'), '--issuer', scene.story.member('ccrp').did, '--kms', scene.kms.url],
      ...['--simulator', path('simulator'), '--measurement', '05'.repeat(48), '-o', 'json'],
    ]);
    assert.equal(result.code, 0, result.stderr);
    outcome = JSON.parse(result.stdout);
    assert.deepEqual(readdirSync(path('out')), ['model.sealed']);
    assert.deepEqual(readdirSync(path('out.work')).sort(), ['marks.json', 'pipeline.salt']);

    const base = scene.story.contract.baseModel;
    const trained = await scene.client.facts([MODEL.key(outcome.model)]);
    assert.deepEqual(MODEL.decode(trained.values[0]!).parents, [base]);
    assert.equal(scene.releases.length, 4);

    const scopes = ['icmr', 'cowin', 'index'].map((name) =>
      BUDGET.key(scene.story.member(name).did, `${name}-patients`),
    );
    const { values } = await scene.client.facts([
      ...[CLEANROOM.key(outcome.cleanroom), RUN.key(outcome.run), ...scopes],
    ]);
    assert.equal(CLEANROOM.decode(values[0]!).state, 'TERMINATED');
    const { logs, outputs, epsilon, delta } = RUN.decode(values[1]!);
    assert.deepEqual([logs, outputs.length], [6, 4]);
    assert(outputs.every((output) => output.private));
    assert(epsilon <= 1_000_000 && epsilon > 990_000);
    for (const value of values.slice(2)) {
      const { spent, reserved } = BUDGET.decode(value!);
      assert.deepEqual(
        [spent, reserved],
        [
          { epsilon, delta },
          { epsilon: 0, delta: 0 },
        ],
      );
    }
  });

  test('its model is opened by its consumer, declared file by file, and is better than the trivial one', async () => {
    const { did, keys } = scene.story.member('tdc');
    const wrong = crypto.generatePrivateKey('ES256');
    const unwrapping = await importUnwrappingKey(encodeCoseKey(wrong.publicKey), wrong.secret);
    const consumer = { did, key: keys[0], unwrapping };
    const receiving = { crypto, client: scene.client, folder: path('out'), consumer };
    await assert.rejects(receiveModel(receiving), { code: 'RELEASE_KEY_NOT_OF_PARTY' });

    // What lies beside the one file that was released is nothing that the room has declared.
    cpSync(path('out'), path('carried'), { recursive: true });
    writeFileSync(path('carried', 'metrics.json'), '{}');
    await assert.rejects(receiveModel({ ...receiving, folder: path('carried') }), {
      code: 'OUTPUT_NOT_DECLARED',
      message: /metrics\.json/,
    });

    writeFileSync(path('tdc.key'), encodePrivateKey(keys[0]), { mode: 0o600 });
    writeFileSync(path('enc.key'), encodePrivateKey(scene.encryption), { mode: 0o600 });
    const received = await aichain([
      ...['cleanroom', 'receive', '--server', scene.witnessed.server.grpc, '--trust', path('trust.json')],
      ...['--delivery', path('out'), '--out', path('model'), '--issuer', did],
      ...['--answers', path('answers')],
      ...['--key', path('tdc.key'), '--wrap-key', path('enc.key'), '-o', 'json'],
    ]);
    assert.equal(received.code, 0, received.stderr);
    const model = readModel(readFileSync(path('model', 'trained_model.safetensors')));
    const { pipeline, supplement } = scene.pipeline();
    const plan = readTrainingPipeline(pipeline, supplement);
    const { heldOut } = prepare(crypto, plan.dataset, joined(plan.join, realTables()));
    const right = heldOut.rows.filter((row, i) => Number(model.network.logit(row) > 0) === heldOut.labels[i]);
    const positive = heldOut.labels.reduce((sum, label) => sum + label, 0) / heldOut.labels.length;
    const [accuracy, trivial] = [right.length / heldOut.rows.length, Math.max(positive, 1 - positive)];
    assert(accuracy > trivial + 0.1, `${accuracy} against ${trivial}`);
  });

  test('declares what its gates answered, which anybody verifies offline', async () => {
    const bundles = files('answers').filter((name) => name.endsWith('.bundle'));
    const taken = bundles.sort().map((name) => /\d{3}-(.*)\.bundle$/.exec(name)![1]!);
    assert.deepEqual(
      [...new Set(taken)],
      ['contract.activate', 'cleanroom.deploy', 'run.start', 'budget.spend', 'model.release'],
    );
    for (const step of ['run.start', 'model.release']) {
      const bundle = bundles[taken.indexOf(step)]!;
      const result = await aichain([
        ...['verify', 'bundle', bundle, '--archive', '--step', step, '--trust', path('trust.json')],
        ...['--request', bundle.replace(/bundle$/, 'json')],
      ]);
      assert.equal(result.code, 0, result.stderr);
    }
  });

  test('everything outside of its folder is declared, and nothing of the data is in the clear anywhere', async () => {
    const { values } = await scene.client.facts([RUN.key(outcome.run), MODEL.key(outcome.model)]);
    const [run, model] = [RUN.decode(values[0]!), MODEL.decode(values[1]!)];
    // What the process has made, wherever: it is in its own folder, or on its way out.
    assert(STRACE ?? !process.env.CI, 'strace is not installed, and this is CI');
    const written = STRACE ? writtenIn(path('trace')).filter((file) => !file.startsWith('/dev/')) : [];
    const elsewhere = written.filter((file) => !file.startsWith(`${path('out.work')}/`));
    const aside = /model\.sealed(\.\d+\.tmp)?$/;
    assert.deepEqual(
      elsewhere.filter((file) => !aside.test(file) || dirname(file) !== path('out')),
      [],
    );
    const left = files('out');
    assert.deepEqual(left, [path('out', 'model.sealed')]);
    assert.deepEqual(crypto.sha256(readFileSync(left[0]!)), model.ciphertext);
    const received = files('model').map((file) => {
      const bytes = readFileSync(file);
      return { name: basename(file), size: bytes.length, digest: toHex(crypto.sha256(bytes)) };
    });
    const declared = run.outputs.map(({ name, size, digest }) => ({ name, size, digest: toHex(digest) }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    assert.deepEqual(received.sort(byName), declared.sort(byName));

    // The people, each by the number that the tables are joined by, and whole rows: in what room, log, KMS and consumer keep.
    const rows = [...realTables().values()].flatMap((table) => table.rows);
    const people = new Set(rows.flat().filter((value) => /^[0-9a-f]{64}$/.test(value)));
    const lines = new Set(rows.map((row) => row.join(',')));
    assert(people.size > 2000 && lines.size > 6000);
    const all = files();
    assert(all.length > 40);
    for (const file of all) {
      const text = readFileSync(file, 'latin1');
      for (const [found] of text.matchAll(/[0-9a-f]{64}/g)) assert(!people.has(found), file);
      for (const line of text.split(/\r?\n/)) assert(!lines.has(line), file);
      if (!file.startsWith(path('model'))) assert(!text.includes('fc1.weight'), file);
    }
  });

  test('is the only one under its contract', async () => {
    await assert.rejects(scene.run('again'), { code: 'MAX_RUNS_REACHED' });
  });
});
