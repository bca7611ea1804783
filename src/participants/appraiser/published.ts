/**
 * What the SRO published on the log: anchors and appraisal policies. The state says which version is current; the entry that
 * it names has to be in the log with effect, signed by the SRO, and be what the state has the digest of.
 */
import {
  type Anchors,
  type AppraisalPolicy,
  anchorsDigest,
  policyDigest,
  readAnchors,
  readAppraisalPolicy,
} from '../../attestation/index.ts';
import {
  GENESIS,
  isRefusal,
  KEY,
  parseStatement,
  type Statement,
  signatureFault,
  verificationKey,
} from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { type Cbor, decode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { know } from './known.ts';

/** A published version, as the state has it. */
interface Version {
  readonly entry: number;
  readonly digest: Bytes;
}

/** Versions that are kept ready; entries never change. */
const KEPT = 64;

export class Published {
  readonly #crypto: Crypto;
  readonly #client: LedgerClient;
  readonly #bodies = new Map<number, Cbor>();

  constructor(crypto: Crypto, client: LedgerClient) {
    this.#crypto = crypto;
    this.#client = client;
  }

  /** @throws ANCHORS_MALFORMED; PREIMAGE_MISMATCH not what the state says; as the entry’s verification */
  async anchors({ entry, digest }: Version, signal: AbortSignal): Promise<Anchors> {
    const anchors = readAnchors(await this.#body('anchors.publish', entry, signal));
    return this.#are(anchors, anchorsDigest(this.#crypto, anchors), digest, entry);
  }

  /** @throws APPRAISAL_POLICY_MALFORMED, APPRAISAL_POLICY_ALLOWS_ALL; as {@link anchors} */
  async policy({ entry, digest }: Version, signal: AbortSignal): Promise<AppraisalPolicy> {
    const body = await this.#body('appraisal-policy.publish', entry, signal);
    const document = body instanceof Map ? (body.get('policy') ?? null) : null;
    const policy = readAppraisalPolicy(document);
    return this.#are(policy, policyDigest(this.#crypto, policy), digest, entry);
  }

  #are<T>(published: T, found: Bytes, digest: Bytes, entry: number): T {
    if (!equal(found, digest)) throw fail('PREIMAGE_MISMATCH', `entry ${entry} is not what the state names`);
    return published;
  }

  async #body(kind: string, index: number, signal: AbortSignal): Promise<Cbor> {
    const ready = this.#bodies.get(index);
    if (ready !== undefined) return ready;
    const { statement } = await this.#client.entry({ index }, { signal });
    const parsed = statement && parseStatement(this.#crypto, statement);
    if (parsed?.chain?.kind !== kind)
      throw fail('PREIMAGE_MISMATCH', `entry ${index} does not publish ${kind}`);
    const { outcome } = await this.#client.effect(index, { signal });
    if (outcome !== 'ok') throw fail('PREIMAGE_MISMATCH', `entry ${index} was refused`);
    await this.#signedBySro(parsed, signal);
    const body = decode(parsed.payload);
    if (this.#bodies.size >= KEPT) this.#bodies.clear();
    this.#bodies.set(index, body);
    return body;
  }

  /** An operator who makes up a state can write its own entries into it, but not the SRO’s signature. */
  async #signedBySro(statement: Statement, signal: AbortSignal): Promise<void> {
    const { read } = await know(this.#client, [GENESIS.key('genesis'), KEY.key(statement.kid)], signal);
    const sro = GENESIS.read(read, 'genesis')?.sro;
    const key = verificationKey(this.#crypto, statement, read);
    if (isRefusal(key) || key.record?.owner !== sro || statement.issuer !== sro) {
      throw fail('KID_UNKNOWN', 'what is published is not signed by the SRO');
    }
    if (signatureFault(statement, key)) throw fail('SIGNATURE_INVALID', 'of what is published');
  }
}
