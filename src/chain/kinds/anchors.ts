/** anchors.*: what appraisal may trust. The rule looks at the outline of certificates only: appraisal parses them. */
import type { Bytes } from '../../core/bytes.ts';
import { type Cbor, encode } from '../../core/cbor.ts';
import { isOwnUrn } from '../identifier.ts';
import { declareKind } from '../kind.ts';
import { ANCHORS, endorser, MAX_LISTED, teeType } from '../records/governance.ts';
import { refuse } from '../refusal.ts';
import { bytes, list, struct, uint, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { isNext, VERSION_NOT_NEXT } from '../version.ts';

const MAX_CERTIFICATE = 4096;
const MAX_ROOTS = 8;

export const publish = declareKind({
  name: 'anchors.publish',
  rule: 'Publishes the next version of what appraisal may trust for one type of TEE: roots, collateral, endorsers.',
  signer: 'active',
  roles: ['SRO'],
  body: struct({
    id: urn('anchors'),
    version: uint({ min: 1 }),
    tee: teeType,
    /** Certificates in DER. */
    roots: list(bytes({ min: 1, max: MAX_CERTIFICATE }), { min: 1, max: MAX_ROOTS }),
    /** SHA-256 of each piece of collateral that may be used. */
    collateral: list(digest, { max: MAX_LISTED }),
    endorsers: list(endorser, { max: MAX_LISTED }),
  }),
  subject: ({ id }) => id,
  refusals: {
    ANCHOR_MALFORMED: 'A root is not one certificate in DER.',
    SIMULATOR_NOT_ALLOWED: 'The log is not a simulated one, so it takes no simulator for a TEE.',
    VERSION_NOT_NEXT,
  },
  shared: ['ID_MALFORMED'],

  apply(ctx, body) {
    const { id, version, tee, roots } = body;
    if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'an object of another log');
    if (!roots.every(hasOutline)) return refuse('ANCHOR_MALFORMED');
    if (tee === 'simulated' && !ctx.genesis?.simulated) return refuse('SIMULATOR_NOT_ALLOWED');
    if (!isNext(version, ANCHORS.read(ctx.read, id))) return refuse('VERSION_NOT_NEXT');
    const digest = ctx.crypto.sha256(encode(body as Cbor));
    return [ANCHORS.put({ version, tee, digest, entry: ctx.index }, id)];
  },
});

/** X.690 §8.1, §10.1: a SEQUENCE with a definite length in its shortest form, and nothing after it. */
function hasOutline(der: Bytes): boolean {
  const [tag, first = 0] = der;
  if (tag !== 0x30) return false;
  if (first < 0x80) return der.length === 2 + first;
  const octets = first - 0x80;
  if (octets < 1 || octets > 2 || der.length < 2 + octets) return false;
  const length = octets === 1 ? der[2]! : der[2]! * 256 + der[3]!;
  return length >= (octets === 1 ? 0x80 : 0x100) && der.length === 2 + octets + length;
}
