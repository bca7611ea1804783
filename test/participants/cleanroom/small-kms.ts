/** A key management service of the test's own, as small as the guide's, that really wraps: over HTTP, by the interface of the reference one. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseStatement, signStatement } from '../../../src/chain/index.ts';
import { RELEASE } from '../../../src/chain/records/release.ts';
import type { LedgerClient } from '../../../src/client/index.ts';
import { type Bytes, equal, toBase64url } from '../../../src/core/bytes.ts';
import { isLedgerError, LedgerError } from '../../../src/core/errors.ts';
import { wrapKey } from '../../../src/participants/key-wrap.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import type { Member } from '../../chain/world.ts';

export interface SmallKms {
  readonly url: string;
  /** Releases that it was asked for. */
  readonly asked: string[];
  close(): void;
}

export interface Vault {
  readonly key: Bytes;
  /** DID of whose key it is. */
  readonly owner: string;
}

export async function startSmallKms(
  client: LedgerClient,
  kms: Member,
  vaults: ReadonlyMap<string, Vault>,
): Promise<SmallKms> {
  const asked: string[] = [];
  const origin = client.trust.origin;
  const log = (kind: 'key.release' | 'key.cancel', onBehalf: string, body: object) => {
    const now = { issuer: kms.did, issuedAt: Math.floor(Date.now() / 1000), onBehalf };
    return client.register(signStatement(crypto, kms.keys[0], { log: origin, kind, body, ...now }), {
      wait: 'WITNESSED',
      deadlineMs: 30_000,
    });
  };
  async function release(id: string): Promise<Bytes> {
    const record = RELEASE.decode((await client.facts([RELEASE.key(id)])).values[0]!);
    const { cleanroom, dataKeyId, wrapKid } = record;
    const { key, owner } = vaults.get(dataKeyId)!;
    const nonce = client.drawNonce();
    await log('key.release', owner, { id, nonce });
    try {
      for (let attempt = 0; ; attempt++) {
        const question = { release: id, kms: kms.did, dataKeyId, nonce, wrapKid, full: true };
        const { decision, reason } = await client.checkKeyRelease(question);
        if (decision === 'allow') break;
        if (reason !== 'MOUNT_NOT_GRANTED' || attempt === 40) throw new LedgerError(reason!, 'denied');
        await delay(250);
      }
    } catch (refusal) {
      await log('key.cancel', owner, { id }).catch(() => undefined);
      throw refusal;
    }
    const to = await attestedKey(cleanroom, wrapKid);
    return wrapKey(
      crypto,
      to,
      { log: origin, use: 'data', release: id, recipient: cleanroom, keyId: dataKeyId },
      key,
    );
  }
  async function attestedKey(cleanroom: string, wrapKid: Bytes): Promise<Bytes> {
    for await (const { statement } of client.entries()) {
      const parsed = statement && parseStatement(crypto, statement);
      if (parsed?.chain?.kind !== 'cleanroom.attest') continue;
      const { id, wrapKey: listed } = parsed.body as { id: string; wrapKey: Bytes };
      if (id === cleanroom && equal(crypto.sha256(listed), wrapKid)) return listed;
    }
    throw new Error('no such key was attested');
  }
  const server = createServer(async (request, response) => {
    try {
      const { release: id } = JSON.parse((await request.toArray()).join(''));
      asked.push(id);
      const wrapped = toBase64url(await release(id));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ release: id, wrapped }));
    } catch (error) {
      const code = isLedgerError(error) ? error.code : 'INTERNAL';
      response.writeHead(403, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code, detail: String(error) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, close: () => void server.close() };
}
