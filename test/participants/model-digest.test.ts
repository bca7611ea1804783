import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { digestModel, manifestOf, modelStatement } from '../../src/participants/model-digest.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

const folder = mkdtempSync(join(tmpdir(), 'model-'));
after(() => rmSync(folder, { recursive: true }));
const model = join(folder, 'm');
mkdirSync(join(model, 'a'), { recursive: true });
mkdirSync(join(model, '.git'));
mkdirSync(join(model, 'empty'));
const FILES = {
  'a/b': '1\n',
  'a.b': '2\n',
  Z: '3\n',
  '\uffee': 'é',
  '😀': '5',
  '.git/x': '4\n',
  'model.sig': 'x',
};
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(model, name), text);

// By the model-signing library 1.1.1, over the same files.
test('the digest of a folder is that of the reference, whatever the order of its files', async () => {
  const { resources, digest, name } = await digestModel(nodeCrypto, model);
  assert.deepEqual([name, ...resources.map((file) => file.name)], ['m', 'Z', 'a/b', 'a.b', '\uffee', '😀']);
  assert.equal(toHex(digest), 'b2d28314bbdaa6f1b24f37373a70a1b529039cd96f6504012f97b9845e755b50');
  assert.equal(
    toHex(resources[1]!.digest),
    '4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865',
  );
});

test('the digest of one file is that of the reference', async () => {
  const manifest = await digestModel(nodeCrypto, join(model, 'Z'));
  assert.deepEqual(modelStatement(manifest), {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: 'Z', digest: { sha256: 'e3bfbc0961547f3f793523d9c1c319e67ebf3f99a87b45006b8767a65f608052' } },
    ],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false },
      resources: [
        {
          name: '.',
          algorithm: 'sha256',
          digest: '1121cfccd5913f0a63fec40a6ffd44ea64f9dc135c66634ba001d10bcf4302a2',
        },
      ],
    },
  });
});

test('a link, no files, and one path twice have no digest', async () => {
  const refused = (error: unknown) => isLedgerError(error, 'MODEL_MALFORMED');
  const linked = join(folder, 'linked');
  mkdirSync(linked);
  await assert.rejects(digestModel(nodeCrypto, linked), refused);
  writeFileSync(join(linked, 'file'), '');
  symlinkSync(join(model, 'Z'), join(linked, 'link'));
  await assert.rejects(digestModel(nodeCrypto, linked), refused);
  assert.equal((await digestModel(nodeCrypto, linked, ['link'])).resources.length, 1);
  const file = { name: 'a', digest: new Uint8Array(32) };
  assert.throws(() => manifestOf(nodeCrypto, 'm', [file, file]), refused);
});
