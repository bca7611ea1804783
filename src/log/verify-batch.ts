/**
 * What admission does with statements, in a worker thread or, in tests, on the main thread: canonical form, entry
 * id, leaf hash, signature. Here the bytes are still an attacker's. A refusal is an outcome, not an exception.
 */
import {
  canonicalStatement,
  kindNamed,
  parseStatement,
  type Refusal,
  type Statement,
  signatureFault,
  verificationKey,
} from '../chain/index.ts';
import { type Bytes, concat, equal, toHex } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeCoseKey, isEncryptionKey } from '../cose/index.ts';
import { leafHash } from '../merkle/index.ts';
import { KeyTable } from './key-table.ts';

/** Signing keys that the state knows, by kid; kids are thumbprints, so a kid names exactly one key. */
export class KeyDirectory {
  readonly #crypto: Crypto;
  readonly #encoded: KeyTable;
  readonly #imported = new Map<string, PublicKey>();
  /** Many in a row are of one signer: to compare two kids takes less than the name of one. */
  #last: { readonly kid: Bytes; readonly key: PublicKey } | undefined;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
    this.#encoded = new KeyTable(crypto.randomBytes(4).reduce((random, byte) => (random << 8) | byte, 0));
  }

  has(kid: Bytes): boolean {
    return this.#encoded.get(kid) !== undefined;
  }

  /** Neither changes any more. */
  add(kid: Bytes, coseKey: Bytes): void {
    this.#encoded.add(kid, coseKey);
  }

  /** Imported on first use: a start with 100,000 keys does not pay for those that never sign again. */
  get(kid: Bytes): PublicKey | undefined {
    if (this.#last && equal(this.#last.kid, kid)) return this.#last.key;
    const key = this.#named(kid);
    // A copy, which `slice` would not make of a Buffer.
    if (key) this.#last = { kid: new Uint8Array(kid), key };
    return key;
  }

  #named(kid: Bytes): PublicKey | undefined {
    const name = toHex(kid);
    const held = this.#imported.get(name);
    if (held) return held;
    const encoded = this.#encoded.get(kid);
    if (!encoded) return undefined;
    const key = this.import(encoded);
    if (this.#imported.size >= 10_000) this.#imported.clear();
    this.#imported.set(name, key);
    return key;
  }

  /** @throws KEY_MALFORMED, KEY_WEAK */
  import(coseKey: Bytes): PublicKey {
    const key = decodeCoseKey(coseKey);
    if (isEncryptionKey(key)) throw fail('KEY_MALFORMED', 'an encryption key does not sign');
    return this.#crypto.importPublicKey(key.algorithm, key.bytes);
  }
}

export type Admission =
  | {
      readonly outcome: 'admitted';
      /** Canonical bytes. */
      readonly statement: Bytes;
      /** 32 bytes each. */
      readonly entryId: Bytes;
      readonly leafHash: Bytes;
      /** False: the key is not known (yet); the transition function decides and verifies. */
      readonly verified: boolean;
    }
  | { readonly outcome: 'refused'; readonly code: string; readonly message: string };

export function verifyStatement(crypto: Crypto, keys: KeyDirectory, arrived: Bytes): Admission {
  try {
    const canonical = canonicalStatement(arrived);
    const statement = parseStatement(crypto, canonical);
    const key = admissionKey(crypto, keys, statement);
    if (key && 'refused' in key) {
      return { outcome: 'refused', code: key.refused, message: key.detail ?? 'the key does not fit' };
    }
    const fault = key && signatureFault(statement, { publicKey: key });
    if (fault) {
      return {
        outcome: 'refused',
        code: fault.refused,
        message: fault.detail ?? 'the signature does not verify',
      };
    }
    return {
      outcome: 'admitted',
      statement: canonical,
      entryId: statement.entryId,
      leafHash: leafHash(crypto, statement.entryId),
      verified: key !== undefined,
    };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return { outcome: 'refused', code: error.code, message: error.message };
  }
}

/** The key in the body for kinds that bring their own, else the registered one; undefined: not known (yet). */
function admissionKey(
  crypto: Crypto,
  keys: KeyDirectory,
  statement: Statement,
): PublicKey | Refusal | undefined {
  const kind = statement.chain && kindNamed(statement.chain.kind);
  if (!kind?.self) return keys.get(statement.kid);
  const key = verificationKey(crypto, statement, () => undefined);
  return 'refused' in key ? key : key.publicKey;
}

// The two directions of the thread boundary. Statements travel packed in one transferred buffer, because cloning
// hundreds of small arrays costs more than verifying some of them.

export interface VerifyRequest {
  readonly type: 'verify';
  readonly lengths: Uint32Array;
  readonly packed: Bytes;
}

export interface AdmissionAnswer {
  /** 64 bytes each: entry id, leaf hash. */
  readonly hashes: Bytes;
  /** 0 refused, 1 admitted and verified, 2 admitted, key not known. */
  readonly flags: Uint8Array;
  readonly refusals: readonly (readonly [position: number, code: string, message: string])[];
  /** Where the canonical bytes differ from those that arrived. */
  readonly canonical: readonly (readonly [position: number, bytes: Bytes])[];
}

export function packStatements(statements: readonly Bytes[]): VerifyRequest {
  return {
    type: 'verify',
    lengths: Uint32Array.from(statements, (statement) => statement.length),
    packed: concat(...statements),
  };
}

export function verifyPacked(
  crypto: Crypto,
  keys: KeyDirectory,
  { lengths, packed }: VerifyRequest,
): AdmissionAnswer {
  const hashes = new Uint8Array(lengths.length * 64);
  const flags = new Uint8Array(lengths.length);
  const refusals: [number, string, string][] = [];
  const canonical: [number, Bytes][] = [];
  let at = 0;
  lengths.forEach((length, position) => {
    const arrived = packed.subarray(at, at + length);
    at += length;
    const admission = verifyStatement(crypto, keys, arrived);
    if (admission.outcome === 'refused') {
      refusals.push([position, admission.code, admission.message]);
      return;
    }
    flags[position] = admission.verified ? 1 : 2;
    hashes.set(admission.entryId, position * 64);
    hashes.set(admission.leafHash, position * 64 + 32);
    if (admission.statement !== arrived) canonical.push([position, admission.statement.slice()]);
  });
  return { hashes, flags, refusals, canonical };
}

/** The other side of {@link verifyPacked}: one admission for each statement sent. */
export function unpackAdmissions(statements: readonly Bytes[], answer: AdmissionAnswer): Admission[] {
  const refusals = new Map(answer.refusals.map(([position, code, message]) => [position, { code, message }]));
  const { buffer, byteOffset } = answer.hashes;
  const canonical = new Map(answer.canonical);
  return statements.map((arrived, i) => {
    const refusal = refusals.get(i);
    if (refusal) return { outcome: 'refused', ...refusal };
    return {
      outcome: 'admitted',
      statement: canonical.get(i) ?? arrived,
      // Views: a buffer for each would be three objects.
      entryId: new Uint8Array(buffer, byteOffset + i * 64, 32),
      leafHash: new Uint8Array(buffer, byteOffset + i * 64 + 32, 32),
      verified: answer.flags[i] === 1,
    };
  });
}
