/** Statements in the wrong log, twice, at the wrong time, or after the wrong entry. */
import { chainHeader, claims } from '../forge.ts';
import { World } from '../world.ts';
import { type Base, caseList } from './base.ts';
import { addition, forging } from './forged.ts';

const { cases, refuses } = caseList();
const forged = forging(refuses);
const id = new Uint8Array(32);

refuses('frame', 'GENESIS_MISSING', 'nothing before the genesis', (b) => {
  b.world = World.empty(b.world.crypto);
  return addition(b);
});
refuses('frame', 'GENESIS_MISSING', 'foreign before the genesis', (b) => {
  b.world = World.empty(b.world.crypto);
  return b.world.foreign(b.tdc);
});
refuses('frame', 'GENESIS_MISSING', 'after a genesis that was refused', (b) => {
  b.world = World.empty(b.world.crypto);
  b.world.apply(b.world.genesis({ origin: 'log.example/other' }));
  return addition(b);
});
forged('ORIGIN_MISMATCH', 'made for another log', (p) => chainHeader(p, { log: 'log.example/other' }));
refuses('frame', 'ORIGIN_MISMATCH', 'replayed from another log', ({ world }) => {
  const other = World.begin(world.crypto, 'log.example/other');
  const member = other.member('icmr');
  return other.sign(member, 'participant.register', other.registration(member));
});
refuses('frame', 'DUPLICATE', 'logged before', (b) => {
  const statement = addition(b);
  b.world.accept(statement);
  return statement;
});
refuses('frame', 'DUPLICATE', 'logged before, and too old since', (b) => {
  const statement = addition(b);
  b.world.accept(statement);
  b.world.advance(90_000);
  return statement;
});
forged('IAT_IN_FUTURE', 'issued in six minutes', (p, { world }) => claims(p, { 6: world.now + 301 }));
forged('IAT_TOO_OLD', 'issued more than a day ago', (p, { world }) => claims(p, { 6: world.now - 86_401 }));
refuses('frame', 'ALG_NOT_ALLOWED', 'by the policy', (b) => {
  b.world.accept(b.world.sign(b.world.sro, 'policy.publish', b.world.policy({ algorithms: ['Ed25519'] })));
  return b.world.foreign(b.icmr);
});
const verification = (refs: (base: Base) => readonly unknown[]) => (b: Base) =>
  b.world.verification(b.cowin, {}, { refs: refs(b) as [] });
refuses(
  'frame',
  'REF_NOT_FOUND',
  'another entry id',
  verification(({ world }) => [{ ...world.ref('after', 0), index: 5 }]),
);
refuses(
  'frame',
  'REF_NOT_FOUND',
  'itself or later',
  verification(({ world }) => [{ ...world.ref('after', 5), index: 6 }]),
);
refuses(
  'frame',
  'REF_NOT_FOUND',
  'far beyond the end',
  verification(() => [{ rel: 'after', index: 2 ** 53 - 1, entry: id }]),
);
refuses('frame', 'REF_NOT_FOUND', 'a refused entry', (b) => {
  const refused = b.world.apply(b.world.foreign(b.cowin));
  const entry = b.world.crypto.sha256(b.world.foreign(b.cowin));
  return b.world.verification(b.cowin, {}, { refs: [{ rel: 'after', index: refused.index, entry }] });
});
refuses(
  'frame',
  'REF_WRONG_KIND',
  'after the genesis',
  verification(({ world }) => [world.ref('after', 0)]),
);
refuses('frame', 'REF_WRONG_KIND', 'after a foreign statement', (b) => {
  const { index } = b.world.accept(b.world.foreign(b.tdc));
  return b.world.verification(b.cowin, {}, { refs: [b.world.ref('after', index)] });
});
refuses(
  'frame',
  'REF_WRONG_KIND',
  'a relation that the kind does not have',
  verification(({ world }) => [world.ref('constructor', 5)]),
);
refuses(
  'frame',
  'REF_STALE',
  'no ref',
  verification(() => []),
);
refuses(
  'frame',
  'REF_STALE',
  'two of one',
  verification(({ world }) => [world.ref('after', 5), world.ref('after', 5)]),
);

export default cases;
