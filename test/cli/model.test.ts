/** `aichain model`: a model that a clean room has released, from files, with a log and without one. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Bytes, toHex, utf8 } from '../../src/core/bytes.ts';
import {
  decodeModelEvidence,
  encodeModelEvidence,
  formatTrust,
  type ModelEvidence,
  verifyModel,
} from '../../src/verify/index.ts';
import { type Served, serve } from '../client/served.ts';
import { REAL } from '../depa/scenario.ts';
import { crypto } from '../log/world.ts';
import { StoryLog } from '../service/story-log.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

/** In the story, the digest of a file is that of its name. */
const [MODEL, METRICS] = ['trained_model.onnx', 'evaluation_metrics.json'];
const TRUSTING = '--insecure-trust-operator';

/**
 * The whole run, and beside it what is logged about the same things and is nobody's word that the model rests on: a warning
 * by the verifier in the very batch in which it affirms, and a release by who keeps no such key, which is denied.
 */
async function disturbed(): Promise<StoryLog> {
  const log = await StoryLog.begin();
  const { story } = log;
  for (const step of story.steps()) {
    if (step.name === 'cleanroom.appraise 1') {
      const warning = story.appraisal(1, { result: 'warning' });
      await log.submit('a warning', warning.kind, () => warning.statement(log));
      log.world.advance(-1);
    }
    if (step.name === 'key.release icmr 1') {
      const body = { id: story.urn('release', 100), nonce: story.digest('a nonce of its own') };
      await log.step(story.member('cowin'), 'key.release', body);
    }
    await log.submit(step.name, step.kind, () => step.statement(log));
  }
  return log;
}

