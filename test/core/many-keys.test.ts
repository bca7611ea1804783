/**
 * Keys can be made without end. A process of its own, since the defect of node that this is about (see crypto-node.ts) stops
 * a thread for good: with a young generation this small, it did within some thousand.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { build } from 'esbuild';

const KEYS = { Ed25519: 10_000, ES256: 2_000, ES384: 100 };
const program = `
  import { nodeCrypto } from './src/platform/crypto-node.ts';
  const lengths = {};
  for (const [algorithm, count] of Object.entries(${JSON.stringify(KEYS)})) {
    const found = new Set();
    for (let i = 0; i < count; i++) found.add(Buffer.from(nodeCrypto.generatePrivateKey(algorithm).secret).toString('hex'));
    lengths[algorithm] = [found.size, ...new Set([...found].map((secret) => secret.length / 2))];
  }
  console.log(JSON.stringify(lengths));
`;

describe('making keys', () => {
  it('does not stop, and makes each of full length and another one', async () => {
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: '.', loader: 'ts' },
      ...{ bundle: true, platform: 'node', format: 'esm', write: false, logLevel: 'silent' },
    });
    const args = ['--max-semi-space-size=1', '--input-type=module', '-'];
    const { stdout, stderr, signal } = spawnSync(process.execPath, args, {
      ...{ input: outputFiles[0]!.text, encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' },
    });
    assert.deepEqual([signal, stderr], [null, '']);
    assert.deepEqual(JSON.parse(stdout), { Ed25519: [10_000, 32], ES256: [2_000, 32], ES384: [100, 48] });
  });
});
