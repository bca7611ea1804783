/** What the KMS says on the log, on behalf of whose key it is. */
import { signStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';

interface Parts {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly kms: { readonly did: string; readonly key: PrivateKey };
  readonly now: () => number;
}

/** Milliseconds. */
const LOGGED_BY = 30_000;

/** Each resolves when what it says is witnessed: gates answer from there. */
export class ReleaseStatements {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Asks the ledger to decide. @throws as {@link LedgerClient.register}; a denial is logged, and no error */
  release(owner: string, id: string, nonce: Bytes): Promise<void> {
    return this.#log('key.release', owner, { id, nonce });
  }

  /** Promises that nothing was handed over, and will not be. @throws as {@link LedgerClient.register} */
  cancel(owner: string, id: string): Promise<void> {
    return this.#log('key.cancel', owner, { id });
  }

  async #log(
    kind: 'key.release' | 'key.cancel',
    owner: string,
    body: { readonly id: string; readonly nonce?: Bytes },
  ): Promise<void> {
    const { crypto, client, kms, now } = this.#parts;
    const statement = signStatement(crypto, kms.key, {
      ...{ log: client.trust.origin, kind, issuer: kms.did, subject: body.id, body },
      issuedAt: Math.floor(now() / 1000),
      ...(owner !== kms.did && { onBehalf: owner }),
    });
    await client.register(statement, { wait: 'WITNESSED', deadlineMs: LOGGED_BY });
  }
}
