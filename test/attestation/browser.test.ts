/** Appraisal in a browser, with noble: one bundle without node, and the same bytes as the server makes of the same evidence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { Appraiser, encodeAppraisal } from '../../src/attestation/index.ts';
import { fromHex, toHex } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
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

  const bundle = await build({
    stdin: { contents: PROGRAM, resolveDir: process.cwd(), loader: 'ts' },
    ...{ bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2022', metafile: true },
  });
  const nodes = Object.keys(bundle.metafile!.inputs).filter((path) =>
    /^(?:node:|src\/platform\/)/.test(path),
  );
  assert.deepEqual(nodes, []);

  // A realm of its own, with what a browser has: byte strings have to be arrays of that realm.
  const input = {
    anchors: toHex(encode(anchors as unknown as Cbor)),
    policy: toHex(encode(policy as unknown as Cbor)),
    evidence: toHex(bytes),
    reportData: facts.reportData,
    time: TIME,
  };
  const sandbox: Record<string, unknown> = { input, outer: { TextEncoder, TextDecoder } };
  const context = createContext(sandbox);
  runInContext(
    `globalThis.TextEncoder = class { encode(text) { return Uint8Array.from(new outer.TextEncoder().encode(text)); } };
     globalThis.TextDecoder = outer.TextDecoder;`,
    context,
  );
  runInContext(bundle.outputFiles![0]!.text, context, { timeout: 30_000 });
  assert.deepEqual(
    { ...(sandbox.result as object) },
    { tier: 'affirming', bytes: toHex(encodeAppraisal(here)) },
  );
});
