/**
 * DEPA-Training's COVID-19 scenario on its own files, all 2119 rows of three tables: every participant's part, each service a
 * process, from the program that `npm run build` makes. What DEPA's files lack is in scenarios/covid.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toHex } from '../../../src/core/bytes.ts';
import { readModel } from '../../../src/participants/training/index.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { REAL } from '../../depa/scenario.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PATIENCE = 480_000;

interface Line {
  readonly index: number;
  readonly who: string;
  readonly kind: string;
  readonly verdict: string;
}

describe('the COVID-19 scenario', { skip: REAL === undefined && 'no ../shared' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-covid-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'run');
  const aichain = (...args: readonly string[]) => {
    const options = { encoding: 'utf8', timeout: PATIENCE, maxBuffer: 1 << 26 } as const;
    const done = spawnSync(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...args], options);
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };
  const published = () => {
    const { runs } = JSON.parse(readFileSync(join(REAL!, 'training_runs_from_readmes.json'), 'utf8'));
    return runs.find((run: { scenario: string }) => run.scenario === 'covid');
  };

  test('is played to its end, on the files as they came', (t) => {
    const [scenario, ours] = [join(REAL!, 'covid'), join(ROOT, 'scenarios/covid')];
    const said = JSON.parse(
      aichain('scenario', 'run', scenario, '--overlay', ours, '--out', out, '-o', 'json'),
    );
    const entries: readonly Line[] = said.entries;
    assert.deepEqual(
      entries.filter(({ verdict }) => verdict !== 'ok'),
      [],
    );
    const logged = entries.map(({ kind }) => kind);
    const count = (kind: string) => logged.filter((each) => each === kind).length;
    const whole = {
      ...{ 'participant.register': 8, 'delegate.grant': 3, 'dataset.register': 3, 'contract.propose': 1 },
      ...{ 'contract.sign': 5, 'cleanroom.deploy': 1, 'cleanroom.attest': 1, 'cleanroom.appraise': 1 },
      ...{ 'payment.hold': 3, 'key.request': 3, 'key.release': 3, 'key.receive': 3, 'run.start': 1 },
      ...{ 'run.log': 5, 'run.complete': 1, 'payment.settle': 3, 'model.release': 1, 'model.receive': 1 },
      ...{ 'cleanroom.terminate': 1, 'contract.complete': 1 },
    };
    for (const [kind, times] of Object.entries(whole)) assert.equal(count(kind), times, kind);
    // No key is asked for before all is paid in, none received before all are granted, and nothing runs before that.
    const order = ['payment.hold', 'key.request', 'key.release', 'key.receive', 'run.start'];
    for (const [i, kind] of order.slice(1).entries()) {
      assert.ok(logged.lastIndexOf(order[i]!) < logged.indexOf(kind), kind);
    }

    const { samples, epochs, metrics } = published();
    const budgets: readonly { spent: number; allocated: number }[] = said.budgets;
    assert.equal(budgets.length, 3);
    for (const { spent, allocated } of budgets) {
      assert.equal(allocated, 1.5);
      // As much as the published run, whose five epochs end at 1.4947; never more than was agreed on.
      assert.ok(spent <= allocated && spent >= epochs.at(-1).epsilon, String(spent));
    }
    const { accuracy, baseline } = said.heldOut;
    assert.ok(accuracy > baseline + 0.1 && accuracy > metrics.accuracy, `${accuracy} against ${baseline}`);
    t.diagnostic(
      `held out: ${accuracy.toFixed(4)}, always the same ${baseline.toFixed(4)}; ε ${budgets[0]!.spent}`,
    );
    t.diagnostic(
      `published: ${metrics.accuracy.toFixed(4)} of ${samples.test} rows; ε ${epochs.at(-1).epsilon}`,
    );
    assert.ok(said.payments.every(({ state }: { state: string }) => state.startsWith('settle')));
  });

  test('every file that left was declared, ε after each epoch with it, and no row is anywhere in the clear', () => {
    // One file leaves the room; what was sealed in it was received, each as it was declared, or not at all.
    assert.deepEqual(readdirSync(join(out, 'delivery')), ['model.sealed']);
    const files = [
      'evaluation_metrics.json',
      'gate_answers.json',
      'trained_model.safetensors',
      'training_log.json',
    ];
    assert.deepEqual(readdirSync(join(out, 'model')).sort(), files);
    const log = JSON.parse(readFileSync(join(out, 'model/training_log.json'), 'utf8'));
    const epsilons: number[] = log.epochs.map(({ epsilon }: { epsilon: number }) => epsilon);
    assert.equal(epsilons.length, published().epochs.length);
    assert.deepEqual(
      epsilons,
      [...epsilons].sort((a, b) => a - b),
    );
    const { features, target } = readModel(readFileSync(join(out, 'model/trained_model.safetensors')));
    assert.deepEqual([features.length, target], [9, 'icmr_a_icmr_test_result']);

    const rows = readFileSync(join(REAL!, 'covid/data/icmr/poc_data_icmr_data.csv'), 'utf8').split('\r\n');
    const digest = (row: string) => toHex(crypto.sha256(new TextEncoder().encode(row.split(',')[1]!)));
    const people = [rows[1]!, rows[1000]!, rows[2000]!].map(digest);
    const written = readdirSync(out, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    assert.ok(written.length > 50);
    for (const { parentPath, name } of written) {
      const bytes = readFileSync(join(parentPath, name));
      for (const person of people) assert.ok(!bytes.includes(person), join(parentPath, name));
    }
  });

  test('the model is verified again by who has nothing but the files', () => {
    const bundle = ['--bundle', join(out, 'bundles/model.proof'), '--trust', join(out, 'log/trust.json')];
    const said = aichain('model', 'verify', join(out, 'model'), ...bundle);
    for (const rung of ['release', 'run', 'privacy', 'attestation', 'contract', 'status']) {
      assert.match(said, new RegExp(`✓ ${rung}`));
    }
    assert.match(said, /VERIFIED/);
  });
});
