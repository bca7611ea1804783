/** The keys to the data: asked for in the log, released by the providers' key management services, confirmed in the log. */
import type { CleanroomRecord } from '../../chain/index.ts';
import { PAYMENT } from '../../chain/records/payment.ts';
import type { ClientTls } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { unwrapKey } from '../key-wrap.ts';
import type { Agreed } from './agreed.ts';
import type { Author } from './author.ts';
import { type KmsAddress, KmsClient } from './kms-client.ts';
import type { RoomKeys } from './room-keys.ts';
import type { Site } from './site.ts';

export interface DataKey {
  readonly subject: string;
  readonly version: number | undefined;
  readonly dataKeyId: string;
  /** 32 bytes, of whoever holds this object alone. */
  readonly key: Bytes;
}

export interface KeyAsking {
  /** URN of the room. */
  readonly id: string;
  readonly room: CleanroomRecord;
  readonly agreed: Agreed;
  readonly keys: RoomKeys;
  readonly kms: readonly KmsAddress[];
  readonly tls: ClientTls | undefined;
}

type Mount = CleanroomRecord['mounts'][number];

/** Waits until every payment of the contract for this room is held: a release that is denied for one is denied for good. */
export async function awaitHeld(site: Site, { id, agreed }: KeyAsking, until: number): Promise<void> {
  const { payments } = agreed.contract;
  const ids = payments.map((_, row): [string, number, string] => [agreed.id, row, id]);
  if (ids.length === 0) return;
  await site.state.waitFor('payments to be held', until, async () => {
    const found = await site.state.readAll(PAYMENT, ids);
    const lost = found.findIndex((payment) => payment?.state === 'FAILED' || payment?.state === 'REFUNDED');
    if (lost >= 0) throw new LedgerError('PAYMENT_NOT_HELD', `row ${lost}: ${found[lost]!.state}`);
    return found.every((payment) => payment?.state === 'HELD' || payment?.state === 'SETTLED') || undefined;
  });
  site.said('paid', `${ids.length} payments are held`);
}

/** @throws the denial of the ledger or the service, by its code; WRAPPED_KEY_INVALID */
export async function obtainKeys(site: Site, author: Author, asking: KeyAsking): Promise<DataKey[]> {
  const { room } = asking;
  const clients = new Map<string, KmsClient>();
  const failed = new AbortController();
  const signal = AbortSignal.any([site.signal, failed.signal]);
  try {
    const releases = room.mounts.map((mount) => ({ mount, release: site.urn('release') }));
    for (const { mount } of releases) addClient(clients, asking, mount);
    // All requests are logged before any key is asked for: each service waits for the grants of the others.
    for (const [i, { mount, release }] of releases.entries()) {
      // The services look at witnessed heads: one that covers the last covers all.
      const wait = i === releases.length - 1 ? 'WITNESSED' : 'LOGGED';
      await author.register('key.request', requestOf(asking, mount, release), site.signal, wait);
    }
    const obtained = await Promise.all(
      releases.map(async ({ mount, release }) => {
        const wrapped = await clients.get(mount.kms)!.release(release, signal);
        return { release, wrapped, key: await opened(site, asking, mount, release, wrapped) };
      }),
    );
    await Promise.all(
      obtained.map(({ release, wrapped }) =>
        author.register(
          'key.receive',
          { id: release, wrapped: site.crypto.sha256(wrapped) },
          site.signal,
          'WITNESSED',
        ),
      ),
    );
    site.said('keyed', `${obtained.length} data keys received`);
    return obtained.map(({ key }) => key);
  } catch (error) {
    // One key is of no use without the others.
    failed.abort(error);
    throw error;
  } finally {
    for (const client of clients.values()) client.close();
  }
}

function requestOf({ room }: KeyAsking, { subject, version, contract, dataKeyId }: Mount, id: string) {
  return {
    ...{ id, subject, contract: room.contracts[contract]!, dataKeyId },
    ...(version !== undefined && { version }),
  };
}

async function opened(
  site: Site,
  { id, keys }: KeyAsking,
  { subject, version, dataKeyId }: Mount,
  release: string,
  wrapped: Bytes,
): Promise<DataKey> {
  const purpose = { log: site.origin, use: 'data' as const, release, recipient: id, keyId: dataKeyId };
  return {
    subject,
    version,
    dataKeyId,
    key: await unwrapKey(site.crypto, keys.unwrapping, purpose, wrapped),
  };
}

function addClient(clients: Map<string, KmsClient>, { kms, tls }: KeyAsking, mount: Mount): void {
  if (clients.has(mount.kms)) return;
  const address = kms.find(({ did }) => did === mount.kms) ?? kms.find(({ did }) => did === undefined);
  if (!address) throw fail('ARGUMENT_INVALID', `no address of ${mount.kms} was given`);
  clients.set(mount.kms, new KmsClient(address.url, tls));
}
