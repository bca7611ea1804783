/** What a report is for: the simulator's evidence, in both forms, bound to a clean room of a log and to a head of it. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  type Appraisal,
  type AppraisalPolicy,
  Appraiser,
  type AttestationCode,
  type Binding,
  type BindingScheme,
  type Expected,
  readRuntimeData,
  reportData,
  runtimeData,
  SIMULATED_CPUID,
  SIMULATED_TCB,
  Simulator,
  type TeeType,
} from '../../src/attestation/index.ts';
import { type Bytes, concat, fromUtf8, toBase64, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type NodeRsaSigner, rsaSignerFromPem } from '../../src/platform/rsa-signer-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { codes, HOST_DATA, MEASUREMENT, POLICY } from './amd-world.ts';
import { TIME } from './genuine.ts';
import { rsaSigner } from './rsa-keys.ts';

const digest = (text: string) => nodeCrypto.sha256(utf8(text));
const BINDING: Binding = {
  log: 'log.example/main',
  cleanroom: 'urn:depa:cleanroom:log.example/main:00000000-0000-4000-8000-000000000002',
  deploy: digest('deploy'),
  head: { size: 4711, root: digest('root') },
  signKey: digest('sign'),
  wrapKey: digest('wrap'),
};
const EXPECTED: Expected = { type: 'binding', binding: BINDING, headTime: TIME - 1000 };
const CONTAINER_POLICY = utf8(`package policy

import future.keywords.every
import future.keywords.in

api_version := "0.10.0"
framework_version := "0.2.3"
containers := [{"command": ["python3", "train.py"], "allow_elevated": false, "layers": []}]
mount_device := data.framework.mount_device
mount_overlay := data.framework.mount_overlay
create_container := data.framework.create_container
exec_in_container := data.framework.exec_in_container
exec_external := data.framework.exec_external
load_fragment := data.framework.load_fragment
reason := {"errors": data.framework.errors}
`);

let root: NodeRsaSigner;
let simulator: Simulator;

before(() => {
  root = rsaSigner('simulated root');
  const intermediate = rsaSigner('simulated intermediate');
  simulator = new Simulator(nodeCrypto, { root, intermediate, chip: nodeCrypto.generatePrivateKey('ES384') });
});

const policy = (change: Partial<AppraisalPolicy> = {}): AppraisalPolicy => ({
  ...POLICY,
  products: [{ ...SIMULATED_CPUID, minTcb: SIMULATED_TCB }],
  hostData: [HOST_DATA, nodeCrypto.sha256(CONTAINER_POLICY)],
  ...change,
});

/** The policy without the member that lets evidence come without its container policy. */
function bringing({ containerPolicy, ...rest }: AppraisalPolicy): AppraisalPolicy {
  return rest;
}

function machine(
  binding: Binding = BINDING,
  scheme: BindingScheme = 'skr-sha256',
  hostData: Bytes = HOST_DATA,
) {
  const data = reportData(nodeCrypto, scheme, runtimeData(binding));
  return { reportData: data, measurement: MEASUREMENT, hostData };
}

interface Attempt {
  readonly bytes: Bytes;
  readonly expected?: Expected;
  readonly policy?: Partial<AppraisalPolicy>;
  readonly tee?: TeeType;
  readonly runtime?: Bytes;
  readonly containerPolicy?: Bytes;
  /** Evidence has to bring its container policy. */
  readonly needed?: boolean;
}

function appraise({
  bytes,
  expected = EXPECTED,
  policy: change,
  tee = 'simulated',
  runtime,
  containerPolicy,
  needed = false,
}: Attempt): Appraisal {
  const anchors = simulator.anchors('urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001');
  return new Appraiser(nodeCrypto, anchors).appraise(
    { tee, bytes },
    {
      certificates: simulator.chain,
      ...(runtime && { runtimeData: runtime }),
      ...(containerPolicy && { containerPolicy }),
    },
    needed ? bringing(policy(change)) : policy(change),
    expected,
    TIME,
  );
}

