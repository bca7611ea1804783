/** The model leaves: to the consumer of the contract, sealed to a key of its own, once it is paid for and the ledger lets it go. */
import { KEY, type KeyRecord, PARTICIPANT } from '../../chain/index.ts';
import { PAYMENT } from '../../chain/records/payment.ts';
import type { Bytes } from '../../core/bytes.ts';
import { LedgerError } from '../../core/errors.ts';
import type { Agreed } from './agreed.ts';
import type { Author } from './author.ts';
import { type Delivery, sealDelivery } from './delivery.ts';
import type { Site } from './site.ts';
import type { Run } from './trained.ts';

export interface Released {
  /** URN. */
  readonly model: string;
  readonly to: string;
  readonly wrapKid: Bytes;
  readonly delivery: Delivery;
}

/** Waits for what the contract wants paid before the model leaves. @param until Unix milliseconds */
export async function awaitSettled(site: Site, agreed: Agreed, room: string, until: number): Promise<void> {
  const rows = agreed.contract.payments.flatMap(({ trigger }, row) =>
    trigger === 'model.release' ? [row] : [],
  );
  if (rows.length === 0) return;
  const ids = rows.map((row): [string, number, string] => [agreed.id, row, room]);
  await site.state.waitFor('payments to be settled', until, async () => {
    const found = await site.state.readAll(PAYMENT, ids);
    const lost = found.findIndex((payment) => payment?.state === 'FAILED' || payment?.state === 'REFUNDED');
    if (lost >= 0) throw new LedgerError('PAYMENT_NOT_SETTLED', `row ${rows[lost]}: ${found[lost]!.state}`);
    return found.every((payment) => payment?.state === 'SETTLED') || undefined;
  });
  site.said('paid', `${rows.length} payments are settled`);
}

/** @throws RELEASE_KEY_NOT_OF_PARTY the consumer has no key to wrap to; the ledger's refusal, the gate's reason */
export async function release(site: Site, author: Author, run: Run, to: string): Promise<Released> {
  const model = site.urn('model');
  const { kid: wrapKid, key } = await encryptionKeyOf(site, to);
  const delivery = await sealDelivery(site.crypto, { log: site.origin, model, to }, key, run.outputs);
  const [trained, ...others] = run.outputs;
  const { ciphertext } = delivery;
  const body = {
    ...{ id: model, run: run.id, digest: trained!.digest, files: others.map(({ digest }) => digest) },
    ...{ ciphertext, to, wrapKid },
  };
  const { index } = await author.register('model.release', body, site.signal, 'WITNESSED');
  await site.pass('model.release', { model, run: run.id, ciphertext, to, wrapKid });
  site.said('released', model, index);
  return { model, to, wrapKid, delivery };
}

/** The newest that is good now. */
async function encryptionKeyOf(site: Site, did: string): Promise<{ kid: Bytes; key: Bytes }> {
  const { keys: kids = [] } = (await site.state.read(PARTICIPANT, did)) ?? {};
  const keys = await site.state.readAll(
    KEY,
    kids.map((kid): [Bytes] => [kid]),
  );
  const now = Date.now();
  const good = (key: KeyRecord | undefined) =>
    key?.use === 'enc' &&
    !key.revoked &&
    (key.notBefore ?? 0) <= now &&
    (key.notAfter === undefined || key.notAfter * 1000 >= now);
  const at = keys.findLastIndex(good);
  if (at < 0)
    throw new LedgerError('RELEASE_KEY_NOT_OF_PARTY', `${did} has no key that a model can be wrapped to`);
  return { kid: kids[at]!, key: keys[at]!.key };
}
