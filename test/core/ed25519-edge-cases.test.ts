/**
 * C2SP/CCTV: 914 signatures on which libraries disagree, made from all combinations of small-order, torsioned and
 * non-canonical points. Every one satisfies the cofactored equation for some reading of the bytes.
 *
 * The profile accepts one if and only if the cofactorless equation holds over the bytes as received, S < L, and A is
 * canonical and not of small order. In terms of the vectors' flags:
 * - `low_order_A`, `non_canonical_A`: the key is refused;
 * - `low_order_residue`: [S]B − [k]A − R is a point of small order other than zero: only the cofactored equation holds;
 * - `non_canonical_R`: the encoding of [S]B − [k]A is canonical, so it differs from R;
 * - `reencoded_k`: k was computed over canonical re-encodings of A and R, not over the bytes as received.
 * `low_order_R` and small-order components (`low_order_component_…`) alone are no reason to refuse.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fromHex, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { vectors } from '../vectors.ts';
import { outcome } from './mangle.ts';

interface Vector {
  number: number;
  key: string;
  sig: string;
  msg: string;
  flags: string[] | null;
}

const KEY_FLAGS = ['low_order_A', 'non_canonical_A'];
const SIGNATURE_FLAGS = ['low_order_residue', 'non_canonical_R', 'reencoded_k'];

const path = vectors('ed25519-edge-cases.json');

describe('Ed25519 edge cases', { skip: !path }, () => {
  const all: Vector[] = path ? JSON.parse(readFileSync(path, 'utf8')) : [];

  for (const crypto of [nodeCrypto, nobleCrypto]) {
    it(`${crypto.name} decides every vector by the rule`, () => {
      let accepted = 0;
      for (const { number, key, sig, msg, flags } of all) {
        const has = (names: string[]) => names.some((name) => flags?.includes(name));
        const imported = outcome(() => crypto.importPublicKey('Ed25519', fromHex(key)));
        if ('code' in imported) {
          assert.equal(imported.code, 'KEY_WEAK', `vector ${number}`);
          assert.ok(has(KEY_FLAGS), `vector ${number}: the key is refused without a reason`);
          continue;
        }
        assert.ok(!has(KEY_FLAGS), `vector ${number}: the key is accepted`);
        const verdict = imported.value.verify(utf8(msg), fromHex(sig));
        assert.equal(verdict, !has(SIGNATURE_FLAGS), `vector ${number}: ${flags}`);
        if (verdict) accepted++;
      }
      // Both verdicts occur, so the rule is really tested.
      assert.deepEqual([all.length, accepted], [914, 86]);
    });
  }
});
