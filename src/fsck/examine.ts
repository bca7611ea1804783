/**
 * Statements of a bundle, examined as far as that takes no state: form and signature. A foreign statement that verifies is
 * told in a few bytes, because its place in a log turns on who signed it and on nothing else; of all others the bytes go on.
 */
import {
  kindNamed,
  MAX_STATEMENT,
  parseStatement,
  type Statement,
  signatureFault,
  verificationKey,
} from '../chain/index.ts';
import { type Bytes, concat, equal } from '../core/bytes.ts';
import type { Crypto, PublicKey, SignatureAlgorithm } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import type { SigningKey } from '../log/signing-keys.ts';
import type { Place } from '../merkle/bundle-hash.ts';
import type { BundleRows } from './bundle-rows.ts';
import { CheckedKeys } from './checked-keys.ts';

export const MARK = {
  /** The leaf is missing. */
  NONE: 0,
  STATE_ENTRY: 1,
  /** Foreign, and verified: what there is to know is its {@link Signer}. */
  FOREIGN: 2,
  VERIFIED: 3,
  /** The key is not known here, or the bytes are no statement. */
  OPEN: 4,
  SIGNATURE_WRONG: 5,
} as const;

/** Who signed a foreign statement, and when, if it says so. */
export interface Signer {
  readonly issuer: string;
  readonly kid: Bytes;
  readonly algorithm: SignatureAlgorithm;
  readonly algorithmId: number;
  readonly issuedAt?: number;
}

export interface Examined {
  /** One of {@link MARK} for each leaf. */
  readonly marks: Uint8Array;
  /** Entry ids, 32 bytes for each leaf; zero for a state entry, or where none is. */
  readonly ids: Bytes;
  /** For each leaf, which of the signers; only of FOREIGN. */
  readonly signer: Uint16Array;
  readonly signers: readonly Signer[];
  /** State entries, and statements that are not FOREIGN, one after the other. */
  readonly bodies: Bytes;
  /** Where each leaf's body ends; where it begins, the one before ends. */
  readonly ends: Uint32Array;
}

/** Examines with the keys that it has been told. */
export class Examiner {
  readonly #crypto: Crypto;
  readonly #keys: CheckedKeys;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
    this.#keys = new CheckedKeys(crypto);
  }

  learn(keys: readonly SigningKey[]): void {
    this.#keys.add(keys);
  }

  examine(
    bundle: BundleRows,
    places: readonly (Place | undefined)[],
    ids: readonly (Bytes | undefined)[],
  ): Examined {
    // With a crypto interface go the keys of bodies that were made with it: of most, nothing is ever signed again.
    return examined({ ...this.#crypto }, this.#keys, bundle, places, ids);
  }
}

function examined(
  crypto: Crypto,
  keys: CheckedKeys,
  { width, rows }: BundleRows,
  places: readonly (Place | undefined)[],
  ids: readonly (Bytes | undefined)[],
): Examined {
  const marks = new Uint8Array(width);
  const packedIds = new Uint8Array(width * 32);
  const signer = new Uint16Array(width);
  const signers = new SignerList();
  const ends = new Uint32Array(width);
  const kept: Bytes[] = [];
  let end = 0;
  for (let i = 0; i < width; i++) {
    ends[i] = end;
    const place = places[i];
    if (!place) continue;
    const id = ids[i]!;
    packedIds.set(id, i * 32);
    const bytes = rows.subarray(place.from, place.to);
    const examined = place.isStateEntry ? MARK.STATE_ENTRY : judge(crypto, keys, bytes, id);
    if (typeof examined === 'number') {
      marks[i] = examined;
      kept.push(bytes);
      end += bytes.length;
      ends[i] = end;
    } else {
      marks[i] = MARK.FOREIGN;
      signer[i] = signers.add(examined);
    }
  }
  return { marks, ids: packedIds, signer, signers: signers.listed, bodies: concat(...kept), ends };
}

/** Signers of a bundle, mostly few: the last one is compared first. */
class SignerList {
  readonly listed: Signer[] = [];
  #last = -1;

  /** @returns which of them */
  add(signer: Signer): number {
    const { listed } = this;
    if (this.#last >= 0 && same(listed[this.#last]!, signer)) return this.#last;
    this.#last = listed.findIndex((one) => same(one, signer));
    if (this.#last < 0) {
      const { issuer, kid, algorithm, algorithmId, issuedAt } = signer;
      const own = { issuer, kid: kid.slice(), algorithm, algorithmId };
      this.#last = listed.push({ ...own, ...(issuedAt !== undefined && { issuedAt }) }) - 1;
    }
    return this.#last;
  }
}

function same(a: Signer, b: Signer): boolean {
  return (
    a.issuedAt === b.issuedAt &&
    a.algorithmId === b.algorithmId &&
    a.issuer === b.issuer &&
    equal(a.kid, b.kid)
  );
}

/** @param id its hash @returns the statement, where it is FOREIGN, else the mark */
function judge(crypto: Crypto, keys: CheckedKeys, bytes: Bytes, id: Bytes): Statement | number {
  if (bytes.length > MAX_STATEMENT) return MARK.OPEN;
  try {
    const statement = parseStatement({ sha256: () => id }, bytes);
    const publicKey = keyFor(crypto, keys, statement);
    if (!publicKey) return MARK.OPEN;
    const fault = signatureFault(statement, { publicKey });
    if (fault) return fault.refused === 'SIGNATURE_INVALID' ? MARK.SIGNATURE_WRONG : MARK.OPEN;
    return statement.chain ? MARK.VERIFIED : statement;
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'INTERNAL') throw error;
    return MARK.OPEN;
  }
}

/** The key in the body for kinds that bring their own, else the one of this name. */
function keyFor(crypto: Crypto, keys: CheckedKeys, statement: Statement): PublicKey | undefined {
  const kind = statement.chain && kindNamed(statement.chain.kind);
  if (!kind?.self) return keys.get(statement.kid);
  const key = verificationKey(crypto, statement, () => undefined);
  return 'refused' in key ? undefined : key.publicKey;
}
