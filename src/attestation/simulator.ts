/**
 * A simulator of an SEV-SNP platform, for development: reports and certificates of the genuine form, under a root of its
 * own. Its certificates say `Simulated` where genuine ones name a product, and an appraiser takes them only by anchors of
 * the type `simulated`, which only a log takes whose genesis says that it is one. Nothing that is attested by it is safe.
 */
import { type Bytes, concat, toBase64, utf8 } from '../core/bytes.ts';
import type { Crypto, PrivateKey } from '../core/crypto.ts';
import type { Anchors } from './anchors.ts';
import { canonicalJson } from './canonical-json.ts';
import * as der from './der-write.ts';
import { SIMULATED } from './product.ts';
import { GUEST_POLICY, REPORT_SIZE, SIGNED_SIZE } from './snp-report.ts';
import { type Tcb, writeTcb } from './tcb.ts';
import { VEK_EXTENSION } from './vek.ts';

/** An RSA key of 4096 bits, in whose crypto library it may stay. */
export interface RsaSigner {
  /** Big-endian. */
  readonly modulus: Bytes;
  /** RSASSA-PSS, SHA-384, salt 48. */
  signPss(message: Bytes): Bytes;
}

export interface SimulatorKeys {
  readonly root: RsaSigner;
  readonly intermediate: RsaSigner;
  /** Of the chip: P-384. */
  readonly chip: PrivateKey;
}

/** What a report says that differs between machines. */
export interface SimulatedMachine {
  /** 64 bytes. */
  readonly reportData: Bytes;
  /** 48 bytes. */
  readonly measurement: Bytes;
  /** 32 bytes. */
  readonly hostData: Bytes;
  /** Default: 0x3001F, no debugging and no migration. */
  readonly guestPolicy?: bigint;
  /** Default: 0. */
  readonly vmpl?: number;
}

/** Milan B1: what is simulated is judged by the layout of a processor that exists. */
export const SIMULATED_CPUID = { family: 0x19, model: 0x01, stepping: 0x01 } as const;
export const SIMULATED_TCB: Tcb = { bootLoader: 4, tee: 0, snp: 24, microcode: 219 };
const VERSION = 3;
const DEFAULT_GUEST_POLICY = (1n << GUEST_POLICY.RESERVED_ONE) | 0x1_001fn;
const EXPONENT = Uint8Array.of(1, 0, 1);
const [NOT_BEFORE, NOT_AFTER] = ['20200101000000Z', '20991231235959Z'];

export class Simulator {
  readonly #crypto: Crypto;
  readonly #chip: PrivateKey;
  readonly #chipId: Bytes;
  /** The root in DER: what `anchors.publish` of the type `simulated` lists. */
  readonly root: Bytes;
  /** Certificates of chip, intermediate and root, in DER one after the other. */
  readonly chain: Bytes;

