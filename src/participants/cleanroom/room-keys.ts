/** A clean room's own keys, made when it comes up and gone with it: nobody else ever has the private parts. */
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { encodeCoseKey } from '../../cose/key.ts';
import { generateUnwrappingKey, type UnwrappingKey } from '../key-wrap.ts';

export interface RoomKeys {
  /** What the room signs its statements with. */
  readonly signer: PrivateKey;
  /** Its public part, as it is listed. */
  readonly signKey: Bytes;
  /** What data keys are wrapped to. */
  readonly unwrapping: UnwrappingKey;
  /** Thumbprints (RFC 9679): the hash of the one form that a listed key has. */
  readonly signKid: Bytes;
  readonly wrapKid: Bytes;
}

export async function makeRoomKeys(crypto: Crypto): Promise<RoomKeys> {
  const signer = crypto.generatePrivateKey('ES256');
  const signKey = encodeCoseKey(signer.publicKey);
  const unwrapping = await generateUnwrappingKey('X25519');
  const [signKid, wrapKid] = [crypto.sha256(signKey), crypto.sha256(unwrapping.listed)];
  return { signer, signKey, unwrapping, signKid, wrapKid };
}
