/**
 * `POST /v1/keys`: takes a data key in. Whose it is, the ledger says: the statement verifies under a key that the proven state
 * lists for an active participant that may own data or models. A name is taken in the owner's own space, so the owner has to
 * be sure of, and the dataset need not be registered yet.
 */
import {
  isRefusal,
  KEY,
  PARTICIPANT,
  type Refusal,
  signatureFault,
  signatureKey,
} from '../../chain/index.ts';
import { keyFault, standingFault } from '../../chain/standing.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { type KeyImport, readKeyImport } from './import-request.ts';
import type { KeyVault } from './key-vault.ts';
import { knownState } from './known-state.ts';

/** Seconds that a request may be on its way; clocks may differ by as much. */
const WINDOW = 300;

export interface KeyImporterOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly vault: KeyVault;
  /** DID of this service. */
  readonly did: string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export class KeyImporter {
  readonly #options: KeyImporterOptions;

  constructor(options: KeyImporterOptions) {
    this.#options = options;
  }

  /**
   * May be repeated.
   * @throws what is wrong with the request, with the owner’s standing or key (KID_UNKNOWN, SIGNER_UNKNOWN, SIGNER_NOT_ACTIVE,
   * KEY_REVOKED, ROLE_NOT_HELD, SIGNATURE_INVALID …), as {@link KeyVault.keep}, and as the ledger’s facts
   */
  async take(request: Bytes): Promise<KeyImport> {
    const { crypto, vault } = this.#options;
    const imported = readKeyImport(crypto, request);
    this.#addressed(imported);
    await this.#signed(imported);
    await vault.keep(imported);
    return imported;
  }

  #addressed({ kms, log, statement: { issuedAt } }: KeyImport): void {
    const { client, did, now } = this.#options;
    if (kms !== did) throw fail('REQUEST_MALFORMED', `the key is for ${kms}, and this is ${did}`);
    if (log !== client.trust.origin) throw fail('ORIGIN_MISMATCH', `the key is under the rule of ${log}`);
    const age = now() / 1000 - (issuedAt ?? 0);
    if (age > WINDOW) throw fail('IAT_TOO_OLD', 'the request was signed longer than five minutes ago');
    if (age < -WINDOW) throw fail('IAT_IN_FUTURE', 'the request was signed in the future');
  }

  async #signed({ owner, statement }: KeyImport): Promise<void> {
    const { crypto, client } = this.#options;
    const { kid } = statement;
    const keys = [PARTICIPANT.key(owner), KEY.key(kid)];
    const first = await knownState(client, keys);
    const listed = KEY.read(first.read, kid);
    if (listed?.use !== 'sig') throw fail('KID_UNKNOWN', 'no key that the ledger lists for signatures');
    if (listed.owner !== owner) throw fail('SIGNER_UNKNOWN', `the key is not ${owner}’s`);
    // Whether a recovered key counts depends on the one that recovered it.
    const { addedBy } = listed;
    const { read, time } = addedBy ? await knownState(client, [...keys, KEY.key(addedBy)]) : first;
    const participant = PARTICIPANT.read(read, owner);
    if (!participant) throw fail('SIGNER_UNKNOWN', `${owner} is not registered`);
    const refused = standingFault(participant, 'active', time) ?? keyFault(read, KEY.read(read, kid)!, time);
    if (refused) throw refusal(refused);
    if (!participant.roles.includes('TDP') && !participant.roles.includes('TDC')) {
      throw fail('ROLE_NOT_HELD', `${owner} provides neither data nor models`);
    }
    const publicKey = signatureKey(crypto, kid, listed.key);
    if (isRefusal(publicKey)) throw refusal(publicKey);
    const fault = signatureFault(statement, { publicKey });
    if (fault) throw refusal(fault);
  }
}

function refusal({ refused, detail }: Refusal): LedgerError {
  return new LedgerError(refused, detail ?? refused);
}
