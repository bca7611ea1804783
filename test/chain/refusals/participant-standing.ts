/** participant.suspend, .reinstate, .revoke, .withdraw. */
import { oblige, stop } from '../governed.ts';
import { type Base, caseList } from './base.ts';

const { cases, refuses } = caseList();
const STOPS = ['participant.suspend', 'participant.revoke', 'participant.withdraw'] as const;
const REQUEST_OF_COWIN = 5;

for (const kind of STOPS) {
  refuses(kind, 'STATE_WRONG', 'the SRO of the genesis', ({ world, tdc }) =>
    stop(world, kind, world.sro, { after: world.participant(tdc)!.changed }),
  );
  refuses(kind, 'STATE_WRONG', 'gone for good', ({ world, icmr }) => {
    world.accept(stop(world, 'participant.revoke', icmr));
    return stop(world, kind, icmr);
  });
  refuses(kind, 'STATE_WRONG', 'put off', ({ world, tdc }) => {
    world.accept(stop(world, kind, tdc, { effectiveFrom: world.now + 60 }));
    return stop(world, kind, tdc, { effectiveFrom: world.now + 61 });
  });
  refuses(kind, 'STATE_WRONG', 'later, of who is suspended', ({ world, tdc }) => {
    world.accept(stop(world, 'participant.suspend', tdc));
    return stop(world, kind, tdc, { effectiveFrom: world.now + 60 });
  });
  refuses(kind, 'STATE_WRONG', 'who has only asked to take part', ({ world, cowin, tdc }) =>
    stop(world, kind, cowin, { after: world.participant(tdc)!.changed }),
  );
  refuses(kind, 'REF_STALE', 'after the change of another', ({ world, tdc, icmr }) =>
    stop(world, kind, tdc, { after: world.participant(icmr)!.changed }),
  );
  refuses(kind, 'REF_STALE', 'signed before a reinstatement', ({ world, tdc }) => {
    const kept = stop(world, kind, tdc, { reason: 'kept' });
    world.accept(stop(world, 'participant.suspend', tdc));
    world.accept(stop(world, 'participant.reinstate', tdc));
    return kept;
  });
  refuses(kind, 'EFFECTIVE_FROM_PAST', 'from a second ago on', ({ world, tdc }) =>
    stop(world, kind, tdc, { effectiveFrom: world.now - 1 }),
  );
}
refuses('participant.suspend', 'STATE_WRONG', 'nobody', ({ world, tdc }) =>
  stop(world, 'participant.suspend', world.member('nobody'), { after: world.participant(tdc)!.changed }),
);
refuses('participant.suspend', 'STATE_WRONG', 'suspended already', ({ world, tdc }) => {
  world.accept(stop(world, 'participant.suspend', tdc));
  return stop(world, 'participant.suspend', tdc);
});
refuses('participant.suspend', 'STATE_WRONG', 'later, of who is to be revoked', ({ world, tdc }) => {
  world.accept(stop(world, 'participant.revoke', tdc, { effectiveFrom: world.now + 60 }));
  return stop(world, 'participant.suspend', tdc, { effectiveFrom: world.now + 59 });
});

function reinstate(reason: string, what: string, made: (base: Base) => number | undefined): void {
  refuses('participant.reinstate', reason, what, (b) => {
    const after = made(b);
    return stop(b.world, 'participant.reinstate', b.tdc, {
      reason: 'cleared',
      ...(after !== undefined && { after }),
    });
  });
}
const suspended = ({ world, tdc }: Base, change: { reason?: string } = {}) =>
  world.accept(stop(world, 'participant.suspend', tdc, change)).index;
reinstate('STATE_WRONG', 'reinstated already', (b) => {
  const { index } = b.world.accept(stop(b.world, 'participant.suspend', b.tdc));
  b.world.accept(stop(b.world, 'participant.reinstate', b.tdc));
  return index;
});
reinstate('STATE_WRONG', 'revoked', (b) => {
  const index = suspended(b);
  b.world.accept(stop(b.world, 'participant.revoke', b.tdc));
  return index;
});
reinstate('STATE_WRONG', 'a revocation to come is not a suspension', (b) => {
  const index = suspended(b);
  b.world.accept(stop(b.world, 'participant.reinstate', b.tdc));
  b.world.accept(stop(b.world, 'participant.revoke', b.tdc, { effectiveFrom: b.world.now + 60 }));
  return index;
});
reinstate('STATE_WRONG', 'suspended while it was to be revoked', ({ world, tdc }) => {
  world.accept(stop(world, 'participant.revoke', tdc, { effectiveFrom: world.now + 60 }));
  world.accept(stop(world, 'participant.suspend', tdc));
  return undefined;
});
reinstate('STATE_WRONG', 'suspended while it was to withdraw', ({ world, tdc }) => {
  world.accept(stop(world, 'participant.withdraw', tdc, { effectiveFrom: world.now + 60 }));
  world.accept(stop(world, 'participant.suspend', tdc));
  return undefined;
});
reinstate('REF_STALE', 'replayed after a later suspension', (b) => {
  const first = suspended(b);
  b.world.accept(stop(b.world, 'participant.reinstate', b.tdc));
  suspended(b, { reason: 'again' });
  return first;
});
reinstate('REF_STALE', 'after the suspension of another', (b) => {
  suspended(b);
  return b.world.accept(stop(b.world, 'participant.suspend', b.icmr)).index;
});

for (const [what, change] of [
  ['a contract that runs', {}],
  ['a room that has not ended', { state: 'REVOKED', openRooms: 1 }],
  ['a payment that is held', { state: 'COMPLETED', openPayments: 1 }],
  ['a payment of a contract that has expired', { expiry: 1, openPayments: 1 }],
] as const) {
  refuses('participant.withdraw', 'OPEN_OBLIGATIONS', what, ({ world, icmr }) => {
    oblige(world, icmr, change);
    return stop(world, 'participant.withdraw', icmr, { effectiveFrom: world.now + 86_400 });
  });
}

refuses('frame', 'REF_WRONG_KIND', 'a reinstatement after a verification', ({ world, tdc }) => {
  world.accept(stop(world, 'participant.suspend', tdc));
  return stop(world, 'participant.reinstate', tdc, { after: 4 });
});
refuses('frame', 'REF_WRONG_KIND', 'a stop after a registration', ({ world, cowin }) =>
  stop(world, 'participant.revoke', cowin, { after: REQUEST_OF_COWIN }),
);
refuses('frame', 'SIGNER_SUSPENDED', 'an agreement, accepted by who is suspended', ({ world, tdc }) => {
  world.accept(stop(world, 'participant.suspend', tdc));
  return world.sign(tdc, 'agreement.accept', {
    ...{ agreement: `urn:depa:agreement:${world.origin}:sha256-${'0'.repeat(64)}`, version: 1 },
    digest: new Uint8Array(32),
  });
});
refuses('frame', 'ROLE_NOT_HELD', 'a participant suspends another', ({ world, icmr, tdc }) =>
  stop(world, 'participant.suspend', tdc, { by: icmr }),
);
refuses('frame', 'DELEGATION_MISSING', 'nobody suspends on behalf of the SRO', ({ world, icmr, tdc }) => {
  const refs = [world.ref('after', 4)];
  const body = { did: tdc.did, reason: 'as agreed' };
  return world.sign(icmr, 'participant.suspend', body, { refs, onBehalf: world.sro.did });
});

export default cases;
