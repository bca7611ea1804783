/** Puts the participants' statements into the log, each under the signature of whose it is, and says what was logged. */
import { type KindName, type Ref, signStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { isLedgerError, LedgerError } from '../../core/errors.ts';
import { Refused } from './refused.ts';

interface Signer {
  readonly did: string;
  readonly key: PrivateKey;
}

export interface More {
  readonly refs?: readonly Ref[];
  readonly onBehalf?: string;
  /** Returns when witness and replayer have seen it. */
  readonly witnessed?: boolean;
}

const WITNESSED = 60_000;

export class Recorder {
  readonly #crypto: Crypto;
  readonly #client: LedgerClient;

  constructor(crypto: Crypto, client: LedgerClient) {
    this.#crypto = crypto;
    this.#client = client;
  }

  sign({ did, key }: Signer, kind: KindName, body: object, { refs, onBehalf }: More = {}): Bytes {
    return signStatement(this.#crypto, key, {
      ...{ log: this.#client.trust.origin, kind, issuer: did, issuedAt: Math.floor(Date.now() / 1000), body },
      ...(refs && { refs }),
      ...(onBehalf !== undefined && { onBehalf }),
    });
  }

  /** @returns what a later statement refers to it by. @throws the log's refusal, saying of what */
  async log(signer: Signer, kind: KindName, body: object, more: More = {}): Promise<Ref> {
    const statement = this.sign(signer, kind, body, more);
    try {
      const { index, entryId } = await this.#client.register(statement, {
        ...(more.witnessed && { wait: 'WITNESSED', deadlineMs: WITNESSED }),
      });
      return { rel: 'after', index, entry: entryId };
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      const refusal = new LedgerError(cause.code, `${kind} of ${signer.did}: ${cause.message}`, { cause });
      throw new Refused(kind, refusal);
    }
  }
}
