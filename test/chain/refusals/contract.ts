/** contract.sign, .decline, .revoke, .complete, and contract.import as far as it is about the signatures in it. */
import { OBLIGATIONS } from '../../../src/chain/records/governance.ts';
import { KEY } from '../../../src/chain/state.ts';
import { type Bytes, utf8 } from '../../../src/core/bytes.ts';
import type { Cbor } from '../../../src/core/cbor.ts';
import { type ContractWorld, contractWorld, urnOf } from '../contract-world.ts';
import { type MultiSigning, multiSigned } from '../multi-signed.ts';
import { become, caseList } from './base.ts';

const { cases, refuses } = caseList();
const ID = urnOf('contract', 1);
const digest = new Uint8Array(32).fill(5);

/** In the world of contracts, with datasets 1 and 2. */
function scene(of: string, reason: string, what: string, statement: (s: ContractWorld) => Bytes): void {
  refuses(of, reason, what, (b) => {
    const s = contractWorld(b.world.crypto).twoDatasets();
    b.world = s.world;
    return statement(s);
  });
}

for (const kind of ['contract.sign', 'contract.decline'] as const) {
  /** With contract 1 proposed. */
  const answer = (reason: string, what: string, made: (s: ContractWorld) => Bytes) =>
    scene(kind, reason, what, (s) => {
      s.propose();
      return made(s);
    });
  answer('CONTRACT_NOT_FOUND', 'no such contract', (s) => s.answer(s.icmr, 2, kind));
  answer('PROPOSAL_MISMATCH', 'another proposal', (s) => s.answer(s.icmr, 1, kind, { proposal: digest }));
  answer('PROPOSAL_MISMATCH', 'the proposal of another contract', (s) => {
    s.propose(2, { maxRuns: 9 });
    return s.answer(s.icmr, 1, kind, { proposal: s.contract(2)!.proposal });
  });
  answer('PROPOSAL_MISMATCH', 'another version', (s) => s.answer(s.icmr, 1, kind, { version: 2 }));
  answer('CONTRACT_DIGEST_MISMATCH', 'another text', (s) => s.answer(s.icmr, 1, kind, { text: digest }));
  answer('NOT_A_SIGNATORY', 'the payment service', (s) => s.answer(s.service, 1, kind));
  answer('NOT_A_SIGNATORY', 'the CCRP, where the policy did not ask for it', (s) => {
    const { world } = s;
    world.accept(world.sign(world.sro, 'policy.publish', world.policy({ ccrpMustSign: false })));
    s.propose(2);
    return s.answer(s.ccrp, 2, kind);
  });
  answer('ALREADY_SIGNED', 'by the same participant', (s) => {
    s.world.accept(s.answer(s.icmr));
    return s.world.sign(s.icmr, kind, s.answerBody(), { issuedAt: s.world.now - 1 });
  });
  answer('ALREADY_SIGNED', 'with another of its keys', (s) => {
    s.world.accept(s.answer(s.icmr));
    return s.world.sign(s.icmr, kind, s.answerBody(), { key: s.icmr.keys[1]! });
  });
  answer('CONTRACT_CLOSED', 'declined', (s) => {
    s.world.accept(s.answer(s.cowin, 1, 'contract.decline'));
    return s.answer(s.icmr, 1, kind);
  });
  answer('CONTRACT_CLOSED', 'signed, also by a key that was stolen by then', (s) => {
    for (const member of s.signatories) s.world.accept(s.answer(member));
    steal(s, 0);
    return s.world.sign(s.icmr, kind, s.answerBody(), { key: s.icmr.keys[1]! });
  });
  answer('PROPOSAL_LAPSED', 'after the time that the policy gives', (s) => {
    s.world.advance(30 * 86_400 + 1);
    return s.answer(s.icmr, 1, kind);
  });
}

/** All but the TDC, which would be the last, have signed contract 1. */
function last(reason: string, what: string, change: object, prepare: (s: ContractWorld) => void): void {
  scene('contract.sign', reason, what, (s) => {
    s.signed(2).propose(1, change);
    for (const member of [s.icmr, s.cowin, s.ccrp]) s.world.accept(s.answer(member));
    prepare(s);
    return s.answer(s.tdc);
  });
}
const supersedes = { supersedes: urnOf('contract', 2) };
last('SUPERSEDES_INVALID', 'a clean room of the old one has not ended', supersedes, (s) =>
  s.become(2, { openRooms: 1 }),
);
last('SUPERSEDES_INVALID', 'the old one was completed meanwhile', supersedes, (s) =>
  s.become(2, { state: 'COMPLETED' }),
);
last('SUPERSEDES_INVALID', 'another one has taken its place meanwhile', supersedes, (s) =>
  s.signed(3, supersedes),
);
last('STATE_WRONG', 'more contracts than a participant can have', {}, (s) => {
  const contracts = Array.from({ length: 1024 }, () => urnOf('contract', 2));
  s.world.put(OBLIGATIONS.put({ contracts }, s.cowin.did));
});

