/**
 * Our privacy accountant, safetensors files and model digests, and the libraries that others use for them: dp-accounting,
 * safetensors, model-signing. Needs a Python that has them:
 *
 *   python3 -m venv /tmp/oracle
 *   /tmp/oracle/bin/pip install dp-accounting==0.6.0 numpy safetensors==0.8.0 model-signing==1.1.1 pyopenssl
 *   ORACLE_PYTHON=/tmp/oracle/bin/python npm run test:interop
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fromHex, toHex } from '../../src/core/bytes.ts';
import { digestModel } from '../../src/participants/model-digest.ts';
import { readSafetensors, type Tensor, writeSafetensors } from '../../src/participants/safetensors.ts';
import { seededRandom } from '../../src/participants/training/random-source.ts';
import { renyiCost } from '../../src/participants/training/sampled-gaussian.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

const PYTHON = process.env.ORACLE_PYTHON;

function python(program: string, input: unknown): unknown {
  const { stdout, stderr, status } = spawnSync(PYTHON!, ['-c', program], {
    ...{ input: JSON.stringify(input), encoding: 'utf8', timeout: 120_000 },
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const COSTS = `
import json, sys, dp_accounting
from dp_accounting.rdp import rdp_privacy_accountant as rdp
out = []
for q, sigma, orders in json.load(sys.stdin):
    accountant = rdp.RdpAccountant(orders)
    accountant.compose(dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma)))
    out.append([float(x) for x in accountant._rdp])
print(json.dumps(out))`;

const TENSORS = `
import json, sys
from safetensors.numpy import load, save
tensors = load(bytes.fromhex(json.load(sys.stdin)))
print(json.dumps([{k: [str(v.dtype), list(v.shape), v.tobytes().hex()] for k, v in tensors.items()}, save(tensors).hex()]))`;

const DIGESTS = `
import json, pathlib, sys
from model_signing import hashing
from model_signing._signing import signing
out = []
for path in json.load(sys.stdin):
    statement = signing.Payload(hashing.Config().hash(pathlib.Path(path))).statement.pb
    out.append(statement.subject[0].digest['sha256'])
print(json.dumps(out))`;

describe('training, and other people’s software', { skip: PYTHON ? false : 'no ORACLE_PYTHON' }, () => {
  const random = seededRandom(nodeCrypto, 'training.interop');
  const folder = mkdtempSync(join(tmpdir(), 'interop-'));
  after(() => rmSync(folder, { recursive: true }));

  test('the costs of a step at whole orders are those of dp-accounting', () => {
    const orders = [2, 3, 5, 8, 16, 32, 63];
    const questions = Array.from(
      { length: 60 },
      () => [10 ** (-4 * random.unit()), 0.4 + 6 * random.unit(), orders] as const,
    );
    const costs = python(COSTS, questions) as number[][];
    for (const [i, [samplingRate, noiseMultiplier]] of questions.entries()) {
      for (const [j, order] of orders.entries()) {
        const [ours, theirs] = [renyiCost({ samplingRate, noiseMultiplier }, order), costs[i]![j]!];
        // Theirs loses its last digits beside a 1 where the cost is small.
        assert(
          Math.abs(ours - theirs) <= 1e-9 * theirs + 1e-14,
          `${samplingRate} ${noiseMultiplier} ${order}`,
        );
      }
    }
  });

  test('what we write is read by safetensors, and what it writes is read by us', () => {
    const tensors: Tensor[] = [
      { name: 'fc1.weight', dtype: 'F32', shape: [2, 3], data: random.bytes(24) },
      { name: '10', dtype: 'U8', shape: [0, 3], data: new Uint8Array(0) },
      { name: 'é', dtype: 'I64', shape: [], data: random.bytes(8) },
    ];
    const file = writeSafetensors({ tensors, metadata: new Map([['k', 'v']]) });
    const [seen, written] = python(TENSORS, toHex(file)) as [Record<string, unknown>, string];
    const types = { F32: 'float32', U8: 'uint8', I64: 'int64' } as Record<string, string>;
    for (const { name, dtype, shape, data } of tensors) {
      assert.deepEqual(seen[name], [types[dtype], shape, toHex(data)]);
    }
    const back = readSafetensors(fromHex(written)).tensors;
    for (const tensor of tensors)
      assert.deepEqual(
        back.find(({ name }) => name === tensor.name),
        tensor,
      );
  });

  test('the digests of models are those of model-signing', async () => {
    const names = ['a/b', 'a.b', 'a/B', 'Z', 'z/z/z', 'é', '\uffee', '😀', 'a b', '.hidden', '.git/x'];
    for (const name of names) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), random.bytes(50));
    }
    const paths = [folder, join(folder, 'a'), join(folder, 'Z')];
    const ours = await Promise.all(
      paths.map(async (path) => toHex((await digestModel(nodeCrypto, path)).digest)),
    );
    assert.deepEqual(python(DIGESTS, paths), ours);
  });
});
