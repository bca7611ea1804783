/** `aichain appraise` and `aichain policy check`, on genuine evidence and on the documents as operators write them. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { bodyText } from '../../src/cli/json-body.ts';
import { fromHex, toBase64url, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import {
  amdAnchors,
  baseline,
  FEED,
  folder as genuine,
  ISSUER,
  readVector,
  readVectors,
  TIME,
} from '../attestation/genuine.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const skip = genuine === undefined;
const AT = String(TIME / 1000);

async function documents(minSvn = 103) {
  const write = async (name: string, content: string | Uint8Array) => {
    await writeFile(path(name), content);
    return path(name);
  };
  const { facts } = readVectors().find(({ id }) => id === 'depa-aci-milan-v3')!;
  const endorsedBy = [{ issuer: ISSUER, feed: FEED, minSvn }];
  const policy = baseline(facts, { launch: { endorsedBy, measurements: [] } });
  const [aci, snp] = [amdAnchors('snp-aci'), amdAnchors('snp')];
  return {
    ...{ write, facts },
    evidence: await write('evidence.json', readVector('azure-depa-inferencing-kms/snp.json')),
    policy: await write('policy.json', bodyText({ id: 'any', version: 1, policy })),
    policyAlone: await write('policy.cbor', encode(policy as unknown as Cbor)),
    anchors: await write('anchors.json', bodyText(aci)),
    rawAnchors: await write('raw-anchors.cbor', encode(snp as unknown as Cbor)),
  };
}

describe('aichain appraise', { skip }, () => {
  it('affirms the sample of DEPA’s KMS, and says each check', async () => {
    const { evidence, policy, anchors, facts } = await documents();
    const args = ['appraise', evidence, '--policy', policy, '--anchors', anchors, '--at', AT];
    const expected = ['--report-data', facts.reportData, '--head', AT];
    const { code, stdout, stderr } = await aichain([...args, ...expected]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^✓ report\.signature {5}by it$/m);
    assert.match(stdout, /^affirming$/m);
    assert.doesNotMatch(stdout, new RegExp(facts.chipId as string));
    const json = await aichainJson([...args, ...expected]);
    assert.equal(json.submods['snp-aci']['ear.status'], 'affirming');
    assert.equal(json.iat, TIME / 1000);
  });

  it('refuses it with the code and the exit code of the first check that fails', async () => {
    const { evidence, policy, anchors, facts } = await documents(104);
    const args = ['appraise', evidence, '--policy', policy, '--anchors', anchors, '--at', AT];
    const { code, stdout, stderr } = await aichain([
      ...args,
      '--report-data',
      facts.reportData,
      '--head',
      AT,
    ]);
    assert.equal(code, 14);
    assert.match(stderr, /^aichain: UVM_SVN_BELOW_MINIMUM: launch\.measurement: .*found svn 103/m);
    assert.match(stdout, /^✗ launch\.measurement {3}UVM_SVN_BELOW_MINIMUM/m);
    assert.match(stdout, /^contraindicated: UVM_SVN_BELOW_MINIMUM$/m);
  });

  it('takes the pieces as files of their own, and documents in CBOR', async () => {
    const { policyAlone, rawAnchors, facts, write } = await documents();
    const pieces = ['report.bin', 'endorsements.pem', 'uvm_endorsements.cose'];
    const files = await Promise.all(
      pieces.map((name) => write(name, readVector(`azure-depa-inferencing-kms/${name}`))),
    );
    const out = path('result.cbor');
    const args = [
      'appraise',
      ...files,
      '--policy',
      policyAlone,
      '--anchors',
      rawAnchors,
      '--at',
      AT,
      '--out',
      out,
    ];
    const { code, stderr } = await aichain([...args, '--report-data', facts.reportData, '--head', AT]);
    assert.equal(code, 0, stderr);
    const result = decode(new Uint8Array(await readFile(out))) as ReadonlyMap<string, unknown>;
    assert.equal(result.get('tier'), 'affirming');
  });

  it('without an expectation: a warning, and no success', async () => {
    const { evidence, policy, anchors } = await documents();
    const { code, stderr } = await aichain([
      'appraise',
      evidence,
      '--policy',
      policy,
      '--anchors',
      anchors,
      '--at',
      AT,
    ]);
    assert.equal(code, 14);
    assert.match(stderr, /^aichain: BINDING_NOT_ASKED/m);
  });

  it('a damaged signature has the exit code of a bad signature, a malformed envelope that of malformed input', async () => {
    const { evidence, policy, anchors, write } = await documents();
    const text = (await readFile(evidence, 'utf8')).replace(
      '"evidence": "AwAAAAIAAAAf',
      '"evidence": "AwAAAAMAAAAf',
    );
    const damaged = await write('damaged.json', text);
    const args = ['--policy', policy, '--anchors', anchors, '--at', AT];
    assert.equal((await aichain(['appraise', damaged, ...args])).code, 10);
    const odd = await write('odd.json', '{"evidence": 7}');
    assert.equal((await aichain(['appraise', odd, ...args])).code, 16);
  });

  it('wrong calls', async () => {
    const { evidence, policy, anchors, facts, write } = await documents();
    const args = ['--policy', policy, '--anchors', anchors];
    const call = async (...more: string[]) => (await aichain(['appraise', ...more, ...args])).code;
    assert.equal(await call(evidence, evidence), 2);
    assert.equal(await call(policy), 2);
    assert.equal(await call(evidence, '--report-data', facts.reportData), 2);
    assert.equal(await call(evidence, '--head', AT), 2);
    assert.equal(await call(evidence, '--report-data', 'ab', '--head', AT), 2);
    assert.equal(await call(evidence, '--at', 'tomorrow'), 2);
    assert.equal((await aichain(['appraise', evidence, '--policy', anchors, '--anchors', anchors])).code, 16);
    const open = await write('open.json', bodyText({ ...baseline(facts), hostData: [] }));
    const { code, stderr } = await aichain(['appraise', evidence, '--policy', open, '--anchors', anchors]);
    assert.equal(code, 14);
    assert.match(stderr, /APPRAISAL_POLICY_ALLOWS_ALL/);
  });
});

describe('aichain policy check', () => {
  const POLICY = `package policy
framework_version := "0.2.3"
containers := [{"command": ["python3", "train.py"], "layers": ["aa", "bb"], "allow_stdio_access": true,
  "env_rules": [{"pattern": "PATH=.+", "strategy": "re2", "required": false}], "exec_processes": [], "mounts": []}]
fragments := [{"issuer": "did:x509:0:sha256:x", "feed": "infra", "minimum_svn": "1", "includes": ["containers"]}]
allow_runtime_logging := true
mount_device := data.framework.mount_device
mount_overlay := data.framework.mount_overlay
create_container := data.framework.create_container
exec_in_container := data.framework.exec_in_container
exec_external := data.framework.exec_external
load_fragment := data.framework.load_fragment
`;

  it('explains a policy that binds the host', async () => {
    const json = await aichainJson(['policy', 'check', '-'], { stdin: POLICY });
    assert.equal(json.verdict, 'closed');
    assert.deepEqual(json.on, ['allow_runtime_logging']);
    assert.deepEqual(json.containers[0].command, ['python3', 'train.py']);
    assert.deepEqual(json.containers[0].environmentPatterns, ['PATH=.+']);
    assert.equal(json.fragments[0].feed, 'infra');
    assert.equal(json.hostDataBase64url, toBase64url(fromHex(json.hostData)));
    const text = await aichain(['policy', 'check', '-'], { stdin: POLICY });
    assert.equal(text.code, 0);
    assert.match(text.stdout, /verdict: closed/);
    const encoded = Buffer.from(POLICY).toString('base64');
    assert.deepEqual(await aichainJson(['policy', 'check', '-'], { stdin: encoded }), json);
  });

  it('one that allows everything, and one that it does not understand', async () => {
    const open = await aichain(['policy', 'check', '-'], {
      stdin: 'package policy\ncreate_container := {"allowed": true}\n',
    });
    assert.equal(open.code, 14);
    assert.match(open.stderr, /^aichain: CONTAINER_POLICY_ALLOWS_ALL: always allowed: create_container$/m);
    const unknown = await aichain(['policy', 'check', '-'], {
      stdin: utf8('package policy\nallow { true }\n'),
    });
    assert.equal(unknown.code, 14);
    assert.match(unknown.stderr, /^aichain: CONTAINER_POLICY_UNKNOWN/m);
  });
});
