/** Scenarios as they are read: DEPA-Training's own files beside a folder of ours, and what is wrong with others. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fromHex, utf8 } from '../../../src/core/bytes.ts';
import { importContract } from '../../../src/depa/index.ts';
import { readImportConfig } from '../../../src/participants/kms/import-config.ts';
import { keyImportConfig } from '../../../src/participants/scenario/key-import.ts';
import { readScenario, withOverlay } from '../../../src/participants/scenario/scenario-files.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { REAL } from '../../depa/scenario.ts';

const OURS = fileURLToPath(new URL('../../../scenarios/covid', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'aichain-scenario-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

test('DEPA’s COVID-19 scenario as it came, with our overlay beside it', { skip: REAL === undefined }, () => {
  const scenario = join(REAL!, 'covid');
  assert.throws(() => readScenario(scenario), { code: 'ARGUMENT_INVALID', message: /no overlay.json/ });
  const { sources, pipeline, supplement, tables, keyImport } = readScenario(scenario, OURS);
  assert.equal(pipeline, join(scenario, 'config/pipeline_config.json'));
  assert.equal(supplement, join(OURS, 'config/supplement.json'));
  assert.deepEqual([...tables.keys()].sort(), ['cowin', 'icmr', 'index']);
  const digest = '1'.repeat(64);
  const sealed = withOverlay(sources, (overlay) => {
    for (const said of Object.values(overlay.datasets)) {
      Object.assign(said as object, { ciphertext: digest, plaintext: digest, size: 1 });
    }
    overlay.code.ledgerTrust = digest;
  });
  // Two of them may not be one file.
  const now = { origin: 'log.example/test', at: 1_767_225_600, salt: new Uint8Array(32) };
  const { problems, bodies, replaced } = importContract(crypto, sealed, now);
  assert.deepEqual(problems, []);
  const kinds = [
    'code.certify',
    ...Array(3).fill('dataset.register'),
    'contract.propose',
    'cleanroom.deploy',
  ];
  assert.deepEqual(
    bodies.map(({ kind }) => kind),
    kinds,
  );
  // What its parties sign are the bytes of DEPA's own file; what they mean otherwise is named.
  const { text } = bodies[4]!.body as { text: Uint8Array };
  assert.deepEqual(text, crypto.sha256(sources.contract.bytes));
  assert.ok(replaced.some(({ path }) => path === 'expiryTime'));

  const hostData = ['2'.repeat(64), '3'.repeat(64)];
  const config = keyImportConfig(keyImport, 'a key', hostData);
  assert.match(config, /"kty": "oct-HSM"/);
  const taken = { dataKeyId: 'a key', hostData: hostData.map(fromHex) };
  assert.deepEqual(readImportConfig(utf8(config)), taken);
  assert.deepEqual(readImportConfig(utf8(keyImportConfig(undefined, 'a key', hostData))), taken);
});

test('files of ours come before those of the same name; what is missing or no JSON is named', () => {
  for (const name of ['contract/contract', 'config/pipeline_config', 'config/dataset_config', 'scenario']) {
    written(`theirs/${name}.json`, '{}');
  }
  written('theirs/policy/policy-in-template.json', '{"template":true}');
  written('ours/policy/policy-in.json', '{"template":false}');
  const [theirs, ours] = [join(folder, 'theirs'), join(folder, 'ours')];
  const invalid = (message: RegExp) => ({ code: 'ARGUMENT_INVALID', message });
  assert.throws(() => readScenario(theirs, ours), invalid(/theirs: no overlay.json/));
  written('ours/overlay.json', '{}');
  assert.throws(() => readScenario(theirs, ours), invalid(/data is missing/));
  written('theirs/data/one/table.csv', 'a\n');
  const { sources, supplement, tables } = readScenario(theirs, ours);
  assert.equal(sources.policy!.name, 'policy/policy-in.json');
  assert.equal(supplement, undefined);
  assert.deepEqual([...tables], [['one', join(theirs, 'data/one/table.csv')]]);
  written('theirs/data/one/other.csv', 'a\n');
  assert.throws(() => readScenario(theirs, ours), invalid(/has to have one table/));
  for (const text of ['{', 'null', '7']) {
    const overlay = { name: 'overlay.json', bytes: utf8(text) };
    assert.throws(
      () => withOverlay({ ...sources, overlay }, () => undefined),
      invalid(/overlay.json is not/),
    );
  }
  for (const text of ['{', '{}', '{"key":{},"claims":[1]}']) {
    assert.throws(() => keyImportConfig(written('template', text), 'kid', []), { code: 'ARGUMENT_INVALID' });
  }
});
