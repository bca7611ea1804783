/**
 * What goes into the log through the service: statements that participants have signed themselves are passed on, and those
 * that the service makes are signed with its own key. Nothing is signed here for anybody else.
 */
import { kindNamed, parseStatement, type Statement, signStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, toBase64url } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';

export interface RegistryOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly did: string;
  readonly key: PrivateKey;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** An entry with its proof, as JSON. */
export interface Registered {
  readonly index: number;
  /** base64url. */
  readonly entryId: string;
  /** COSE receipt, base64url. */
  readonly receipt: string;
}

export class Registry {
  readonly #options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** @throws what is wrong with the statement; KIND_UNKNOWN not one of these kinds; ORIGIN_MISMATCH; the log’s refusal */
  async passOn(
    bytes: Bytes,
    kinds: readonly string[],
    of?: string,
  ): Promise<Registered & { readonly statement: Statement }> {
    const { crypto, client } = this.#options;
    const statement = parseStatement(crypto, bytes);
    const { chain } = statement;
    if (!chain || !kinds.includes(chain.kind)) {
      throw fail('KIND_UNKNOWN', `here the service passes on ${kinds.join(', ')}`);
    }
    if (chain.log !== client.trust.origin) throw fail('ORIGIN_MISMATCH', `the statement is for ${chain.log}`);
    const about = kindNamed(chain.kind)!.subject(statement.body);
    if (of !== undefined && about !== of) throw fail('ARGUMENT_INVALID', `the statement is about ${about}`);
    return { ...(await this.register(bytes)), statement };
  }

  /** A statement of the service’s own. The same within one second is the same statement. */
  sign(kind: string, body: object): Bytes {
    const { crypto, client, did, key, now } = this.#options;
    const subject = kindNamed(kind)?.subject(body);
    return signStatement(crypto, key, {
      ...{ log: client.trust.origin, kind, issuer: did, issuedAt: Math.floor(now() / 1000), body },
      ...(subject !== undefined && { subject }),
    });
  }

  async register(statement: Bytes): Promise<Registered> {
    const { index, entryId, receipt } = await this.#options.client.register(statement);
    return { index, entryId: toBase64url(entryId), receipt: toBase64url(receipt) };
  }
}
