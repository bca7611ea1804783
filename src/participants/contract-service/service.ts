/**
 * The contract service: helps participants find datasets, and agree; tells them what has become of their contracts; passes on
 * what payments need. It is trusted with none of it: parties sign for themselves, and the log decides.
 */
import { join } from 'node:path';
import { isDid } from '../../chain/index.ts';
import type { ClientTls, LedgerClient } from '../../client/index.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail, type LedgerError } from '../../core/errors.ts';
import { webhookSecret } from '../../platform/webhook-signature.ts';
import { makeFolder } from '../../platform/write-file.ts';
import { createServiceHttp, type ServiceTls } from '../service-http.ts';
import { Drafts } from './drafts.ts';
import { Outbox, type ServiceEvent } from './outbox.ts';
import { Payments } from './payments.ts';
import { Registry } from './registry.ts';
import { contractRoutes } from './routes.ts';
import { Watch } from './watch.ts';
import { WatchBook } from './watch-book.ts';
import { type Receiver, Webhook } from './webhook.ts';

export interface ContractServiceOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  /** A participant with the role CONTRACT_SERVICE. */
  readonly did: string;
  readonly key: PrivateKey;
  /** Holds drafts, events, confirmations and what the watch has seen. One service for each folder. */
  readonly dataDir: string;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly tls?: ServiceTls;
  readonly receivers?: readonly Receiver[];
  /** For receivers over https: whom to trust, and who we are. */
  readonly receiverTls?: ClientTls;
  /** Who moves the money: its name for the log, and the secret that it signs confirmations with. */
  readonly processor?: { readonly name: string; readonly secret: string };
  /** Complete contracts by itself (default false). */
  readonly complete?: boolean;
  /** Milliseconds after which every contract is looked at again (default 30,000). */
  readonly everyMs?: number;
  readonly now?: () => number;
  readonly observer?: ContractServiceObserver;
}

export interface ContractServiceObserver {
  refused?(operation: string, error: LedgerError, status: number): void;
  /** What could not be asked or logged, and is tried again. */
  failed?(contract: string | null, error: LedgerError): void;
  delivery?(receiver: string, outcome: string, event: ServiceEvent, why?: string): void;
}

export interface RunningContractService {
  readonly url: string;
  /** Rejects when the watch cannot go on: the log has shown two histories, or this software is wrong. */
  readonly failed: Promise<never>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** @throws CONFIG_INVALID, ARGUMENT_INVALID, ORIGIN_MISMATCH the folder is of another log; UNAVAILABLE */
export async function startContractService(options: ContractServiceOptions): Promise<RunningContractService> {
  const { crypto, client, did, key, dataDir, processor, now = Date.now, observer = {} } = options;
  if (!isDid(did)) throw fail('ARGUMENT_INVALID', 'the service is named by a DID');
  makeFolder(dataDir);
  const folder = (name: string) => join(dataDir, name);
  const { origin } = client.trust;
  const book = await WatchBook.open(folder('watch.json'), client.trust);
  const drafts = await Drafts.open({ crypto, folder: folder('drafts'), origin, now });
  const outbox = await Outbox.open(crypto, folder('events'), now);
  const registry = new Registry({ crypto, client, did, key, now });
  const payments = new Payments({
    ...{ crypto, client, registry, did, folder: folder('payments') },
    processor: processor?.name ?? did,
  });
  const watch = new Watch({
    ...{ crypto, client, did, book, drafts, outbox, payments, registry, now },
    ...{ complete: options.complete ?? false, everyMs: options.everyMs ?? 30_000 },
    failed: (contract, error) => observer.failed?.(contract, error),
  });
  const webhooks = (options.receivers ?? []).map(
    (receiver) =>
      new Webhook({
        ...{ receiver, outbox, now },
        ...(options.receiverTls && { tls: options.receiverTls }),
        attempted: (outcome, event, why) => observer.delivery?.(receiver.name, outcome, event, why),
      }),
  );
  const http = createServiceHttp({
    ...(options.tls && { tls: options.tls }),
    refused: (operation, error, status) => observer.refused?.(operation, error, status),
  });
  contractRoutes(http.app, {
    ...{ crypto, client, did, registry, drafts, payments, outbox, now },
    ...(processor && { processorSecret: webhookSecret(processor.secret) }),
  });
  const url = await http.listen(options.host, options.port);
  const stop = new AbortController();
  const running = [watch, ...webhooks].map((each) => each.run(stop.signal));
  const failed = new Promise<never>((_resolve, reject) => {
    for (const each of running) each.catch(reject);
  });
  failed.catch(() => undefined);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      stop.abort();
      await Promise.allSettled([http.close(), ...running]);
    })();
    return closing;
  };
  return { url, failed, close };
}
