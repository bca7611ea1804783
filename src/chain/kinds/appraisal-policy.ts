/** appraisal-policy.*: what an attested clean room has to be (ATTESTATION "Appraisal policy"). */

import { allowsAll } from '../../core/allow-all.ts';
import { type Cbor, encode } from '../../core/cbor.ts';
import { hasFmc } from '../../core/turin.ts';
import { isOwnUrn } from '../identifier.ts';
import { declareKind } from '../kind.ts';
import { APPRAISAL_POLICY, hostData, launch, MAX_LISTED } from '../records/governance.ts';
import { type Refusal, refuse } from '../refusal.ts';
import {
  bool,
  bytesOf,
  type Infer,
  list,
  oneOf,
  optional,
  seconds,
  struct,
  uint,
  urn,
  variants,
} from '../schema.ts';
import { isNext, VERSION_NOT_NEXT } from '../version.ts';

const MAX_PRODUCTS = 16;
const MAX_CHIPS = 64;
const byte = uint({ max: 255 });
/** Turin has 8 bytes, the others 64. */
const chip = bytesOf(8, 64);

/** Processors are told apart by CPUID: micro-code levels compare only within one family, model and stepping. */
const product = struct({
  family: byte,
  model: byte,
  stepping: byte,
  /** Component by component; `fmc` is Turin's, and needed there. */
  minTcb: struct({ bootLoader: byte, tee: byte, snp: byte, microcode: byte, fmc: optional(byte) }),
});

/** The document that an appraisal names by its digest: SHA-256 of its deterministic CBOR. */
const appraisalPolicy = struct({
  products: list(product, { max: MAX_PRODUCTS }),
  minReportVersion: uint({ min: 2, max: 255 }),
  /** Of the report: a key of the chip, or of the cloud provider. */
  signer: list(oneOf('vcek', 'vlek'), { min: 1, max: 2, unique: true }),
  vmpl: list(uint({ max: 3 }), { max: 4, unique: true }),
  guestPolicy: struct({ debug: bool, migrate: bool }),
  /** Bits of PLATFORM_INFO that have to be set. */
  platform: optional(list(uint({ max: 63 }), { max: MAX_LISTED, unique: true })),
  /** Whoever measured or endorsed what was launched. */
  launch,
  hostData: list(hostData, { max: MAX_LISTED }),
  /** Left out: evidence has to bring the container policy that its host data is the digest of. */
  containerPolicy: optional(oneOf('may-be-absent')),
  /** Any chip whose certificates are good, or some; never the denied ones. */
  chips: variants('allow', {
    any: { deny: list(chip, { max: MAX_CHIPS }) },
    listed: { chips: list(chip, { min: 1, max: MAX_CHIPS }), deny: list(chip, { max: MAX_CHIPS }) },
  }),
  /** How report data binds the room's keys: SHA-512 of canonical JSON, or SHA-256 of runtime data and 32 zero bytes. */
  binding: oneOf('jcs-sha512', 'skr-sha256'),
  /** Oldest head, in seconds, that evidence may name. */
  freshness: seconds,
});

export const publish = declareKind({
  name: 'appraisal-policy.publish',
  rule: 'Publishes the next version of an appraisal policy. A version never changes: appraisals name its digest.',
  signer: 'active',
  roles: ['SRO'],
  body: struct({ id: urn('appraisal-policy'), version: uint({ min: 1 }), policy: appraisalPolicy }),
  subject: ({ id }) => id,
  refusals: {
    VERSION_NOT_NEXT,
    POLICY_ALLOWS_ALL: 'The policy leaves open what may run, where, or who can look into it.',
  },
  shared: ['ID_MALFORMED', 'SCHEMA_INVALID'],

  apply(ctx, { id, version, policy }) {
    if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'an object of another log');
    if (!isNext(version, APPRAISAL_POLICY.read(ctx.read, id))) return refuse('VERSION_NOT_NEXT');
    const fault = minimumFault(policy) ?? openness(policy);
    if (fault) return fault;
    const digest = ctx.crypto.sha256(encode(policy as Cbor));
    return [APPRAISAL_POLICY.put({ version, digest, entry: ctx.index }, id)];
  },
});

/** What is left out has no minimum: appraisals refuse such a policy, so the log does not publish it. */
function minimumFault({ products }: Infer<typeof appraisalPolicy>): Refusal<'SCHEMA_INVALID'> | undefined {
  const open = products.some((each) => hasFmc(each) && each.minTcb.fmc === undefined);
  return open ? refuse('SCHEMA_INVALID', 'no minimum for fmc') : undefined;
}

function openness(policy: Infer<typeof appraisalPolicy>): Refusal<'POLICY_ALLOWS_ALL'> | undefined {
  const { launch, hostData, vmpl, products, guestPolicy } = policy;
  const open =
    (launch.endorsedBy.length + launch.measurements.length === 0 && 'any launch') ||
    (hostData.length === 0 && 'any host data') ||
    (hostData.some(allowsAll) && 'host data of a policy that allows everything') ||
    (vmpl.length === 0 && 'any VMPL') ||
    (products.length === 0 && 'any processor') ||
    (guestPolicy.debug && 'debugging') ||
    (guestPolicy.migrate && 'migration');
  return open ? refuse('POLICY_ALLOWS_ALL', open) : undefined;
}
