/** Bodies of what the SRO publishes, and of stops and delegations: right as they are, so that a test changes one thing. */
import type { ContractRecord } from '../../src/chain/records/contract.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { OBLIGATIONS } from '../../src/chain/records/governance.ts';
import type { Ref } from '../../src/chain/statement.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import type { Applied, Member, World } from './world.ts';

/** The nth object of this type in the log `origin`. */
export function objectOf(world: Pick<World, 'origin'>, type: string, n = 1): string {
  return `urn:depa:${type}:${world.origin}:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

export function digestOf(world: World, text: string): Bytes {
  return world.crypto.sha256(utf8(text));
}

export function agreementBody(world: World, change: object = {}) {
  const digest = digestOf(world, 'the terms');
  const url = 'https://sro.example/terms';
  return {
    id: objectOf(world, 'agreement'),
    version: 1,
    digest,
    url,
    acceptBy: world.now + 86_400,
    ...change,
  };
}

export function acceptance(world: World, change: object = {}) {
  return {
    agreement: objectOf(world, 'agreement'),
    version: 1,
    digest: digestOf(world, 'the terms'),
    ...change,
  };
}

/** The outline of a certificate in DER, `length` bytes of content. */
export function certificate(length = 300): Bytes {
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([0x30, ...header, ...new Array<number>(length).fill(5)]);
}

const endorser = {
  issuer: 'did:x509:0:sha256:abc::eku:1.3.6.1.4.1.311.76.59.1.2',
  feed: 'ContainerPlat-AMD-UVM',
  minSvn: 104,
};

export function anchorsBody(world: World, change: object = {}) {
  return {
    ...{ id: objectOf(world, 'anchors'), version: 1, tee: 'snp-aci', roots: [certificate()] },
    ...{ collateral: [digestOf(world, 'vcek')], endorsers: [endorser], ...change },
  };
}

export function appraisalPolicyBody(world: World, change: object = {}, version = 1) {
  const policy = {
    products: [
      { family: 25, model: 1, stepping: 1, minTcb: { bootLoader: 4, tee: 0, snp: 24, microcode: 219 } },
    ],
    minReportVersion: 3,
    signer: ['vcek'],
    vmpl: [0],
    guestPolicy: { debug: false, migrate: false },
    launch: { endorsedBy: [endorser], measurements: [] },
    hostData: [digestOf(world, 'container policy')],
    chips: { allow: 'any', deny: [] },
    binding: 'jcs-sha512',
    freshness: 600,
    ...change,
  };
  return { id: objectOf(world, 'appraisal-policy'), version, policy };
}

export function codeBody(world: World, change: object = {}) {
  return {
    id: objectOf(world, 'code'),
    images: [`registry.example/depa-training@sha256:${'ab'.repeat(32)}`],
    hostData: [digestOf(world, 'container policy')],
    ledgerTrust: digestOf(world, 'trust.json'),
    frameworks: ['pytorch'],
    accountant: { name: 'opacus-rdp', trusted: true },
    debug: false,
    allowAll: false,
    ...change,
  };
}

/** What the SRO says, accepted. */
export function publish(
  world: World,
  kind: Parameters<World['sign']>[1],
  body: object,
  refs: readonly Ref[] = [],
): Applied {
  return world.accept(world.sign(world.sro, kind, body, { refs }));
}

type StopKind =
  | 'participant.suspend'
  | 'participant.reinstate'
  | 'participant.revoke'
  | 'participant.withdraw';

/** A stop, after the last change of `member`: by the member itself if it withdraws, else by the SRO. */
export function stop(
  world: World,
  kind: StopKind,
  member: Pick<Member, 'did' | 'keys'>,
  change: { effectiveFrom?: number; reason?: string; after?: number; by?: Member; key?: PrivateKey } = {},
): Bytes {
  const { after = world.participant(member)?.changed ?? 0, by, key, ...more } = change;
  const own = kind === 'participant.withdraw';
  const body = { ...(own ? {} : { did: member.did }), reason: 'as agreed', ...more };
  const signer = by ?? (own ? member : world.sro);
  return world.sign(signer, kind, body, { refs: [world.ref('after', after)], ...(key && { key }) });
}

/** `member` has signed a contract; `change` says how far it is. */
export function oblige(world: World, member: Member, change: Partial<ContractRecord> = {}): string {
  const id = objectOf(world, 'contract');
  const digest = digestOf(world, 'contract');
  const dids = [member.did, 'did:web:other.example'];
  const record: ContractRecord = {
    ...{
      version: 1,
      proposal: digest,
      entry: 1,
      text: digest,
      tdc: dids[1]!,
      tdps: [dids[0]!],
      ccrp: dids[1]!,
    },
    signatories: dids,
    datasets: [{ id: objectOf(world, 'dataset'), version: 1, provider: dids[0]!, dataKeyId: 'k' }],
    ...{ purpose: 'research', start: world.now, expiry: world.now + 1000, lapses: world.time, maxRuns: 1 },
    ...{ code: [objectOf(world, 'code')], verifiers: [dids[1]!], quorum: 1, joinKeys: [], targets: [] },
    ...{ appraisalPolicy: objectOf(world, 'appraisal-policy'), payments: [], revocation: [], signatures: [] },
    ...{ state: 'SIGNED', runs: 0, openRooms: 0, openPayments: 0, changed: 1, changedAt: world.time },
    ...change,
  };
  world.put(CONTRACT.put(record, id), OBLIGATIONS.put({ contracts: [id] }, member.did));
  return id;
}

export function grantBody(delegate: Pick<Member, 'did'>, change: object = {}) {
  return { delegate: delegate.did, role: 'kms', ...change };
}
