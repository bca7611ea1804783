/** log.genesis and policy.publish. */
import { type Cbor, encode } from '../../../src/core/cbor.ts';
import { encodeCoseKey } from '../../../src/cose/key.ts';
import { body, claims, type Forgery, forge } from '../forge.ts';
import { World } from '../world.ts';
import { caseList } from './base.ts';

const { cases, refuses } = caseList();
const id = new Uint8Array(32);

function genesis(reason: string, what: string, change: (world: World) => object): void {
  refuses('log.genesis', reason, what, (b) => {
    b.world = World.empty(b.world.crypto);
    return b.world.genesis(change(b.world));
  });
}
function genesisBody(reason: string, what: string, edit: (parts: Forgery, world: World) => void): void {
  refuses('log.genesis', reason, what, (b) => {
    const world = World.empty(b.world.crypto);
    b.world = world;
    return forge(world.genesis(), world.sro.keys[0], (parts) => edit(parts, world));
  });
}
refuses('log.genesis', 'GENESIS_EXISTS', 'a second genesis', ({ world }) =>
  world.genesis({ issuedAt: world.now - 1 }),
);
refuses('log.genesis', 'GENESIS_EXISTS', 'a genesis that is not entry 0', (b) => {
  b.world = World.empty(b.world.crypto);
  b.world.apply(new Uint8Array());
  return b.world.genesis();
});
genesisBody('ORIGIN_MISMATCH', 'its body is for another log', (p) =>
  body(p, { origin: 'log.example/other' }),
);
genesisBody('RULES_MISMATCH', 'other rules', (p) => body(p, { rules: id }));
genesisBody('KEY_MALFORMED', 'receipt key is not P-256', (p, w) =>
  body(p, { receiptKey: encodeCoseKey(w.key('receipt').publicKey) }),
);
genesisBody('KEY_MALFORMED', 'checkpoint key is no key', (p) =>
  body(p, { checkpointKey: encode(new Map()) }),
);
genesisBody('KEY_WEAK', 'checkpoint key of small order', (p) =>
  body(p, {
    checkpointKey: encode(
      new Map<number, Cbor>([
        [1, 1],
        [-1, 6],
        [-2, Uint8Array.from({ length: 32 }, (_, i) => +!i)],
      ]),
    ),
  }),
);
genesis('KID_TAKEN', 'the SRO signs checkpoints', (w) => ({ checkpointKey: w.sro.keys[0].publicKey }));
genesis('KID_TAKEN', 'recovery key is the checkpoint key', (w) => ({
  recoveryKid: w.kid(w.key('checkpoint')),
}));
genesis('KID_TAKEN', 'one key twice', (w) => ({ keys: [w.sro.keys[0], w.sro.keys[0]] }));
genesisBody('POP_MISSING', 'a second key without proof', (p, w) =>
  body(p, {
    keys: [w.listed(w.sro, w.sro.keys[0], 'a'), { ...w.listed(w.sro, w.key('x'), 'b'), pop: undefined }],
  }),
);
genesisBody('ID_TAKEN', 'one alias twice', (p, w) =>
  body(p, { keys: [w.listed(w.sro, w.sro.keys[0], 'a'), w.listed(w.sro, w.key('x'), 'a')] }),
);
refuses('frame', 'SIGNER_UNKNOWN', 'a genesis that the SRO has not issued', (b) => {
  b.world = World.empty(b.world.crypto);
  return forge(b.world.genesis(), b.world.sro.keys[0], (p) => claims(p, { 1: 'did:web:other.example' }));
});
refuses('frame', 'KID_UNKNOWN', 'a genesis by a key that it does not list', (b) => {
  b.world = World.empty(b.world.crypto);
  const body = { ...b.world.registration(b.world.sro) };
  return forge(b.world.genesis(), b.tdc.keys[0], (p) => p.header.set(4, b.world.kid(b.tdc.keys[0])) && body);
});

function policy(reason: string, what: string, change: (world: World) => object): void {
  refuses('policy.publish', reason, what, ({ world }) =>
    world.sign(world.sro, 'policy.publish', world.policy(change(world))),
  );
}
policy('POLICY_VERSION_NOT_NEXT', 'version 2 first', () => ({ version: 2 }));
policy('POLICY_VERSION_NOT_NEXT', 'version 1 again', (w) => {
  w.accept(w.sign(w.sro, 'policy.publish', w.policy({ maxSkew: 100 })));
  return { version: 1 };
});
policy('POLICY_RETROACTIVE', 'in force before it was published', (w) => ({ effectiveFrom: w.now - 1 }));
policy('ALG_NOT_ALLOWED', 'would lock its own signer out', () => ({ algorithms: ['ES256'] }));

export default cases;
