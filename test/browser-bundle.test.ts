/** The pure core bundles for a browser, without node, and verifies there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInBrowser } from './browser.ts';

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
  // Browsers have it, a bare realm has not.
  const { sources, result } = await runInBrowser(PROGRAM, { crypto: globalThis.crypto });
  assert.ok(sources.some((path) => path.startsWith('src/verify/')));
  assert.deepEqual({ ...(result as object) }, { size: 2, refused: 'RECEIPT_INVALID' });
});