last('STATE_WRONG', 'the signer is about to withdraw', {}, (s) => withdraws(s, 60));

/** The TDC has said that it withdraws so many seconds from now. */
function withdraws(s: ContractWorld, after: number): void {
  const { world, tdc } = s;
  const lastStop = { entry: 0, at: world.time + after * 1000, before: 'ACTIVE' };
  become(world, tdc, { state: 'WITHDRAWN', lastStop });
}

/** The first key of `icmr` was compromised since then (Unix seconds). */
function steal(s: ContractWorld, since: number): void {
  const kid = s.world.kid(s.icmr.keys[0]);
  const revoked = { entry: 0, at: s.world.time, reason: 'compromise' as const, since };
  s.world.put(KEY.put({ ...KEY.read(s.world.read, kid)!, revoked }, kid));
}

function imports(
  reason: string,
  what: string,
  made: (s: ContractWorld) => Bytes | Partial<MultiSigning>,
): void {
  scene('contract.import', reason, what, (s) => {
    const given = made(s);
    const bytes =
      given instanceof Uint8Array ? given : multiSigned({ signers: [s.tdc, s.icmr, s.cowin], ...given });
    const text = given instanceof Uint8Array || !given.text ? undefined : s.world.crypto.sha256(given.text);
    const body = { ...s.contractBody(), ...(text && { text }), multiSigned: bytes };
    return s.world.sign(s.service, 'contract.import', body);
  });
}
imports('COSE_MALFORMED', 'not COSE', () => utf8('signed'));
imports('COSE_MALFORMED', 'one signer only: a COSE_Sign1', (s) => s.answer(s.tdc));
imports('COSE_MALFORMED', 'a text that is not UTF-8', () => ({ text: Uint8Array.of(0xff) }));
for (const label of [3, 491]) {
  imports('HEADER_MISSING', `${label}`, () => ({ header: new Map([[label, undefined]]) }));
}
imports('HEADER_MISSING', 'the feed is no text', () => ({ header: new Map([[392, 7]]) }));
imports('HEADER_MISSING', 'participants that are not protected', (s) => ({
  header: new Map([[491, undefined]]),
  unprotected: new Map([[491, [s.tdc.did, s.icmr.did, s.cowin.did]]]),
}));
imports('HEADER_MISSING', 'a participant twice', (s) => ({ participants: [s.tdc.did, s.tdc.did] }));
imports('HEADER_MISSING', 'a participant that is no DID', () => ({ participants: ['Market Data Corp'] }));
imports('HEADER_MISSING', 'a kid that is neither text nor UTF-8', (s) => ({
  signers: [s.icmr, s.cowin, { did: s.tdc.did, key: s.tdc.keys[0], kid: Uint8Array.of(0xff) }],
}));
imports('PLACEHOLDER_VALUE', 'a template that was signed', () => ({
  text: utf8('{"ccrp":"did:web:$CCRP_USERNAME.github.io"}'),
}));
imports('SECRET_IN_BODY', 'a shared access signature', () => ({
  text: utf8('{"url":"https://x.example/data.img?sv=1&sig=abc"}'),
}));
imports('MULTISIG_SIGNER_MISSING', 'a provider', (s) => ({
  signers: [s.tdc, s.icmr],
  participants: [s.tdc.did, s.icmr.did, s.cowin.did],
}));
imports('MULTISIG_SIGNER_EXTRA', 'somebody who is not listed', (s) => ({
  signers: [s.tdc, s.icmr, s.cowin, s.kms],
  participants: [s.tdc.did, s.icmr.did, s.cowin.did],
}));
imports('MULTISIG_SIGNER_EXTRA', 'one that signed twice', (s) => ({
  signers: [s.tdc, s.icmr, s.cowin, s.icmr],
  participants: [s.tdc.did, s.icmr.did, s.cowin.did],
}));
/** The signature of `cowin`, with something wrong. */
const signature = (what: string, made: (s: ContractWorld) => { kid?: Cbor; key?: 'tdc' }) =>
  imports('MULTISIG_SIGNATURE_INVALID', what, (s) => {
    const { kid = '#key-1', key } = made(s);
    return { signers: [s.tdc, s.icmr, { did: s.cowin.did, key: s[key ?? 'cowin'].keys[0], kid }] };
  });