describe('aichain model', { skip: REAL === undefined && 'no ../shared' }, () => {
  const file = testFolder();
  const trust = file('trust.json');
  let story: StoryLog;
  let served: Served;
  let connection: string[];
  const offline = (bundle = file('bundle')) => ['--bundle', bundle, '--trust', trust];
  const verify = (...args: string[]) => aichain(['model', 'verify', ...args]);
  const verifyJson = (...args: string[]) => aichainJson(['model', 'verify', ...args]);

  before(async () => {
    story = await disturbed();
    served = await serve(story.ledger);
    writeFileSync(trust, formatTrust(crypto, story.trust));
    connection = ['--server', `127.0.0.1:${served.ports.grpc}`, '--trust', trust];
    writeFileSync(file('model'), MODEL);
    writeFileSync(file('altered'), `${MODEL}!`);
    for (const [name, more] of Object.entries({ whole: {}, more: { 'notes.txt': 'mine' } })) {
      mkdirSync(file(name));
      const files = { [MODEL]: MODEL, [METRICS]: METRICS, ...more };
      for (const [each, content] of Object.entries(files)) writeFileSync(file(`${name}/${each}`), content);
    }
    const kept = await verify(file('model'), '--out', file('bundle'), TRUSTING, ...connection);
    assert.equal(kept.code, 0, kept.stderr);
  });
  after(async () => {
    await served.close();
    await story.log.close();
  });

  test('a released model is verified from files, each step shown', async () => {
    const { code, stdout, stderr } = await verify(file('model'), TRUSTING, ...offline());
    assert.equal(code, 0, stderr);
    for (const line of [
      /✓ checkpoint/,
      /– replay +the operator is trusted/,
      /✓ release +urn:depa:model:\S+: entry \d+, model\.release to did:web:\S+, 20\S+; SHA-256 [0-9a-f]{64}/,
      /✓ files +the file is the model/,
      /✓ run +urn:depa:run:\S+: COMPLETED; run\.start entry \d+, run\.complete entry \d+/,
      /✓ privacy +ε 1\.4947 of 1\.5 reserved, δ 0\.01; logged 5 times/,
      /✓ clean room +\S+: TERMINATED; deployed by did:web:\S+, entry \d+; code \S+: CERTIFIED/,
      /✓ attestation +simulated evidence of entry \d+, affirmed by did:web:\S+, entry \d+/,
      /✓ contract +\S+: SIGNED; for TRAINING; signed by (?:did:web:\S+ \(entry \d+\)(?:, )?){5}/,
      /✓ status +RECEIVED, not recalled; nothing that it rests on has been stopped/,
    ]) {
      assert.match(stdout, line);
    }
    assert.equal(stdout.match(/✓ dataset/g)?.length, 3);
    assert.equal(stdout.match(/✓ keys/g)?.length, 3);
    assert.match(stdout, new RegExp(`affirmed by \\S+, entry ${story.ref('cleanroom.appraise 1').index}\\n`));
    assert.match(stdout, new RegExp(`✓ keys .*, entry ${story.ref('key.release icmr 1').index}\\n`));
  });

  test('a folder is verified if everything in it was released with the model', async () => {
    const whole = await verifyJson(file('whole'), TRUSTING, ...offline());
    assert.deepEqual([whole.verified, whole.state, whole.datasets.length], [true, 'RECEIVED', 3]);
    const more = await verifyJson(file('more'), TRUSTING, ...offline());
    assert.deepEqual([more.verified, more.code], [false, 'MODEL_UNKNOWN']);
    // Under its own name, wherever it lies: as another tool's digest of the folder would have it.
    mkdirSync(file('inner/weights'), { recursive: true });
    writeFileSync(file(`inner/weights/${MODEL}`), MODEL);
    assert.equal((await verifyJson(file('inner'), TRUSTING, ...offline())).verified, true);
    mkdirSync(file('swapped'));
    writeFileSync(file(`swapped/${MODEL}`), METRICS);
    writeFileSync(file(`swapped/${METRICS}`), MODEL);
    const swapped = await verify(file('swapped'), TRUSTING, ...offline());
    assert.deepEqual(
      [swapped.code, /left the clean room under another name/.test(swapped.stderr)],
      [11, true],
    );
  });

  test('an altered file is no model of the log', async () => {
    for (const from of [connection, offline()]) {
      const { code, stderr } = await verify(file('altered'), TRUSTING, ...from);
      assert.deepEqual([code, /MODEL_UNKNOWN/.test(stderr)], [11, true], stderr);
    }
  });

  test('nobody vouches for the state, unless the operator is trusted', async () => {
    const { code, stderr } = await verify(file('model'), ...connection);
    assert.deepEqual([code, /QUORUM_NOT_MET/.test(stderr)], [13, true], stderr);
  });

  test('evidence says nothing of another model, and is of no use without the model', async () => {
    const other = story.story.urn('model', 9);
    const wrong = await verify(file('model'), '--model', other, TRUSTING, ...offline());
    assert.match(wrong.stderr, /REQUEST_MISMATCH/);
    assert.equal((await verify(file('model'), '--model', other, TRUSTING, ...connection)).code, 3);
    const alone = await aichain(['verify', file('bundle'), '--trust', trust]);
    assert.match(alone.stderr, /aichain model verify/);
    const { stdout } = await aichain(['inspect', file('bundle')]);
    assert.match(stdout, /evidence of a model/);
  });

  test('what is asked wrongly', async () => {
    assert.equal((await verify(file('nothing'), TRUSTING, ...offline())).code, 2);
    assert.equal((await verify(file('model'), '--archive', ...connection)).code, 2);
    assert.equal((await verify(file('model'), '--out', file('x'), ...offline())).code, 2);
  });

  test('evidence from which something was left out, or that was changed', async () => {
    const bytes = new Uint8Array(readFileSync(file('bundle')));
    const files = {
      digest: crypto.sha256(utf8('x')),
      resources: [{ name: '.', digest: story.story.digest(MODEL) }],
    };
    const outcome = (evidence: Bytes) => {
      const found = verifyModel({ crypto, trust: story.trust, evidence, files, insecureTrustOperator: true });
      return found.verified ? 'verified' : found.error.code;
    };
    assert.equal(outcome(bytes), 'verified');
    const whole = decodeModelEvidence(bytes);
    const without = (change: Partial<ModelEvidence>) => outcome(encodeModelEvidence({ ...whole, ...change }));
    whole.entries.forEach((_, i) => {
      if (i % 4 === 0)
        assert.equal(without({ entries: whole.entries.toSpliced(i, 1) }), 'BUNDLE_INCOMPLETE', `entry ${i}`);
    });
    whole.facts.forEach(({ key }, i) => {
      if (i % 4 === 0)
        assert.equal(without({ facts: whole.facts.toSpliced(i, 1) }), 'BUNDLE_INCOMPLETE', toHex(key));
    });
    for (const name of ['cleanroom.appraise 1', 'key.release icmr 1']) {
      const { index } = story.ref(name);
      const others = whole.entries.filter((entry) => entry.index !== index);
      assert.equal(without({ entries: others }), 'BUNDLE_INCOMPLETE', name);
    }
    const absent = whole.facts.map((fact) => ({ ...fact, value: null }));
    assert.equal(without({ facts: absent }), 'FACT_INVALID');
    assert.notEqual(without({ model: story.story.urn('model', 2) }), 'verified');
    for (let i = 0; i < bytes.length; i += 1499) {
      assert.notEqual(outcome(bytes.with(i, bytes[i]! ^ 1)), 'verified', `byte ${i}`);
    }
    assert.equal(outcome(bytes.slice(0, -1)), 'BUNDLE_MALFORMED');
  });

  test('what has been stopped since is said; a recalled model fails', async () => {
    const { story: told, sro } = story;
    const dataset = told.contract.datasets[0];
    await story.step(
      told.member('icmr'),
      'dataset.withdraw',
      {
        ...{ id: dataset.id, version: dataset.version, reason: 'consent was withdrawn' },
      },
      [story.ref('dataset.register icmr')],
    );
    const flagged = await verifyJson(file('model'), TRUSTING, ...connection);
    assert.equal(flagged.verified, true);
    assert.match(flagged.flags.join(), /^source urn:depa:dataset:\S+ version 1 is WITHDRAWN$/);
    await story.step(sro, 'model.recall', { model: told.urn('model'), reason: 'found to be wrong' });
    const recalled = await verify(file('model'), TRUSTING, ...connection);
    assert.deepEqual([recalled.code, /MODEL_RECALLED/.test(recalled.stderr)], [14, true], recalled.stderr);
    const archived = await verifyJson(file('model'), TRUSTING, '--archive', ...offline());
    assert.deepEqual([archived.verified, archived.archive], [true, true]);
  });

  test('digests of files', async () => {
    const { stdout } = await aichain(['model', 'digest', file('model')]);
    assert.equal(stdout.split(' ')[0], toHex(story.story.digest(MODEL)));
    const statement = await aichainJson(['model', 'digest', file('whole')]);
    assert.deepEqual(
      statement.predicate.resources.map(({ name }: { name: string }) => name),
      [METRICS, MODEL],
    );
  });
});
