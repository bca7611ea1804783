/** Who puts statements into the log: the room itself, or its deployer. */
import { type KindName, signStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';

export interface AuthorOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  /** DID, or URN of the room. */
  readonly issuer: string;
  readonly key: PrivateKey;
}

/** What comes after needs a head that whoever the trust file names has seen. */
type Wait = 'LOGGED' | 'WITNESSED';

export class Author {
  readonly #options: AuthorOptions;

  constructor(options: AuthorOptions) {
    this.#options = options;
  }

  get did(): string {
    return this.#options.issuer;
  }

  /** @throws the log's refusal by its code */
  register(kind: KindName, body: object, signal: AbortSignal, wait: Wait = 'LOGGED') {
    const { crypto, client, issuer, key } = this.#options;
    const issuedAt = Math.floor(Date.now() / 1000);
    const statement = signStatement(crypto, key, { log: client.trust.origin, kind, issuer, issuedAt, body });
    // A quorum may take its time.
    return client.register(statement, {
      wait,
      signal,
      ...(wait === 'WITNESSED' && { deadlineMs: WITNESSED }),
    });
  }
}

/** Milliseconds. */
const WITNESSED = 60_000;