signature('by the key of another', () => ({ key: 'tdc' }));
signature('an alias that is not registered', () => ({ kid: '#key-2' }));
signature('a key that was rotated out', (s) => {
  const kid = s.world.kid(s.cowin.keys[0]);
  const revoked = { entry: 0, at: 0, reason: 'rotation' as const };
  s.world.put(KEY.put({ ...KEY.read(s.world.read, kid)!, revoked }, kid));
  return {};
});
signature('a key to encrypt with', (s) => {
  const kid = s.world.kid(s.cowin.keys[0]);
  s.world.put(KEY.put({ ...KEY.read(s.world.read, kid)!, use: 'enc' }, kid));
  return {};
});
imports('MULTISIG_SIGNATURE_INVALID', 'somebody who is not registered', (s) => ({
  signers: [s.tdc, s.icmr, s.cowin, s.world.member('nobody')],
}));
imports('PARTICIPANT_LIST_MISMATCH', 'a provider is not in it', (s) => ({ signers: [s.tdc, s.icmr] }));
imports('PARTICIPANT_LIST_MISMATCH', 'somebody who is no party', (s) => ({
  signers: [s.tdc, s.icmr, s.cowin, s.kms],
}));
scene('contract.import', 'CONTRACT_DIGEST_MISMATCH', 'another text was signed', (s) => {
  const bytes = multiSigned({ signers: [s.tdc, s.icmr, s.cowin], text: utf8('another') });
  return s.world.sign(s.service, 'contract.import', { ...s.contractBody(), multiSigned: bytes });
});
imports('CONTRACT_DIGEST_MISMATCH', 'another content type', () => ({ header: new Map([[3, 'text/plain']]) }));

/** With contract 1 signed; `icmr` may revoke it, with the notice of a day. */
function revoke(
  reason: string,
  what: string,
  by: 'icmr' | 'cowin' | 'kms' | 'sro',
  change: (s: ContractWorld) => object,
): void {
  scene('contract.revoke', reason, what, (s) => {
    s.signed();
    const body = { id: ID, reason: 'breach', ...change(s) };
    return s.world.sign(by === 'sro' ? s.world.sro : s[by], 'contract.revoke', body);
  });
}
revoke('CONTRACT_NOT_FOUND', 'no such contract', 'sro', () => ({ id: urnOf('contract', 2) }));
revoke('REVOKE_NOT_PERMITTED', 'a party without the right', 'cowin', () => ({}));
revoke('REVOKE_NOT_PERMITTED', 'by the term of another', 'cowin', () => ({ term: 0 }));
revoke('REVOKE_NOT_PERMITTED', 'by a term that there is not', 'icmr', () => ({ term: 1 }));
revoke('REVOKE_NOT_PERMITTED', 'a stranger', 'kms', () => ({}));
revoke('EFFECTIVE_FROM_PAST', 'a second ago', 'sro', (s) => ({ effectiveFrom: s.world.now - 1 }));
revoke('REVOKE_NOTICE_TOO_SHORT', 'at once', 'icmr', () => ({}));
revoke('REVOKE_NOTICE_TOO_SHORT', 'a second too early', 'icmr', (s) => ({
  effectiveFrom: s.world.now + 86_399,
}));
revoke('STATE_WRONG', 'completed', 'sro', (s) => {
  s.become(1, { state: 'COMPLETED' });
  return {};
});
revoke('STATE_WRONG', 'revoked', 'sro', (s) => {
  s.world.accept(s.world.sign(s.world.sro, 'contract.revoke', { id: ID, reason: 'first' }));
  return {};
});
revoke('STATE_WRONG', 'puts off a revocation', 'icmr', (s) => {
  const effectiveFrom = s.world.now + 86_400;
  s.world.accept(s.world.sign(s.icmr, 'contract.revoke', { id: ID, reason: 'first', effectiveFrom }));
  return { effectiveFrom: effectiveFrom + 1 };
});
scene('contract.revoke', 'STATE_WRONG', 'not signed yet', (s) => {
  s.propose();
  return s.world.sign(s.world.sro, 'contract.revoke', { id: ID, reason: 'breach' });
});

/** With contract 1 signed and its one run done. */
function complete(
  reason: string,
  what: string,
  prepare: (s: ContractWorld) => void,
  by: 'tdc' | 'kms' = 'tdc',
) {
  scene('contract.complete', reason, what, (s) => {
    s.signed().become(1, { runs: 1 });
    prepare(s);
    return s.world.sign(s[by], 'contract.complete', { id: ID });
  });
}
scene('contract.complete', 'CONTRACT_NOT_FOUND', 'no such contract', (s) =>
  s.world.sign(s.tdc, 'contract.complete', { id: ID }),
);
complete('ROLE_NOT_HELD', 'a stranger', () => undefined, 'kms');
complete(
  'ROLE_NOT_HELD',
  'a contract service that is not the one of the contract',
  (s) => become(s.world, s.kms, { roles: ['CONTRACT_SERVICE'] }),
  'kms',
);
complete('OPEN_RUNS', 'a clean room', (s) => s.become(1, { openRooms: 1 }));
complete('OPEN_PAYMENTS', 'a payment', (s) => s.become(1, { openPayments: 1 }));
complete('STATE_WRONG', 'completed before', (s) => s.become(1, { state: 'COMPLETED' }));
complete('STATE_WRONG', 'to be revoked', (s) =>
  s.become(1, { state: 'REVOKED', lastStop: { entry: 0, at: s.world.time + 1000, before: 'SIGNED' } }),
);
complete('STATE_WRONG', 'it has runs left', (s) => s.become(1, { runs: 0 }));

export default cases;
