import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseStatement } from '../../src/chain/index.ts';
import { fromHex, toBase64url } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { COVID_OVERLAY, REAL } from '../depa/scenario.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const LOG = ['--log', 'log.example/1'];
const covid = (name: string) => `${REAL}/covid/${name}`;
const FILES = [
  ...[covid('contract/contract.json'), '--overlay', fileURLToPath(COVID_OVERLAY)],
  ...['--pipeline', covid('config/pipeline_config.json')],
  ...['--dataset', covid('config/dataset_config.json'), '--scenario', covid('scenario.json')],
];

describe('aichain contract import', { skip: REAL === undefined && 'no ../shared' }, () => {
  test('writes bodies that aichain sign takes', async () => {
    const out = path('bodies');
    const answer = await aichainJson(['contract', 'import', ...FILES, ...LOG, '--out', out]);
    const names = readdirSync(out).sort();
    assert.deepEqual(names, [
      '01-dataset.register.icmr_test_results.json',
      '02-dataset.register.cowin_vaccine_data.json',
      '03-dataset.register.index_patient_records.json',
      '04-contract.propose.json',
      '05-cleanroom.deploy.json',
      'pipeline.salt',
    ]);
    assert.equal((await aichain(['keygen', '--out', path('key')])).code, 0);
    for (const { kind, signer, file } of answer.bodies) {
      const args = ['sign', '--key', path('key'), '--issuer', signer, '--kind', kind, '--body', file, ...LOG];
      const { code, stderr, stdoutBytes } = await aichain(args);
      assert.equal(code, 0, stderr);
      assert.equal(parseStatement(nodeCrypto, stdoutBytes).chain?.kind, kind);
    }
    // Whoever has the salt and the file can show what the commitment is to.
    const salt = fromHex(readFileSync(`${out}/pipeline.salt`, 'utf8').trim());
    const file = readFileSync(covid('config/pipeline_config.json'));
    const commitment = toBase64url(nodeCrypto.sha256(new Uint8Array(Buffer.concat([salt, file]))));
    assert.deepEqual(answer.bodies.at(-1).body.pipeline, { $bytes: commitment });
  });

  test('names every problem with file, path and code, and ends with the exit code of the first', async () => {
    const args = ['contract', 'import', covid('contract/contract.json'), ...LOG];
    const { code, stderr } = await aichain(args);
    assert.equal(code, 16);
    const file = covid('contract/contract.json');
    assert.ok(
      stderr.includes(`${file}: ccrp: PLACEHOLDER_VALUE: "did:web:$CCRP_USERNAME.github.io" stands for`),
    );
    assert.ok(stderr.includes(`${file}: expiryTime: CONTRACT_ALREADY_EXPIRED: the contract has ended on`));
    assert.match(stderr, /aichain: PLACEHOLDER_VALUE: .* \(and \d+ more\)\n/);
    const { problems } = await aichainJson(args);
    assert.ok(problems.every((p: object) => Object.keys(p).join() === 'file,path,code,message'));
  });

  test('is called wrongly', async () => {
    for (const args of [[], [...LOG, '--trust', 'x'], ['--log', 'with space'], [...LOG, '--at', 'noon']]) {
      assert.equal((await aichain(['contract', 'import', covid('contract/contract.json'), ...args])).code, 2);
    }
  });
});
