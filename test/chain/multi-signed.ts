/** Contracts as today's DEPA contract service makes them: COSE_Sign, tag 98. */
import type { Bytes } from '../../src/core/bytes.ts';
import type { Cbor, CborKey } from '../../src/core/cbor.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { signSign } from '../../src/cose/sign.ts';
import { TEXT } from './contract-world.ts';
import type { Member } from './world.ts';

export interface MultiSigning {
  /** Default: the first key of each, as `#key-1`. */
  signers: readonly (Member | { did: string; key: PrivateKey; kid: Cbor })[];
  /** DIDs of label 491 (default: the signers). */
  participants?: Cbor;
  text?: Bytes;
  /** More of the body's protected header, or other values in it; undefined: leaves it out. */
  header?: ReadonlyMap<CborKey, Cbor | undefined>;
  unprotected?: ReadonlyMap<CborKey, Cbor>;
}

export function multiSigned({
  signers,
  participants,
  text = TEXT,
  header,
  unprotected,
}: MultiSigning): Bytes {
  const all = new Map<CborKey, Cbor | undefined>([
    [3, 'application/json'],
    [392, 'depa-training-scenario'],
    [491, participants ?? signers.map(({ did }) => did)],
    ...(header ?? []),
  ]);
  const body = [...all].filter((member): member is [CborKey, Cbor] => member[1] !== undefined);
  return signSign({
    protected: new Map(body),
    ...(unprotected && { unprotected }),
    payload: text,
    signers: signers.map((signer) => {
      const { did, key, kid } = 'keys' in signer ? { ...signer, key: signer.keys[0], kid: '#key-1' } : signer;
      const kidBytes = typeof kid === 'string' ? new TextEncoder().encode(kid) : kid;
      return {
        key,
        protected: new Map<CborKey, Cbor>([
          [4, kidBytes],
          [493, did],
        ]),
      };
    }),
  });
}
