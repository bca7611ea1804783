/**
 * What a thread does with a bundle: its leaves hashed and compared with their tile, and, where statements are examined, each
 * of them parsed and its signature verified. No state is needed for that; what needs it gets what is left to know.
 */
import { type Bytes, concat, equal, toHex } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { BundleHasher, hashPlainly, type Place } from '../merkle/bundle-hash.ts';
import { leafHash, TILE_WIDTH, treeRoot } from '../merkle/index.ts';
import { type BundleRows, placesOf } from './bundle-rows.ts';
import type { Examined, Examiner } from './examine.ts';
import type { Finding } from './findings.ts';

const HASH = 32;

/** A bundle that is not what its tile says. What is missing is undefined. */
export interface Disagreement {
  readonly leafHashes: readonly (Bytes | undefined)[];
  readonly tile: Bytes | undefined;
}

export interface BundleAudit {
  readonly n: number;
  readonly width: number;
  /** Root over the leaves of a full bundle; undefined where some are missing. */
  readonly root: Bytes | undefined;
  /** Leaf hashes of a bundle that is not full, as far as they are there. */
  readonly open?: readonly (Bytes | undefined)[];
  readonly disagreement?: Disagreement;
  readonly findings: readonly Finding[];
  readonly examined?: Examined;
}

export class BundleAuditor {
  readonly #hasher: Hasher;
  readonly #examiner: Examiner | undefined;
  readonly #bundles: BundleHasher;

  /** @param examiner of statements; without, only hashes */
  constructor(hasher: Hasher, examiner: Examiner | undefined) {
    this.#hasher = hasher;
    this.#examiner = examiner;
    this.#bundles = new BundleHasher(hasher, { ids: examiner !== undefined });
  }

  audit(bundle: BundleRows): BundleAudit {
    return bundle.data ? this.#served(bundle, bundle.data) : this.#stored(bundle);
  }

  /** Leaf data come by themselves: they make the tree, and each statement has to hash to its own. */
  #served(bundle: BundleRows, data: readonly Bytes[]): BundleAudit {
    const { n, width, rows, tile } = bundle;
    const first = n * TILE_WIDTH;
    const findings: Finding[] = [];
    const { places } = placesOf(bundle);
    const hashes = Array.from({ length: width }, (_, i) => data[i] && leafHash(this.#hasher, data[i]));
    const ids = data.map((leaf) => (leaf.length === HASH ? leaf : new Uint8Array(HASH)));
    places.forEach((place, i) => {
      const id = data[i];
      if (!id || place?.isStateEntry) return;
      const found = place && this.#hasher.sha256(rows.subarray(place.from, place.to));
      if (found && equal(found, id)) return;
      places[i] = undefined;
      findings.push({
        ...{ check: 'body', at: `entry ${first + i}`, expected: `a statement with hash ${toHex(id)}` },
        found: found ? `one with hash ${toHex(found)}` : 'nothing',
      });
    });
    const whole = hashes.every((hash) => hash !== undefined);
    const agrees = whole && tile !== undefined && same(concat(...(hashes as Bytes[])), tile);
    return {
      ...{ n, width, root: whole ? treeRoot(this.#hasher, hashes as Bytes[]) : undefined, findings },
      ...(width < TILE_WIDTH && { open: hashes }),
      ...(width === TILE_WIDTH && !agrees && { disagreement: { leafHashes: hashes, tile } }),
      ...(this.#examiner && { examined: this.#examiner.examine(bundle, places, ids) }),
    };
  }

  #stored(bundle: BundleRows): BundleAudit {
    const { n, width, rows, tile } = bundle;
    const { places, findings } = placesOf(bundle);
    const whole = places.every((place) => place !== undefined);
    const present = whole ? (places as Place[]) : places.filter((place) => place !== undefined);
    let hashes = this.#bundles.hash(rows, present);
    let disagreement: Disagreement | undefined;
    if (width === TILE_WIDTH && !(whole && tile && same(hashes.leafHashes, tile))) {
      hashes = hashPlainly(this.#hasher, rows, present); // The second opinion, before anything is said.
      if (!(whole && tile && same(hashes.leafHashes, tile))) {
        disagreement = { leafHashes: spread(places, hashes.leafHashes), tile };
      }
    }
    return {
      ...{ n, width, root: whole ? hashes.root : undefined, findings },
      ...(width < TILE_WIDTH && { open: spread(places, hashes.leafHashes) }),
      ...(disagreement && { disagreement }),
      ...(this.#examiner && {
        examined: this.#examiner.examine(bundle, places, spread(places, hashes.ids)),
      }),
    };
  }
}

/** Without a loop over 8,192 bytes. */
function same(a: Bytes, b: Bytes): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Hashes of those that are there, each at the position that it belongs to. */
function spread(places: readonly (Place | undefined)[], hashes: Bytes): (Bytes | undefined)[] {
  let next = 0;
  return places.map((place) => {
    if (!place) return undefined;
    const at = next++ * HASH;
    return hashes.subarray(at, at + HASH);
  });
}