describe('the simulator', () => {
  it('makes evidence that is affirmed by its own anchors, and says that it is simulated', () => {
    const report = appraise({ bytes: simulator.report(machine()) });
    assert.equal(report.tier, 'affirming', JSON.stringify(codes(report)));
    assert.equal(report.simulated, true);
    const envelope = simulator.envelope(machine(), { runtimeData: runtimeData(BINDING) });
    const inEnvelope = appraise({ bytes: envelope });
    assert.equal(inEnvelope.tier, 'affirming', JSON.stringify(codes(inEnvelope)));
  });

  it('is refused by anchors of every other type, even if they list its root', () => {
    for (const tee of ['snp', 'snp-aci'] as const) {
      const anchors = {
        ...simulator.anchors('urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001'),
        tee,
      };
      const bytes =
        tee === 'snp'
          ? simulator.report(machine())
          : simulator.envelope(machine(), { runtimeData: runtimeData(BINDING) });
      const found = new Appraiser(nodeCrypto, anchors).appraise(
        { tee, bytes },
        { certificates: simulator.chain },
        policy(),
        EXPECTED,
        TIME,
      );
      assert.deepEqual(codes(found), ['SIMULATED_EVIDENCE', 'CHAIN_PRODUCT_MISMATCH']);
      assert.equal(found.simulated, false);
    }
  });

  it('times are whole milliseconds: one that is no number would be neither before nor after anything', () => {
    const anchors = simulator.anchors(
      'urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001',
    );
    const evidence = { tee: 'simulated', bytes: simulator.report(machine()) } as const;
    for (const time of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY]) {
      const judge = (headTime: number, at: number): unknown =>
        outcome(() =>
          new Appraiser(nodeCrypto, anchors).appraise(
            evidence,
            {},
            policy(),
            { ...EXPECTED, headTime } as Expected,
            at,
          ),
        );
      assert.deepEqual(judge(TIME, time), { code: 'ARGUMENT_INVALID' });
      assert.deepEqual(judge(time, TIME), { code: 'ARGUMENT_INVALID' });
    }
  });

  it('is refused as another type than it is', () => {
    assert.deepEqual(codes(appraise({ bytes: simulator.report(machine()), tee: 'snp' })), [
      'ANCHORS_TYPE_MISMATCH',
    ]);
  });

  it('keeps its key', () => {
    assert.deepEqual(rsaSignerFromPem(root.pem()).modulus, root.modulus);
    assert.deepEqual(
      outcome(() => rsaSignerFromPem('no key')),
      { code: 'KEY_MALFORMED' },
    );
  });

  it('a machine that is debugged, or another one, is refused as a genuine one would be', () => {
    const debugged = simulator.report({ ...machine(), guestPolicy: 0xb_001fn });
    assert.deepEqual(codes(appraise({ bytes: debugged })), ['GUEST_DEBUG']);
    const other = simulator.report({ ...machine(), measurement: new Uint8Array(48) });
    assert.deepEqual(codes(appraise({ bytes: other })), ['MEASUREMENT_NOT_ALLOWED']);
    const host = simulator.report({ ...machine(), vmpl: 0xffff_ffff });
    assert.deepEqual(codes(appraise({ bytes: host })), ['VMPL_HOST']);
  });
});

