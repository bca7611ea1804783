/**
 * What the log is and who its SRO is, from what no operator can make up: the genesis, whose entry id the trust file has, and
 * the keys that it lists, or that one of them has added. Of the state only the place of a `key.add` is taken. (The SRO of the
 * genesis cannot be recovered, so it has no other keys.)
 */
import {
  GENESIS,
  isRefusal,
  KEY,
  parseStatement,
  type Statement,
  signatureFault,
  signatureKey,
} from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, equal, toHex } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { know } from './known.ts';

interface Genesis {
  readonly simulated: boolean;
  readonly sro: string;
  readonly keys: readonly { readonly key: Bytes }[];
}

export class Founder {
  readonly #crypto: Crypto;
  readonly #client: LedgerClient;
  /** Whether this is a log for development. */
  readonly simulated: boolean;
  readonly #sro: string;
  /** Listed form by hexadecimal thumbprint. */
  readonly #keys = new Map<string, Bytes>();

  /** @throws PREIMAGE_MISMATCH entry 0 is no genesis; as the entry's verification */
  static async of(crypto: Crypto, client: LedgerClient, signal: AbortSignal): Promise<Founder> {
    const { statement } = await client.entry({ entryId: client.trust.genesis }, { signal });
    const parsed = statement && parseStatement(crypto, statement);
    if (parsed?.chain?.kind !== 'log.genesis' || parsed.chain.log !== client.trust.origin) {
      throw fail('PREIMAGE_MISMATCH', 'what the trust file names is not the genesis of this log');
    }
    return new Founder(crypto, client, parsed.body as Genesis);
  }

  private constructor(crypto: Crypto, client: LedgerClient, { simulated, sro, keys }: Genesis) {
    this.#crypto = crypto;
    this.#client = client;
    this.simulated = simulated;
    this.#sro = sro;
    for (const { key } of keys) this.#keep(key);
  }

  /** Returns if the SRO has signed it for this log. @throws KID_UNKNOWN, SIGNATURE_INVALID; as entries and facts */
  async check(statement: Statement, signal: AbortSignal, before = Number.POSITIVE_INFINITY): Promise<void> {
    const { issuer, chain, kid } = statement;
    if (issuer !== this.#sro || chain?.log !== this.#client.trust.origin) throw stranger();
    const listed = this.#keys.get(toHex(kid)) ?? (await this.#added(kid, before, signal));
    const publicKey = signatureKey(this.#crypto, kid, listed);
    if (isRefusal(publicKey)) throw stranger();
    if (signatureFault(statement, { publicKey })) throw fail('SIGNATURE_INVALID', 'of what is published');
  }

  /** A key that another key of the SRO has added, in an entry before. */
  async #added(kid: Bytes, before: number, signal: AbortSignal): Promise<Bytes> {
    const { read } = await know(this.#client, [GENESIS.key('genesis'), KEY.key(kid)], signal);
    const { added = before } = KEY.read(read, kid) ?? {};
    // Each step goes back in the log, so that there is an end of it.
    if (added >= before) throw stranger();
    const { statement } = await this.#client.entry({ index: added }, { signal });
    const parsed = statement && parseStatement(this.#crypto, statement);
    if (parsed?.chain?.kind !== 'key.add') throw stranger();
    const { key } = parsed.body as { readonly key: Bytes };
    if (!equal(this.#crypto.sha256(key), kid)) throw stranger();
    await this.check(parsed, signal, added);
    this.#keep(key);
    return key;
  }

  /** RFC 9679: the thumbprint of a listed key is the hash of its one form. */
  #keep(key: Bytes): void {
    this.#keys.set(toHex(this.#crypto.sha256(key)), key);
  }
}

function stranger() {
  return fail('KID_UNKNOWN', 'what is published is not signed by the SRO of the genesis');
}
