/** Bodies of chain statements before they are signed: proofs of possession put in, the kind's schema applied. */
import { kindNamed, provePossession } from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import type { Crypto, PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { encodeCoseKey, isMap, thumbprint } from '../cose/index.ts';

export type Body = ReadonlyMap<string, Cbor>;

/**
 * What the schema of the kind reads. @throws KIND_UNKNOWN, SCHEMA_INVALID, ID_MALFORMED, NUMBER_MALFORMED,
 * PLACEHOLDER_VALUE, SECRET_IN_BODY
 */
export function checkedBody(kind: string, body: Body): unknown {
  const declared = kindNamed(kind);
  if (!declared) throw fail('KIND_UNKNOWN', `there is no kind ${kind}`);
  return declared.body.read(decode(encode(body)), '');
}

interface Signing {
  readonly kind: string;
  readonly log: string;
  readonly issuer: string;
  readonly signer: PrivateKey;
  /** Private keys of listed keys. */
  readonly others: readonly PrivateKey[];
}

/** Who the keys that a body lists are of, by kind, and where the body lists them. */
const LISTS: Readonly<Record<string, { owner: string | undefined; member: string | undefined }>> = {
  'log.genesis': { owner: 'sro', member: 'keys' },
  'participant.register': { owner: 'did', member: 'keys' },
  // The body is the key, and its owner the issuer.
  'key.add': { owner: undefined, member: undefined },
};

/**
 * The body with a proof of possession for every listed signature key whose private key was given. The key that signs
 * the statement needs none.
 * @throws POP_MISSING a listed key has neither a proof nor its private key here; ARGUMENT_INVALID a private key
 * that the body does not list
 */
export function withPossession(crypto: Crypto, body: Body, signing: Signing): Body {
  const lists = LISTS[signing.kind];
  const unused = new Set(signing.others);
  const complete = lists ? withProofs(crypto, body, lists, signing, unused) : body;
  if (unused.size > 0) throw fail('ARGUMENT_INVALID', 'a --pop-key is of no key that the body lists');
  return complete;
}

function withProofs(
  crypto: Crypto,
  body: Body,
  { owner: ownerMember, member }: (typeof LISTS)[string],
  signing: Signing,
  unused: Set<PrivateKey>,
): Body {
  const owner = ownerMember === undefined ? signing.issuer : body.get(ownerMember);
  // What is not of the right shape, the schema will refuse by name.
  if (typeof owner !== 'string') return body;
  const proven = (key: CborMap) => withProof(crypto, key, owner, signing, unused);
  if (member === undefined) return proven(body) as Body;
  const keys = body.get(member);
  if (!Array.isArray(keys)) return body;
  const all = (keys as readonly Cbor[]).map((key) => (isMap(key) ? proven(key) : key));
  return new Map([...body, [member, all]]);
}

function withProof(
  crypto: Crypto,
  listed: CborMap,
  owner: string,
  { log, signer, others }: Signing,
  unused: Set<PrivateKey>,
): CborMap {
  const bytes = listed.get('key');
  if (!(bytes instanceof Uint8Array) || listed.get('use') !== 'sig') return listed;
  const is = (key: PrivateKey) => equal(encodeCoseKey(key.publicKey), bytes as Bytes);
  const key = others.find(is);
  if (key) {
    unused.delete(key);
    const kid = thumbprint(crypto, key.publicKey);
    return new Map([...listed, ['pop', provePossession(key, { log, owner, kid })]]);
  }
  if (is(signer) || listed.has('pop')) return listed;
  throw fail('POP_MISSING', `the key ${String(listed.get('keyAlias'))} has no proof of possession`);
}