describe('the session', () => {
  const others: [string, Binding, AttestationCode][] = [
    ['another log', { ...BINDING, log: 'log.example/other' }, 'BINDING_OTHER_LOG'],
    ['another room', { ...BINDING, cleanroom: `${BINDING.cleanroom}0` }, 'BINDING_OTHER_CLEANROOM'],
    ['another deployment', { ...BINDING, deploy: digest('again') }, 'BINDING_OTHER_CLEANROOM'],
    ['an earlier head', { ...BINDING, head: { ...BINDING.head, size: 4710 } }, 'BINDING_OTHER_HEAD'],
    ['a fork', { ...BINDING, head: { ...BINDING.head, root: digest('fork') } }, 'BINDING_OTHER_HEAD'],
    ['another signing key', { ...BINDING, signKey: digest('mine') }, 'BINDING_OTHER_KEYS'],
    ['another wrapping key', { ...BINDING, wrapKey: digest('mine') }, 'BINDING_OTHER_KEYS'],
    [
      'keys that are swapped',
      { ...BINDING, signKey: BINDING.wrapKey, wrapKey: BINDING.signKey },
      'BINDING_OTHER_KEYS',
    ],
  ];
  for (const [name, other, code] of others) {
    it(`a report for ${name}`, () => {
      const told = simulator.envelope(machine(other), { runtimeData: runtimeData(other) });
      assert.deepEqual(codes(appraise({ bytes: told })), [code]);
      const untold = simulator.report(machine(other));
      assert.deepEqual(codes(appraise({ bytes: untold })), ['REPORT_DATA_MISMATCH']);
      const disguised = simulator.envelope(machine(other), { runtimeData: runtimeData(BINDING) });
      assert.deepEqual(codes(appraise({ bytes: disguised })), [
        'RUNTIME_DATA_MISMATCH',
        'REPORT_DATA_MISMATCH',
      ]);
    });
  }

  it('either form of the binding, and only the one of the policy', () => {
    const sha512 = simulator.report(machine(BINDING, 'jcs-sha512'));
    assert.deepEqual(codes(appraise({ bytes: sha512, policy: { binding: 'jcs-sha512' } })), []);
    assert.deepEqual(codes(appraise({ bytes: sha512 })), ['REPORT_DATA_MISMATCH']);
    const skr = simulator.report(machine());
    assert.deepEqual(codes(appraise({ bytes: skr, policy: { binding: 'jcs-sha512' } })), [
      'REPORT_DATA_MISMATCH',
    ]);
  });

  it('runtime data with something after the 32 bytes that are compared', () => {
    const data = concat(
      reportData(nodeCrypto, 'skr-sha256', runtimeData(BINDING)).slice(0, 32),
      new Uint8Array(32).fill(1),
    );
    const bytes = simulator.envelope(
      { ...machine(), reportData: data },
      { runtimeData: runtimeData(BINDING) },
    );
    assert.deepEqual(codes(appraise({ bytes })), ['RUNTIME_DATA_MISMATCH', 'REPORT_DATA_MISMATCH']);
  });

  it('one challenge that is answered twice at once: two reports, one of which can stand', () => {
    const [first, second] = [simulator.report(machine()), simulator.report(machine())];
    const found = appraise({ bytes: first });
    assert.equal(found.tier, 'affirming');
    const expected: Expected = { ...EXPECTED, seen: [found.evidenceId!] } as Expected;
    // The same statement of the same machine: what differs is the signature, which identifies nothing.
    assert.notDeepEqual(second, first);
    assert.deepEqual(codes(appraise({ bytes: second, expected })), ['EVIDENCE_REPLAYED']);
  });

  it('runtime data: canonical, complete, and nothing else', () => {
    const text = fromUtf8(runtimeData(BINDING));
    assert.deepEqual(readRuntimeData(utf8(text)), BINDING);
    for (const bad of [
      text.replace('"v":1', '"v":2'),
      text.replace('"v":1', '"v":"1"'),
      text.replace('4711', '"4711"'),
      text.replace('4711', '-1'),
      text.replace(/"wrapKey":"[^"]*"/, '"wrapKey":null'),
      text.replace(/"wrapKey":"[^"]*"/, '"wrapKey":"AAAA"'),
      text.replace('{"cleanroom"', '{ "cleanroom"'),
      text.replace(/\}$/, ',"extra":1}'),
      text.replace('"v":1', '"v":1,"x":1'),
      text.replace('"head":{', '"head":{"extra":1,'),
      `${text}\n`,
      '{}',
      '[]',
    ]) {
      const found = outcome(() => readRuntimeData(utf8(bad)));
      assert.ok('code' in found && found.code.startsWith('JSON_'), bad);
    }
    assert.deepEqual(
      outcome(() => readRuntimeData(new Uint8Array(5000).fill(0x20))),
      { code: 'EVIDENCE_TOO_LARGE' },
    );
    for (const damaged of mangled(runtimeData(BINDING))) {
      const found = outcome(() => readRuntimeData(damaged));
      if ('value' in found) assert.notDeepEqual(found.value, BINDING);
    }
  });

  it('both back ends make the same of it', () => {
    const bytes = simulator.envelope(machine(), { runtimeData: runtimeData(BINDING) });
    const anchors = simulator.anchors(
      'urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001',
    );
    const judge = (crypto: typeof nodeCrypto) =>
      new Appraiser(crypto, anchors).appraise({ tee: 'simulated', bytes }, {}, policy(), EXPECTED, TIME);
    assert.deepEqual(judge(nobleCrypto), judge(nodeCrypto));
  });
});

