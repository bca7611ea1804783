/** code.*: what may train. The SRO certifies it once, and can revoke it. */
import { allowsAll } from '../../core/allow-all.ts';
import { isOwnUrn } from '../identifier.ts';
import { after, declareKind } from '../kind.ts';
import { CODE, type CodeRecord, hostData, launch, MAX_LISTED, toolName } from '../records/governance.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { bool, list, optional, seconds, struct, text, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { effectiveFrom, reason, stateAt, stopBy } from '../stop.ts';

/** A container image by its content. A tag can be moved to another image, so it says nothing. */
const PINNED = /^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$/;

export const certify = declareKind({
  name: 'code.certify',
  rule: 'Certifies code for clean rooms, by the digests of its images and the host data that it is measured as.',
  signer: 'active',
  roles: ['SRO'],
  body: struct({
    id: urn('code'),
    /** `name@sha256:…` */
    images: list(text({ max: 512 }), { min: 1, max: MAX_LISTED, unique: true }),
    /** SHA-256 of the container policies: any of them may be the host data of a clean room. */
    hostData: list(hostData, { min: 1, max: MAX_LISTED }),
    /** What the machine below may be, where the appraisal policy leaves more than one. */
    launch: optional(launch),
    /** SHA-256 of the trust file under which the code verifies what this log says; it is measured into host data. */
    ledgerTrust: digest,
    frameworks: list(toolName, { max: MAX_LISTED, unique: true }),
    /** What accounts for privacy, and whether its word is good enough to give unspent budget back. */
    accountant: optional(struct({ name: toolName, trusted: bool })),
    /** What the certifier has found: whether anybody can look into it, and whether its policy allows everything. */
    debug: bool,
    allowAll: bool,
    /** Unix seconds. */
    notAfter: optional(seconds),
  }),
  subject: ({ id }) => id,
  refusals: {
    CODE_DEBUG_MODE: 'Code in debug mode can be looked into.',
    CODE_IMAGE_NOT_PINNED: 'An image is not named by the SHA-256 of its content.',
    CODE_ALLOW_ALL: 'The container policy allows everything, so its host data says nothing.',
  },
  shared: ['ID_MALFORMED', 'ID_TAKEN'],

  apply(ctx, { id, images, hostData, launch, ledgerTrust, accountant, debug, allowAll, notAfter }) {
    if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'an object of another log');
    if (CODE.read(ctx.read, id)) return refuse('ID_TAKEN');
    if (debug) return refuse('CODE_DEBUG_MODE');
    const loose = images.find((image) => !PINNED.test(image));
    if (loose !== undefined) return refuse('CODE_IMAGE_NOT_PINNED', loose);
    if (allowAll || hostData.some(allowsAll)) return refuse('CODE_ALLOW_ALL');
    const record: CodeRecord = {
      state: 'CERTIFIED',
      hostData,
      ...(launch && { launch }),
      ledgerTrust,
      entry: ctx.index,
      ...(accountant?.trusted && { accountantTrusted: accountant.name }),
      ...(notAfter !== undefined && { notAfter }),
    };
    return [CODE.put(record, id)];
  },
});

export const revoke = declareKind({
  name: 'code.revoke',
  rule: 'Ends the certification of code, for good.',
  signer: 'active',
  roles: ['SRO'],
  refs: { after: after('code.certify', 'code.revoke') },
  body: struct({ id: urn('code'), reason, effectiveFrom: optional(effectiveFrom) }),
  subject: ({ id }) => id,
  refusals: { CODE_NOT_FOUND: 'No code with this id has been certified.' },
  shared: ['STATE_WRONG', 'REF_STALE', 'EFFECTIVE_FROM_PAST'],

  apply(ctx, { id, effectiveFrom }) {
    const code = CODE.read(ctx.read, id);
    if (!code) return refuse('CODE_NOT_FOUND');
    if (stateAt(code, ctx.time) === 'REVOKED') return refuse('STATE_WRONG', 'revoked already');
    if (ctx.refs('after')[0]?.index !== (code.lastStop?.entry ?? code.entry)) return refuse('REF_STALE');
    const lastStop = stopBy(ctx, code, effectiveFrom);
    if (isRefusal(lastStop)) return lastStop;
    return [CODE.put({ ...code, state: 'REVOKED', lastStop }, id)];
  },
});
