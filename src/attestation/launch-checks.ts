/** What was launched, and who may tell it what to run. */

import { allowsAll } from '../core/allow-all.ts';
import { equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import type { Anchors } from './anchors.ts';
import type { Findings } from './check.ts';
import { type AttestationCode, deny } from './codes.ts';
import { readContainerPolicy } from './container-policy.ts';
import type { EvidenceParts } from './envelope.ts';
import type { AppraisalPolicy } from './policy.ts';
import type { SnpReport } from './snp-report.ts';
import type { Endorser } from './strict-value.ts';
import { type UvmEndorsement, verifyUvmEndorsement } from './uvm.ts';

export interface LaunchQuestion {
  readonly report: SnpReport;
  readonly parts: EvidenceParts;
  readonly policy: AppraisalPolicy;
  readonly anchors: Anchors;
  /** Unix milliseconds. */
  readonly at: number;
}

/**
 * Either the policy lists the measurement, or somebody endorses it whom policy and anchors both name.
 * @returns the endorsement, if it was judged by one that holds
 */
export function checkMeasurement(
  find: Findings,
  crypto: Crypto,
  question: LaunchQuestion,
): UvmEndorsement | undefined {
  const { report, parts, policy, at } = question;
  const { endorsedBy, measurements } = policy.launch;
  const expected = `one of ${measurements.length}, or endorsed by one of ${endorsedBy.length}`;
  if (measurements.some((known) => equal(known, report.measurement))) {
    find.judge('launch.measurement', undefined, expected, toHex(report.measurement));
    return undefined;
  }
  const document = parts.uvmEndorsement;
  if (!document) {
    find.judge('launch.measurement', 'MEASUREMENT_NOT_ALLOWED', expected, toHex(report.measurement));
    return undefined;
  }
  return find.attempt(
    'launch.measurement',
    expected,
    () => {
      const endorsement = verifyUvmEndorsement(crypto, document, at);
      checkEndorser(endorsement, question);
      return endorsement;
    },
    ({ feed, svn }) => `${toHex(report.measurement)}: ${feed}, svn ${svn}`,
  );
}

function checkEndorser(endorsement: UvmEndorsement, { report, policy, anchors }: LaunchQuestion): void {
  const { svn, measurement } = endorsement;
  const least = Math.max(
    minimumOf(endorsement, policy.launch.endorsedBy, 'policy'),
    minimumOf(endorsement, anchors.endorsers, 'anchors'),
  );
  if (svn < least) throw deny('UVM_SVN_BELOW_MINIMUM', `svn ${svn}, where at least ${least} is needed`);
  if (!equal(measurement, report.measurement)) {
    throw deny('UVM_MEASUREMENT_MISMATCH', `an endorsement of ${toHex(measurement)}`);
  }
}

/** @throws UVM_ISSUER_NOT_ALLOWED, UVM_FEED_NOT_ALLOWED */
function minimumOf({ issuer, feed }: UvmEndorsement, by: readonly Endorser[], whose: string): number {
  const known = by.filter((endorser) => endorser.issuer === issuer);
  if (known.length === 0) throw deny('UVM_ISSUER_NOT_ALLOWED', `not an issuer of the ${whose}: ${issuer}`);
  const found = known.filter((endorser) => endorser.feed === feed);
  if (found.length === 0) throw deny('UVM_FEED_NOT_ALLOWED', `not a feed of the ${whose}: ${feed}`);
  return Math.max(...found.map(({ minSvn }) => minSvn));
}

export function checkHostData(
  find: Findings,
  crypto: Crypto,
  { report, parts, policy }: LaunchQuestion,
): void {
  const { hostData } = report;
  const fault: AttestationCode | undefined = allowsAll(hostData)
    ? 'CONTAINER_POLICY_ALLOWS_ALL'
    : policy.hostData.some((known) => equal(known, hostData))
      ? undefined
      : 'HOST_DATA_NOT_ALLOWED';
  find.judge('host-data.listed', fault, `one of ${policy.hostData.length}`, toHex(hostData));
  const text = parts.containerPolicy;
  if (!text) {
    const expected = 'the container policy that the host data is the digest of';
    if (policy.containerPolicy === 'may-be-absent') find.skip('host-data.policy', 'the policy needs none');
    else find.judge('host-data.policy', 'CONTAINER_POLICY_MISSING', expected, 'none');
    return;
  }
  const read = find.attempt('host-data.policy', 'a container policy', () =>
    readContainerPolicy(crypto, text),
  );
  if (!read) return;
  const matches = equal(read.hostData, hostData);
  const expected = `a policy with SHA-256 ${toHex(hostData)} that binds the host`;
  const seen = `${toHex(read.hostData)}${read.why === undefined ? '' : `, ${read.why}`}`;
  if (matches && read.openness === 'unknown') {
    find.warn('host-data.policy', 'CONTAINER_POLICY_UNKNOWN', expected, seen);
    return;
  }
  const open = read.openness === 'allows-all' ? 'CONTAINER_POLICY_ALLOWS_ALL' : undefined;
  find.judge('host-data.policy', matches ? open : 'HOST_DATA_MISMATCH', expected, seen);
}
