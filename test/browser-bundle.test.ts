/** The pure core bundles for a browser, without node, and verifies there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';

const PROGRAM = `
  import * as pure from './src/pure.ts';
  const { nobleCrypto: crypto } = pure;
  const key = crypto.importPrivateKey('ES256', new Uint8Array(32).fill(1));
  const kid = pure.thumbprint(crypto, key.publicKey);
  const statement = pure.signForeign(crypto, key, {
    issuer: 'did:web:lab.example',
    contentType: 'text/plain',
    payload: pure.utf8('hello'),
  });
  const entry = crypto.sha256(pure.canonicalStatement(statement));
  const leaves = [entry, crypto.sha256(entry)].map((data) => pure.leafHash(crypto, data));
  const head = { kid, service: 'https://log.example', origin: 'log.example', time: 0, size: 2 };
  const protectedBytes = pure.receiptProtected(head);
  const signature = pure.signTreeHead(key, protectedBytes, pure.treeRoot(crypto, leaves));
  const receipt = pure.encodeInclusionReceipt({ protectedBytes, signature, size: 2, index: 0, path: [leaves[1]] });
  const check = (bytes) =>
    pure.verifyInclusionReceipt(crypto, key.publicKey, pure.decodeReceipt(bytes), entry, { origin: 'log.example' });
  let refused = 'nothing';
  const forged = receipt.slice();
  forged[forged.length - 1] ^= 1;
  try { check(forged); } catch (error) { refused = error.code; }
  globalThis.result = { size: Number(check(receipt).size), refused };
`;

test('the pure core runs in a browser: one bundle, no node modules, no node globals', async () => {
  const bundle = await build({
    stdin: { contents: PROGRAM, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
  });
  const inputs = Object.keys(bundle.metafile.inputs);
  assert.ok(inputs.some((path) => path.startsWith('src/verify/')));
  assert.deepEqual(
    inputs.filter((path) => path.startsWith('src/platform/') || path.startsWith('node:')),
    [],
  );

  // What a browser has, and nothing of node: no process, Buffer or require. The context is a realm of its own, so the
  // bytes that come from outside have to be made arrays of that realm, as a browser's own would be.
  const sandbox: Record<string, unknown> = { outer: { TextEncoder, TextDecoder }, crypto: globalThis.crypto };
  const context = createContext(sandbox);
  runInContext(
    `globalThis.TextEncoder = class { encode(text) { return Uint8Array.from(new outer.TextEncoder().encode(text)); } };
     globalThis.TextDecoder = outer.TextDecoder;`,
    context,
  );
  runInContext(bundle.outputFiles[0]!.text, context, { timeout: 20_000 });
  assert.deepEqual({ ...(sandbox.result as object) }, { size: 2, refused: 'RECEIPT_INVALID' });
});
