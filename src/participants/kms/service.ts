/** The key management service put together: its folder, the ledger as it sees it, its HTTP interface. */
import { join } from 'node:path';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, toBase64url } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { witnessPolicy } from '../../verify/index.ts';
import { createServiceHttp, type ServiceTls } from '../service-http.ts';
import { lockFolder } from './folder-lock.ts';
import { KeyImporter } from './key-importer.ts';
import { KeyVault } from './key-vault.ts';
import { ReleaseDesk, type ReleaseOutcome } from './release-desk.ts';
import { ReleaseJournal } from './release-journal.ts';
import { HTTP_BOUNDS, keyRoutes, STATUSES } from './routes.ts';
import { wrapKeyFile } from './wrap-key-file.ts';

export interface KmsOptions {
  readonly crypto: Crypto;
  /** Its trust file has to ask for a witness and for a replayer. */
  readonly client: LedgerClient;
  /** The KMS as a participant, and the key that it signs with. */
  readonly kms: { readonly did: string; readonly key: PrivateKey };
  /** Sealed keys and the journal of releases; made if it is not there. */
  readonly dataDir: string;
  /** File of the key that data keys are sealed to, made if it is not there (default: in the folder). */
  readonly wrapKey?: string;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly tls?: ServiceTls;
  /** Milliseconds that the other keys of a pipeline are waited for (default 20,000). */
  readonly patience?: number;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  readonly observe?: KmsObserver;
}

export interface KmsObserver {
  imported?(owner: string, dataKeyId: string): void;
  /** What came of a release. */
  released?(outcome: ReleaseOutcome): void;
  /** What is no refusal: the storage, or a defect. */
  failed?(operation: string, error: unknown): void;
}

export interface RunningKms {
  readonly url: string;
  /** COSE_Key that owners seal data keys to. */
  readonly wrapKey: Bytes;
  /** Its thumbprint, base64url. */
  readonly wrapKid: string;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const PATIENCE = 20_000;
/** Milliseconds between two attempts to tell the ledger what was handed to nobody. */
const SETTLE_EVERY = 10_000;

/**
 * @throws CONFIG_INVALID the folder or the wrap key; QUORUM_NOT_MET a trust file under which no gate would ever answer;
 * UNAVAILABLE the address cannot be bound
 */
export async function startKms(options: KmsOptions): Promise<RunningKms> {
  const { crypto, client, kms, dataDir, host, tls, observe = {}, now = Date.now } = options;
  const { trust } = client;
  if (!witnessPolicy(trust) || !trust.replayers?.length) {
    throw fail('QUORUM_NOT_MET', 'the trust file has to ask for witnesses, and for a replayer');
  }
  const lock = lockFolder(dataDir);
  try {
    const mine = await wrapKeyFile(crypto, options.wrapKey ?? join(dataDir, 'wrap.cosekey'));
    const vault = new KeyVault(crypto, join(dataDir, 'keys'), mine);
    const journal = new ReleaseJournal(crypto, join(dataDir, 'releases'));
    const importer = new KeyImporter({ crypto, client, vault, did: kms.did, now });
    const desk = new ReleaseDesk({
      ...{ crypto, client, vault, journal, kms, now, patience: options.patience ?? PATIENCE },
      observe: (outcome) => observe.released?.(outcome),
    });
    const http = createServiceHttp({
      ...{ ...HTTP_BOUNDS, statuses: STATUSES },
      ...(tls && { tls }),
      refused: (operation, error) => {
        const ours = error.code === 'INTERNAL' || error.code === 'STORAGE_FAILED';
        if (ours) observe.failed?.(operation, error);
      },
    });
    keyRoutes(http.app, {
      wrapKey: vault.wrapKey,
      take: async (request) => {
        const imported = await importer.take(request);
        observe.imported?.(imported.owner, imported.dataKeyId);
        return imported;
      },
      release: (id) => desk.release(id),
    });
    const url = await http.listen(host, options.port);
    const settling = settleUntilClosed(desk, (error) => observe.failed?.('key.cancel', error));
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= settling
        .stop()
        .then(() => http.close())
        .finally(() => lock[Symbol.dispose]());
      return closing;
    };
    return {
      url,
      wrapKey: vault.wrapKey,
      wrapKid: toBase64url(crypto.sha256(vault.wrapKey)),
      close,
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** What was under way when the process before this one ended is cancelled now; what cannot be told is told later. */
function settleUntilClosed(desk: ReleaseDesk, failed: (error: unknown) => void) {
  const settle = () => desk.settle().catch(failed);
  let last: Promise<unknown> = settle();
  const timer = setInterval(() => {
    last = settle();
  }, SETTLE_EVERY);
  return {
    stop: async () => {
      clearInterval(timer);
      await last;
    },
  };
}