describe('host data', () => {
  const withPolicy = (text: Bytes, hostData = nodeCrypto.sha256(text)) => {
    const bytes = simulator.envelope(machine(BINDING, 'skr-sha256', hostData), { containerPolicy: text });
    return codes(appraise({ bytes, policy: { hostData: [hostData] }, needed: true }));
  };
  const bare = (needed: boolean, collateral?: Bytes) => {
    const hostData = nodeCrypto.sha256(CONTAINER_POLICY);
    const bytes = simulator.envelope(machine(BINDING, 'skr-sha256', hostData));
    return appraise({ bytes, needed, ...(collateral && { containerPolicy: collateral }) });
  };

  it('no policy at all: host data that is listed is not enough, unless the appraisal policy says so', () => {
    assert.deepEqual(codes(bare(true)), ['CONTAINER_POLICY_MISSING']);
    assert.equal(bare(true).tier, 'contraindicated');
    assert.equal(bare(false).tier, 'affirming');
    // Beside the evidence it is as good as in it; what is there is looked at, even where it need not be.
    assert.equal(bare(true, CONTAINER_POLICY).tier, 'affirming');
    assert.deepEqual(codes(bare(false, utf8('package policy\n'))), ['HOST_DATA_MISMATCH']);
  });

  it('the policy that hashes to it', () => assert.deepEqual(withPolicy(CONTAINER_POLICY), []));

  it('another policy, or the base64 text of it', () => {
    assert.deepEqual(withPolicy(CONTAINER_POLICY, HOST_DATA), ['HOST_DATA_MISMATCH']);
    const ofText = nodeCrypto.sha256(utf8(toBase64(CONTAINER_POLICY)));
    assert.deepEqual(withPolicy(CONTAINER_POLICY, ofText), ['HOST_DATA_MISMATCH']);
  });

  it('a policy that allows everything, under whatever digest', () => {
    const open = utf8(
      fromUtf8(CONTAINER_POLICY).replace('data.framework.exec_external', '{"allowed": true}'),
    );
    assert.deepEqual(withPolicy(open), ['CONTAINER_POLICY_ALLOWS_ALL']);
    assert.deepEqual(withPolicy(utf8('{"allow_all": true}')), ['CONTAINER_POLICY_ALLOWS_ALL']);
  });

  it('a policy that is not understood: a warning', () => {
    const rule = utf8(`${fromUtf8(CONTAINER_POLICY)}\ncreate_container { true }\n`);
    assert.deepEqual(withPolicy(rule), ['CONTAINER_POLICY_UNKNOWN']);
  });
});

describe('the envelope', () => {
  const judge = (text: string) => codes(appraise({ bytes: utf8(text) }));
  const whole = () => fromUtf8(simulator.envelope(machine(), { runtimeData: runtimeData(BINDING) }));

  it('of other types than it has', () => {
    for (const text of ['[]', '"text"', '7', 'null', ''])
      assert.deepEqual(judge(text), ['REPORT_SIZE_WRONG'], text);
    for (const text of [
      '{}',
      '{"evidence":7}',
      '{"evidence":["AAAA"]}',
      '{"evidence":{"0":"AAAA"}}',
      '{"evidence":null}',
      '{"evidence":"AAA"}',
      '{"evidence":"AA-_"}',
      '{"evidence":"AAAA","__proto__":{"policy":"AAAA"}}',
      '{"evidence":"AAAA","constructor":"AAAA"}',
      '{"evidence":"AAAA","other":"AAAA"}',
    ]) {
      assert.deepEqual(judge(text), ['ENVELOPE_MALFORMED'], text);
    }
    assert.deepEqual(judge('{"evidence":"AAAA"}'), ['REPORT_SIZE_WRONG']);
    assert.deepEqual(judge('{"evidence":9007199254740993}'), ['JSON_NUMBER_INEXACT']);
  });

  it('of no JSON', () => {
    for (const text of ['{', '{"evidence"}', '{} {}', '{"evidence":"AAAA",}', '{evidence:"AAAA"}']) {
      assert.deepEqual(judge(text), ['JSON_MALFORMED'], text);
    }
  });

  it('with a member twice', () => {
    assert.deepEqual(judge(whole().replace('{"', '{"evidence":"AAAA","')), ['JSON_MALFORMED']);
  });

  it('white space and escapes change nothing; the host’s own opinion of the TCB is passed over', () => {
    assert.deepEqual(
      judge(
        whole()
          .replace('{"', '{ "endorsed_tcb" : "DB18000000000004",\n"')
          .replace('"evidence"', '"\\u0065vidence"'),
      ),
      [],
    );
  });

  it('any damage is refused, or is of no meaning', () => {
    const bytes = utf8(whole());
    for (let at = 0; at < bytes.length; at += 53) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      assert.notEqual(appraise({ bytes: damaged }).tier, undefined);
    }
  });
});
