/** A platform of the test’s own: authority, chip and reports in AMD's form, each of which a test can change. */
import type { Extension } from '@peculiar/x509';
import {
  type Anchors,
  type Appraisal,
  type AppraisalPolicy,
  Appraiser,
  type AttestationCode,
  type Collateral,
  type Expected,
} from '../../src/attestation/index.ts';
import { SIGNED_SIZE } from '../../src/attestation/snp-report.ts';
import { type Bytes, concat } from '../../src/core/bytes.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import * as ca from './authority.ts';
import { TIME } from './genuine.ts';

export const CHIP = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
export const REPORT_DATA = Uint8Array.from({ length: 64 }, (_, i) => 200 - i);
export const MEASUREMENT = new Uint8Array(48).fill(0x4d);
export const HOST_DATA = new Uint8Array(32).fill(0x48);
/** Milan B1; component 3.8 is micro-code. */
const TCB = { 1: 4, 2: 0, 3: 24, 8: 219 } as const;

export interface AmdKeys {
  readonly root: ca.Pair;
  readonly intermediate: ca.Pair;
  readonly chip: ca.Pair;
  readonly chipKey: PrivateKey;
}

let made: Promise<AmdKeys> | undefined;

/** Made once for all files that share a process. */
export function amdKeys(): Promise<AmdKeys> {
  made ??= makeKeys();
  return made;
}

async function makeKeys(): Promise<AmdKeys> {
  const [root, intermediate, chip] = await Promise.all([
    ca.rsaPair('root'),
    ca.rsaPair('intermediate'),
    ca.ecPair(),
  ]);
  return { root, intermediate, chip, chipKey: await ca.signingKey(chip) };
}

export function vekExtensions(change: Readonly<Record<string, Extension | undefined>> = {}): Extension[] {
  const all: Record<string, Extension | undefined> = {
    version: ca.version(),
    product: ca.product('Milan-B0'),
    ...Object.fromEntries(Object.entries(TCB).map(([n, value]) => [n, ca.level(Number(n), value)])),
    hwid: ca.hwid(CHIP),
    ...change,
  };
  return Object.values(all).filter((one) => one !== undefined);
}

export interface ChainChange {
  readonly root?: Partial<ca.Issue>;
  readonly intermediate?: Partial<ca.Issue>;
  readonly vek?: Partial<ca.Issue>;
}

type Chain = readonly [vek: Bytes, intermediate: Bytes, root: Bytes];
/** What is as always is signed once. */
const unchanged = new WeakMap<AmdKeys, Promise<Chain>>();

/** DER of chip, intermediate and root. */
export async function amdChain(keys: AmdKeys, change: ChainChange = {}): Promise<Chain> {
  let always = unchanged.get(keys);
  if (always === undefined) {
    always = Promise.all([vek(keys), intermediate(keys), root(keys)]);
    unchanged.set(keys, always);
  }
  const usual = await always;
  return Promise.all([
    change.vek ? vek(keys, change.vek) : usual[0],
    change.intermediate ? intermediate(keys, change.intermediate) : usual[1],
    change.root ? root(keys, change.root) : usual[2],
  ]);
}

const vek = (keys: AmdKeys, change?: Partial<ca.Issue>) =>
  ca.issue({
    ...{ subject: 'SEV-VCEK', issuer: 'SEV-Milan', key: keys.chip.publicKey, by: keys.intermediate },
    extensions: vekExtensions(),
    ...change,
  });
const intermediate = (keys: AmdKeys, change?: Partial<ca.Issue>) =>
  ca.issue({
    ...{ subject: 'SEV-Milan', issuer: 'ARK-Milan', key: keys.intermediate.publicKey, by: keys.root },
    extensions: ca.authority(0),
    ...change,
  });
const root = (keys: AmdKeys, change?: Partial<ca.Issue>) =>
  ca.issue({
    ...{ subject: 'ARK-Milan', issuer: 'ARK-Milan', key: keys.root.publicKey, by: keys.root },
    extensions: ca.authority(),
    ...change,
  });

/** Bytes to write at offsets, before the report is signed. */
export type Writes = Readonly<Record<number, number | readonly number[] | Bytes>>;

export function signedReport(key: PrivateKey, writes: Writes = {}): Bytes {
  const out = new Uint8Array(0x4a0);
  const tcb = [TCB[1], TCB[2], 0, 0, 0, 0, TCB[3], TCB[8]];
  const fields: Writes = {
    0: 3,
    8: [0x1f, 0x00, 0x03],
    52: 1,
    64: 0x25,
    80: REPORT_DATA,
    144: MEASUREMENT,
    192: HOST_DATA,
    392: [25, 1, 1],
    416: CHIP,
    ...Object.fromEntries([0x038, 0x180, 0x1e0, 0x1f0].map((at) => [at, tcb])),
  };
  for (const all of [fields, writes]) {
    for (const [at, value] of Object.entries(all))
      out.set(typeof value === 'number' ? [value] : value, Number(at));
  }
  return withSignature(out, key.sign(out.subarray(0, SIGNED_SIZE)));
}

/** The report with R and S of `signature`, 96 bytes in big-endian. */
export function withSignature(report: Bytes, signature: Bytes): Bytes {
  const out = report.slice();
  out.fill(0, SIGNED_SIZE);
  out.set(signature.slice(0, 48).reverse(), SIGNED_SIZE);
  out.set(signature.slice(48).reverse(), SIGNED_SIZE + 72);
  return out;
}

export const POLICY: AppraisalPolicy = {
  products: [
    { family: 25, model: 1, stepping: 1, minTcb: { bootLoader: 4, tee: 0, snp: 24, microcode: 219 } },
  ],
  minReportVersion: 3,
  signer: ['vcek'],
  vmpl: [0],
  guestPolicy: { debug: false, migrate: false },
  launch: { endorsedBy: [], measurements: [MEASUREMENT] },
  hostData: [HOST_DATA],
  containerPolicy: 'may-be-absent',
  chips: { allow: 'any', deny: [] },
  binding: 'skr-sha256',
  freshness: 600,
};
export const EXPECTED = {
  type: 'report-data',
  reportData: REPORT_DATA,
  headTime: TIME - 60_000,
} as const satisfies Expected;

export interface Attempt {
  readonly report: Bytes;
  readonly certificates?: Bytes | readonly Bytes[];
  readonly anchors: Anchors;
  readonly policy?: Partial<AppraisalPolicy>;
  readonly expected?: Expected;
  readonly collateral?: Collateral;
  readonly at?: number;
}

export function appraise(attempt: Attempt): Appraisal {
  const {
    report,
    certificates,
    anchors,
    policy = {},
    expected = EXPECTED,
    collateral = {},
    at = TIME,
  } = attempt;
  const chain = Array.isArray(certificates) ? concat(...certificates) : (certificates as Bytes | undefined);
  return new Appraiser(nodeCrypto, anchors).appraise(
    { tee: anchors.tee, bytes: report },
    { ...(chain && { certificates: chain }), ...collateral },
    { ...POLICY, ...policy },
    expected,
    at,
  );
}

/** The codes of all checks that do not hold, in their order. */
export function codes({ checks }: Appraisal): AttestationCode[] {
  return checks.flatMap(({ code }) => code ?? []);
}

export function anchorsFor(
  root: Bytes,
  tee: Anchors['tee'] = 'snp',
  collateral: readonly Bytes[] = [],
): Anchors {
  const id = `urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001`;
  return { id, version: 1, tee, roots: [root], collateral, endorsers: [] };
}
