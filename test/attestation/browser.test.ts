/** Appraisal in a browser, with noble: one bundle without node, and the same bytes as the server makes of the same evidence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Appraiser, encodeAppraisal } from '../../src/attestation/index.ts';
import { fromHex, toHex } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { runInBrowser } from '../browser.ts';
import { amdAnchors, baseline, FEED, folder, ISSUER, readVector, readVectors, TIME } from './genuine.ts';

const PROGRAM = `
  import { attestation, decode, fromHex, nobleCrypto, toHex } from './src/pure.ts';
  const { Appraiser, encodeAppraisal, readAnchors, readAppraisalPolicy } = attestation;
  const anchors = readAnchors(decode(fromHex(input.anchors)));
  const policy = readAppraisalPolicy(decode(fromHex(input.policy)));
  const expected = { type: 'report-data', reportData: fromHex(input.reportData), headTime: input.time };
  const evidence = { tee: 'snp-aci', bytes: fromHex(input.evidence) };
  const found = new Appraiser(nobleCrypto, anchors).appraise(evidence, {}, policy, expected, input.time);
  globalThis.result = { tier: found.tier, bytes: toHex(encodeAppraisal(found)) };
`;

test('DEPA’s sample is appraised in a browser as it is on the server', {
  skip: folder === undefined,
}, async () => {
  const { facts } = readVectors().find(({ id }) => id === 'depa-aci-milan-v3')!;
  const launch = { endorsedBy: [{ issuer: ISSUER, feed: FEED, minSvn: 103 }], measurements: [] };
  const [anchors, policy] = [amdAnchors('snp-aci'), baseline(facts, { launch })];
  const bytes = readVector('azure-depa-inferencing-kms/snp.json');
  const here = new Appraiser(nodeCrypto, anchors).appraise(
    { tee: 'snp-aci', bytes },
    {},
    policy,
    { type: 'report-data', reportData: fromHex(facts.reportData), headTime: TIME },
    TIME,
  );

  const input = {
    anchors: toHex(encode(anchors as unknown as Cbor)),
    policy: toHex(encode(policy as unknown as Cbor)),
    evidence: toHex(bytes),
    reportData: facts.reportData,
    time: TIME,
  };
  const { result } = await runInBrowser(PROGRAM, { input });
  assert.deepEqual({ ...(result as object) }, { tier: 'affirming', bytes: toHex(encodeAppraisal(here)) });
});