  constructor(crypto: Crypto, { root, intermediate, chip }: SimulatorKeys) {
    this.#crypto = crypto;
    this.#chip = chip;
    this.#chipId = crypto.sha512(concat(utf8('aichain/simulated-chip'), chip.publicKey.bytes));
    const [ark, ask] = [`ARK-${SIMULATED}`, `SEV-${SIMULATED}`];
    this.root = certificate(root, ark, ark, rsaKey(root), authority());
    const between = certificate(root, ark, ask, rsaKey(intermediate), authority(0));
    const leaf = certificate(intermediate, ask, 'SEV-VCEK', ecKey(chip), vekExtensions(this.#chipId));
    this.chain = concat(leaf, between, this.root);
  }

  /** The body of an `anchors.publish` entry that takes this simulator’s evidence. */
  anchors(id: string, version = 1): Anchors {
    return { id, version, tee: 'simulated', roots: [this.root], collateral: [], endorsers: [] };
  }

  /** A signed report of 1184 bytes. */
  report(machine: SimulatedMachine): Bytes {
    const { reportData, measurement, hostData } = machine;
    const { guestPolicy = DEFAULT_GUEST_POLICY, vmpl = 0 } = machine;
    const out = new Uint8Array(REPORT_SIZE);
    const view = new DataView(out.buffer);
    view.setUint32(0x000, VERSION, true);
    view.setBigUint64(0x008, guestPolicy, true);
    view.setUint32(0x030, vmpl, true);
    view.setUint32(0x034, 1, true);
    out.set(reportData, 0x050);
    out.set(measurement, 0x090);
    out.set(hostData, 0x0c0);
    out.set(Object.values(SIMULATED_CPUID), 0x188);
    out.set(this.#chipId, 0x1a0);
    const tcb = writeTcb(SIMULATED_TCB, 'milan');
    for (const at of [0x038, 0x180, 0x1e0, 0x1f0]) out.set(tcb, at);
    const signature = this.#chip.sign(out.subarray(0, SIGNED_SIZE));
    out.set(signature.slice(0, 48).reverse(), SIGNED_SIZE);
    out.set(signature.slice(48).reverse(), SIGNED_SIZE + 72);
    return out;
  }

  /** The report in the envelope of confidential containers, with the runtime data and policy that it is made of. */
  envelope(machine: SimulatedMachine, with_: { runtimeData?: Bytes; containerPolicy?: Bytes } = {}): Bytes {
    const { runtimeData, containerPolicy } = with_;
    return canonicalJson({
      evidence: toBase64(this.report(machine)),
      endorsements: toBase64(this.chain),
      ...(runtimeData && { runtime_data: toBase64(runtimeData) }),
      ...(containerPolicy && { policy: toBase64(containerPolicy) }),
    });
  }

  /** Host data for a container policy. */
  hostData(containerPolicy: Bytes): Bytes {
    return this.#crypto.sha256(containerPolicy);
  }
}

function certificate(
  issuer: RsaSigner,
  issuerName: string,
  subjectName: string,
  key: Bytes,
  extensions: readonly Bytes[],
): Bytes {
  const tbs = der.sequence(
    der.element(0xa0, der.small(2)),
    der.small(1),
    der.PSS_SHA384,
    name(issuerName),
    der.sequence(der.generalizedTime(NOT_BEFORE), der.generalizedTime(NOT_AFTER)),
    name(subjectName),
    key,
    der.element(0xa3, der.sequence(...extensions)),
  );
  return der.sequence(tbs, der.PSS_SHA384, der.bits(issuer.signPss(tbs)));
}

/** No organisation: a simulator does not pretend to be AMD. */
function name(commonName: string): Bytes {
  const attribute = der.sequence(der.oid('2.5.4.3'), der.element(0x0c, utf8(commonName)));
  return der.sequence(der.element(0x31, attribute));
}

function rsaKey({ modulus }: RsaSigner): Bytes {
  const algorithm = der.sequence(der.oid('1.2.840.113549.1.1.1'), der.NULL);
  return der.sequence(algorithm, der.bits(der.sequence(der.integer(modulus), der.integer(EXPONENT))));
}

function ecKey({ publicKey }: PrivateKey): Bytes {
  const algorithm = der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.3.132.0.34'));
  return der.sequence(algorithm, der.bits(publicKey.bytes));
}

/** basicConstraints and keyUsage (keyCertSign), critical. */
function authority(pathLength?: number): readonly Bytes[] {
  const length = pathLength === undefined ? [] : [der.small(pathLength)];
  return [
    der.sequence(der.oid('2.5.29.19'), der.TRUE, der.octets(der.sequence(der.TRUE, ...length))),
    der.sequence(der.oid('2.5.29.15'), der.TRUE, der.octets(der.bits(Uint8Array.of(0x04), 2))),
  ];
}

function vekExtensions(chipId: Bytes): readonly Bytes[] {
  const { SPL } = VEK_EXTENSION;
  const extension = (oid: string, value: Bytes) => der.sequence(der.oid(oid), der.octets(value));
  return [
    extension(VEK_EXTENSION.VERSION, der.small(1)),
    extension(VEK_EXTENSION.PRODUCT, der.element(0x16, utf8(SIMULATED))),
    extension(SPL.bootLoader, der.small(SIMULATED_TCB.bootLoader)),
    extension(SPL.tee, der.small(SIMULATED_TCB.tee)),
    extension(SPL.snp, der.small(SIMULATED_TCB.snp)),
    extension(SPL.microcode, der.small(SIMULATED_TCB.microcode)),
    extension(VEK_EXTENSION.HWID, chipId),
  ];
}
