/** Bytes that are no statement: CBOR, COSE, header, body. */
import { concat, utf8 } from '../../../src/core/bytes.ts';
import { type Cbor, encode } from '../../../src/core/cbor.ts';
import { body, chainHeader, claims, duplicated, reversed, withFloat } from '../forge.ts';
import { caseList } from './base.ts';
import { addition, forging } from './forged.ts';

const { cases, refuses } = caseList();
const forged = forging(refuses);

const deep = (levels: number): Cbor => Array.from({ length: levels }).reduce<Cbor>((inner) => [inner], 0);

refuses('frame', 'STATEMENT_TOO_LARGE', 'over 1 MiB', () => new Uint8Array(1_048_577));
refuses('frame', 'CBOR_MALFORMED', 'no bytes', () => new Uint8Array());
refuses('frame', 'CBOR_MALFORMED', 'random bytes', ({ world }) =>
  world.crypto.sha512(utf8('x')).fill(0xff, 0, 1),
);
refuses('frame', 'CBOR_MALFORMED', 'cut off', (b) => addition(b).slice(0, -1));
refuses('frame', 'CBOR_MALFORMED', 'trailing byte', (b) => concat(addition(b), Uint8Array.of(0)));
refuses('frame', 'CBOR_MALFORMED', 'indefinite array', (b) => {
  const canonical = addition(b);
  return concat(Uint8Array.of(0xd2, 0x9f), canonical.subarray(2), Uint8Array.of(0xff));
});
refuses('frame', 'CBOR_MALFORMED', 'deeply nested', () => new Uint8Array(100_000).fill(0x81));
refuses('frame', 'CBOR_MALFORMED', 'a huge declared length', () =>
  Uint8Array.of(0xd2, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255),
);
forged('COSE_TAG_WRONG', 'no tag', (p) => (p.tag = null));
forged('COSE_TAG_WRONG', 'tag of COSE_Sign', (p) => (p.tag = 98));
refuses('frame', 'COSE_TAG_WRONG', 'tag in a tag', (b) => concat(Uint8Array.of(0xd8, 61), addition(b)));
forged(
  'COSE_MALFORMED',
  'three members',
  (p) => (p.members = [new Uint8Array(), new Map(), new Uint8Array()]),
);
forged('COSE_MALFORMED', 'not an array', (p) => (p.members = 7 as unknown as Cbor[]));
forged('COSE_MALFORMED', 'detached payload', (p) => (p.payload = null));
forged('COSE_MALFORMED', 'protected header is no map', (p) => (p.protectedBytes = encode([1])));
forged('COSE_MALFORMED', 'a label too many', (p) => p.header.set(3, 'text/plain'));
forged('COSE_MALFORMED', 'an "aichain" member too many', (p) => chainHeader(p, { x: 1 }));
forged('COSE_MALFORMED', 'a claim too many', (p) => claims(p, { 4: 1 }));
forged('CBOR_NOT_DETERMINISTIC', 'unprotected header in the log', (p) => p.unprotected.set(394, []));
refuses('frame', 'CBOR_NOT_DETERMINISTIC', 'tag not shortest', (b) =>
  concat(Uint8Array.of(0xd8, 18), addition(b).subarray(1)),
);
forged(
  'CBOR_NOT_DETERMINISTIC',
  'header out of order',
  (p) => (p.protectedBytes = reversed(encode(p.header))),
);
forged('CBOR_NOT_DETERMINISTIC', 'body out of order', (p) => (p.payload = reversed(p.payload!)));
forged('CBOR_MALFORMED', 'duplicate label', (p) => (p.protectedBytes = duplicated(encode(p.header))));
forged('CBOR_MALFORMED', 'duplicate body member', (p) => (p.payload = duplicated(p.payload!)));
forged('CBOR_MALFORMED', 'header ends early', (p) => (p.protectedBytes = encode(p.header).slice(0, -1)));
forged('CBOR_MALFORMED', 'a float in our header', (p) => (p.protectedBytes = withFloat(encode(p.header))));
forged(
  'CBOR_MALFORMED',
  'trailing byte after the body',
  (p) => (p.payload = concat(p.payload!, Uint8Array.of(0))),
);
forged('CBOR_MALFORMED', 'body deeply nested', (p) => body(p, { use: deep(30) }));
forged(
  'CBOR_MALFORMED',
  'a float in the body',
  (p) => (p.payload = Uint8Array.of(0xa1, 0x61, 0x61, 0xf9, 0, 0)),
);
forged('HEADER_MISSING', 'empty header', (p) => (p.protectedBytes = new Uint8Array()));
for (const [label, name] of [
  [1, 'alg'],
  [4, 'kid'],
  [15, 'claims'],
  [16, 'typ'],
  ['aichain', '"aichain"'],
] as const) {
  forged('HEADER_MISSING', `no ${name}`, (p) => p.header.delete(label));
  forged('HEADER_MISSING', `${name} of a wrong type`, (p) => p.header.set(label, label === 1 ? 'ES256' : 7));
}
forged('HEADER_MISSING', 'kid of 31 bytes', (p) => p.header.set(4, new Uint8Array(31)));
forged('HEADER_MISSING', 'another typ', (p) => p.header.set(16, 'application/other'));
for (const [claim, name] of [
  [1, 'iss'],
  [2, 'sub'],
  [6, 'iat'],
] as const) {
  forged('HEADER_MISSING', `no ${name}`, (p) => claims(p, { [claim]: undefined }));
  forged('HEADER_MISSING', `${name} of a wrong type`, (p) => claims(p, { [claim]: [] }));
}
forged('HEADER_MISSING', 'iat beyond the year 9999', (p) => claims(p, { 6: 253_402_300_800 }));
for (const [name, value] of [
  ['v', 2],
  ['log', 1],
  ['kind', 1],
  ['onBehalf', 1],
  ['refs', 1],
] as const) {
  forged('HEADER_MISSING', `"aichain" ${name} wrong`, (p) => chainHeader(p, { [name]: value }));
  if (name !== 'onBehalf')
    forged('HEADER_MISSING', `no "aichain" ${name}`, (p) => chainHeader(p, { [name]: undefined }));
}
const id = new Uint8Array(32);
for (const ref of [
  7,
  ['after', 1],
  [1, 1, id],
  ['', 1, id],
  ['after', -1, id],
  ['after', 1, id.slice(1)],
] as Cbor[]) {
  forged('HEADER_MISSING', 'a malformed ref', (p) => chainHeader(p, { refs: [ref] }));
}
forged('HEADER_MISSING', '65 refs', (p) =>
  chainHeader(p, { refs: Array.from({ length: 65 }, () => ['after', 1, id]) }),
);
forged('CRIT_UNKNOWN', 'crit', (p) => p.header.set(2, [4]));
forged('ALG_NOT_ALLOWED', 'unknown alg', (p) => p.header.set(1, -37));
forged('ALG_NOT_ALLOWED', 'HMAC', (p) => p.header.set(1, 5));
forged('ALG_NOT_ALLOWED', 'the alg of another kind of key', (p) => p.header.set(1, -7));
forged('KIND_UNKNOWN', 'no such kind', (p) => chainHeader(p, { kind: 'participant.promote' }));
forged('KIND_UNKNOWN', 'a property of every object', (p) => chainHeader(p, { kind: 'constructor' }));
forged('ID_MALFORMED', 'iss', (p) => claims(p, { 1: 'icmr' }));
forged('ID_MALFORMED', 'sub', (p) => claims(p, { 2: '' }));
forged('ID_MALFORMED', 'onBehalf', (p) => chainHeader(p, { onBehalf: 'did:web:' }));
forged('SCHEMA_INVALID', 'body is a list', (p) => (p.payload = encode([])));
forged('SCHEMA_INVALID', 'a member is missing', (p) => body(p, { keyAlias: undefined }));
forged('SCHEMA_INVALID', 'a member too many', (p) => body(p, { extra: 1 }));
forged('SCHEMA_INVALID', 'a member of a wrong type', (p) => body(p, { keyAlias: 1 }));
forged('SCHEMA_INVALID', 'an unknown word', (p) => body(p, { use: 'both' }));
forged('PLACEHOLDER_VALUE', 'empty text', (p) => body(p, { keyAlias: '' }));
forged('PLACEHOLDER_VALUE', 'a variable', (p) => body(p, { keyAlias: '$KEY_ALIAS' }));
forged('PLACEHOLDER_VALUE', 'null in words', (p) => body(p, { use: 'null' }));
forged('SECRET_IN_BODY', 'a SAS signature', (p) => body(p, { keyAlias: 'sv=2022&sig=abc%3D' }));
refuses('frame', 'ID_MALFORMED', 'a DID in the body', ({ world, cowin }) =>
  world.sign(cowin, 'participant.register', world.registration(cowin, ['TDP'], { did: 'cowin' })),
);
refuses('frame', 'NUMBER_MALFORMED', 'an amount as text', ({ world }) =>
  world.sign(
    world.sro,
    'policy.publish',
    world.policy({ runLimits: [1, 2, 3].map(() => ({ epsilon: '1.5', delta: 1 })) }),
  ),
);

export default cases;
