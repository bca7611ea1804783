/**
 * The COVID-19 story up to a deployed clean room, in a log whose anchors are a simulator's: what an appraiser needs before it,
 * and evidence that a machine of that simulator makes for a room of that log.
 */
import {
  type AppraisalPolicy,
  type Binding,
  reportData,
  runtimeData,
  SIMULATED_CPUID,
  SIMULATED_TCB,
  Simulator,
} from '../../src/attestation/index.ts';
import { provePossession } from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { TreeHead } from '../../src/verify/index.ts';
import { rsaSigner } from '../attestation/rsa-keys.ts';
import type { Step, Story, Told } from '../chain/story.ts';

const MEASUREMENT = new Uint8Array(48).fill(5);
export const DEBUG = (1n << 19n) | 0x3_001fn;

export function simulator(): Simulator {
  const [root, intermediate] = [rsaSigner('simulated root'), rsaSigner('simulated intermediate')];
  return new Simulator(crypto, { root, intermediate, chip: crypto.generatePrivateKey('ES384') });
}

export class SimulatedRooms {
  readonly story: Story;
  readonly simulator: Simulator;

  constructor(story: Story, simulator_: Simulator) {
    this.story = story;
    this.simulator = simulator_;
  }

  /** Everything up to the deployment of room 1. */
  before(): readonly Step[] {
    const { story } = this;
    const replaced: Record<string, Step> = {
      'anchors.publish': this.anchors(1),
      'appraisal-policy.publish': this.policy(1),
    };
    return [
      ...story.governance().map((step) => replaced[step.name] ?? step),
      ...[...story.participants(), ...story.delegations(), ...story.datasets(), story.baseModel()],
      ...story.signedContract(),
      this.deployed(1),
    ];
  }

  anchors(version: number): Step {
    const body = this.simulator.anchors(this.story.urn('anchors'), version);
    return this.story.step(`anchors.publish ${version}`, this.story.sro, 'anchors.publish', body);
  }

  policy(version: number, change: Partial<AppraisalPolicy> = {}): Step {
    const { story } = this;
    const policy = {
      ...story.appraisalPolicy(),
      products: [{ ...SIMULATED_CPUID, minTcb: SIMULATED_TCB }],
      ...change,
    };
    const body = { id: story.contract.appraisalPolicy, version, policy };
    return story.step(`appraisal-policy.publish ${version}`, story.sro, 'appraisal-policy.publish', body);
  }

  deployed(n: number): Step {
    return this.story.attested(n)[0]!;
  }

  /** What evidence of the `n`th room has to be bound to. */
  binding(n: number, told: Told, head: TreeHead): Binding {
    const { story } = this;
    const room = story.asRoom(n);
    return {
      ...{ log: story.world.origin, cleanroom: room.did, deploy: told.ref(`cleanroom.deploy ${n}`).entry },
      head: { size: head.size, root: head.root },
      signKey: crypto.sha256(encodeCoseKey(room.keys[0].publicKey)),
      wrapKey: crypto.sha256(story.wrapKey(`room ${n}`)),
    };
  }

  evidence(binding: Binding, change: { guestPolicy?: bigint; hostData?: Bytes } = {}): Bytes {
    const runtime = runtimeData(binding);
    const machine = {
      reportData: reportData(crypto, 'jcs-sha512', runtime),
      measurement: MEASUREMENT,
      hostData: this.story.imported('code.certify').hostData[0],
      ...change,
    };
    return this.simulator.envelope(machine, { runtimeData: runtime });
  }

  attested(n: number, evidence: Bytes): Step {
    const { story } = this;
    const { world } = story;
    const room = story.asRoom(n);
    const [id, digest, wrapKey] = [room.did, crypto.sha256(evidence), story.wrapKey(`room ${n}`)];
    const body = (told: Told) => ({
      ...{ id, tee: 'simulated', evidence: digest, wrapKey, signKey: encodeCoseKey(room.keys[0].publicKey) },
      pop: provePossession(room.keys[0], {
        ...{ log: world.origin, cleanroom: id, deploy: told.ref(`cleanroom.deploy ${n}`).entry },
        ...{ evidence: digest, wrapKid: crypto.sha256(wrapKey) },
      }),
    });
    return story.step(`cleanroom.attest ${n}`, story.member('ccrp'), 'cleanroom.attest', body);
  }
}
