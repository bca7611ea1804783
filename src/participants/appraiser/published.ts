/**
 * What the SRO published on the log: anchors and appraisal policies. The state says which version is current; the entry that
 * it names has to be in the log with effect, signed by the SRO, and be that version, with the digest that the state has.
 */
import {
  type Anchors,
  type AppraisalPolicy,
  anchorsDigest,
  policyDigest,
  readAnchors,
  readAppraisalPolicy,
} from '../../attestation/index.ts';
import { parseStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { type Cbor, type CborMap, decode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import type { Founder } from './founder.ts';

/** A published version, as the state has it. */
interface Version {
  readonly id: string;
  readonly version: number;
  readonly entry: number;
  readonly digest: Bytes;
}

/** Versions that are kept ready; entries never change. */
const KEPT = 64;

export class Published {
  readonly #crypto: Crypto;
  readonly #client: LedgerClient;
  readonly #founder: Founder;
  readonly #bodies = new Map<number, { readonly kind: string; readonly body: Cbor }>();

  constructor(crypto: Crypto, client: LedgerClient, founder: Founder) {
    this.#crypto = crypto;
    this.#client = client;
    this.#founder = founder;
  }

  /** @throws ANCHORS_MALFORMED; PREIMAGE_MISMATCH not what the state says; as the entry’s verification */
  async anchors(of: Version, signal: AbortSignal): Promise<Anchors> {
    const anchors = readAnchors(await this.#body('anchors.publish', of, signal));
    return this.#are(anchors, anchorsDigest(this.#crypto, anchors), of);
  }

  /** @throws APPRAISAL_POLICY_MALFORMED, APPRAISAL_POLICY_ALLOWS_ALL; as {@link anchors} */
  async policy(of: Version, signal: AbortSignal): Promise<AppraisalPolicy> {
    const body = await this.#body('appraisal-policy.publish', of, signal);
    const policy = readAppraisalPolicy((body as CborMap).get('policy') ?? null);
    return this.#are(policy, policyDigest(this.#crypto, policy), of);
  }

  #are<T>(published: T, found: Bytes, { digest, entry }: Version): T {
    if (!equal(found, digest)) throw fail('PREIMAGE_MISMATCH', `entry ${entry} is not what the state names`);
    return published;
  }

  async #body(kind: string, { id, version, entry }: Version, signal: AbortSignal): Promise<Cbor> {
    const { kind: found, body } = this.#bodies.get(entry) ?? (await this.#read(entry, signal));
    const is = (name: string, value: string | number) => body instanceof Map && body.get(name) === value;
    // The digest of a policy does not say whose version it is: another one may be as good a document.
    if (found !== kind || !is('id', id) || !is('version', version)) {
      throw fail('PREIMAGE_MISMATCH', `entry ${entry} is not the ${kind} of ${id}, version ${version}`);
    }
    return body;
  }

  async #read(index: number, signal: AbortSignal): Promise<{ readonly kind: string; readonly body: Cbor }> {
    const { statement } = await this.#client.entry({ index }, { signal });
    const parsed = statement && parseStatement(this.#crypto, statement);
    if (!parsed?.chain) throw fail('PREIMAGE_MISMATCH', `entry ${index} publishes nothing`);
    const { outcome } = await this.#client.effect(index, { signal });
    if (outcome !== 'ok') throw fail('PREIMAGE_MISMATCH', `entry ${index} was refused`);
    await this.#founder.check(parsed, signal);
    const found = { kind: parsed.chain.kind, body: decode(parsed.payload) };
    if (this.#bodies.size >= KEPT) this.#bodies.clear();
    this.#bodies.set(index, found);
    return found;
  }
}
