/** The inclusion and consistency vectors of transparency-dev/merkle. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromBase64 } from '../../src/core/bytes.ts';
import type { Hasher } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { verifyConsistency, verifyInclusion } from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { vectors } from '../vectors.ts';

/** Members of either kind of vector; integers as text, since they go up to 2^64 − 1. */
interface Vector {
  leafIdx: string;
  treeSize: string;
  root: string;
  leafHash: string;
  size1: string;
  size2: string;
  root1: string;
  root2: string;
  proof: string[] | null;
  desc: string;
  wantErr: boolean;
}

// Two equal roots of 12 bytes, which the vector lets pass: a root of the wrong length is refused here, always.
const SHORT_ROOTS = 'consistency/additional/sizes-are-equal-one-and-proof-is-empty.json';

const folder = vectors('merkle');
const files = folder
  ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'))
  : [];

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`all verdicts are those of the vectors (${crypto.name})`, { skip: !folder }, () => {
    assert.ok(files.length > 100);
    for (const file of files) {
      const vector = parse(readFileSync(join(folder!, file), 'utf8'));
      const expected = file === SHORT_ROOTS ? false : !vector.wantErr;
      const verify = file.startsWith('inclusion') ? verifyInclusionVector : verifyConsistencyVector;
      assert.equal(
        verdict(() => verify(crypto, vector)),
        expected,
        `${file}: ${vector.desc}`,
      );
    }
  });
}

test('the vector with short roots passes with roots of 32 bytes', () => {
  const root = new Uint8Array(32).fill(1);
  verifyConsistency(nodeCrypto, { size1: 1, size2: 1, root1: root, root2: root, proof: [] });
});

function verifyInclusionVector(hasher: Hasher, v: Vector): void {
  verifyInclusion(hasher, {
    index: BigInt(v.leafIdx),
    size: BigInt(v.treeSize),
    leafHash: fromBase64(v.leafHash),
    root: fromBase64(v.root),
    proof: (v.proof ?? []).map(fromBase64),
  });
}

function verifyConsistencyVector(hasher: Hasher, v: Vector): void {
  verifyConsistency(hasher, {
    size1: BigInt(v.size1),
    size2: BigInt(v.size2),
    root1: fromBase64(v.root1),
    root2: fromBase64(v.root2),
    proof: (v.proof ?? []).map(fromBase64),
  });
}

/** JSON whose numbers keep all their digits. */
function parse(text: string): Vector {
  return JSON.parse(text.replace(/("\w+":\s*)(\d+)/g, '$1"$2"'));
}

function verdict(verify: () => void): boolean {
  try {
    verify();
    return true;
  } catch (error) {
    assert.ok(isLedgerError(error), String(error));
    return false;
  }
}
