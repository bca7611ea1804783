/** agreement.*: the terms under which everybody takes part. The SRO publishes them, each participant accepts them. */
import { equal } from '../../core/bytes.ts';
import { isOwnUrn } from '../identifier.ts';
import { declareKind } from '../kind.ts';
import { AGREEMENT } from '../records/governance.ts';
import { refuse } from '../refusal.ts';
import { seconds, struct, text, uint, urn } from '../schema.ts';
import { digest, PARTICIPANT } from '../state.ts';
import { movedTo, stateAt } from '../stop.ts';
import { isNext, VERSION_NOT_NEXT } from '../version.ts';

export const publish = declareKind({
  name: 'agreement.publish',
  rule: 'Publishes the next version of an agreement. Who accepted an earlier one has to accept this one in time.',
  signer: 'active',
  roles: ['SRO'],
  body: struct({
    id: urn('agreement'),
    version: uint({ min: 1 }),
    /** SHA-256 of the text. */
    digest,
    url: text({ max: 512, pattern: /^https:\/\/[!-~]+$/ }),
    /** Unix seconds. */
    acceptBy: seconds,
  }),
  subject: ({ id }) => id,
  refusals: { VERSION_NOT_NEXT },
  shared: ['ID_MALFORMED', 'EFFECTIVE_FROM_PAST'],

  apply(ctx, { id, version, digest, acceptBy }) {
    if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'an object of another log');
    if (!isNext(version, AGREEMENT.read(ctx.read, id))) return refuse('VERSION_NOT_NEXT');
    // Else every contract would end with this entry, before anybody could accept.
    if (acceptBy * 1000 < ctx.time) return refuse('EFFECTIVE_FROM_PAST', 'acceptBy has passed');
    return [AGREEMENT.put({ version, digest, acceptBy, entry: ctx.index }, id)];
  },
});

export const accept = declareKind({
  name: 'agreement.accept',
  rule: 'A participant accepts the current version of an agreement: VERIFIED → ACTIVE; who is ACTIVE stays so.',
  signer: 'verified',
  body: struct({
    agreement: urn('agreement'),
    version: uint({ min: 1 }),
    /** SHA-256 of the text that was accepted. */
    digest,
  }),
  subject: () => undefined,
  refusals: {
    AGREEMENT_NOT_CURRENT: 'There is no such agreement, or this is not its current version.',
    AGREEMENT_DIGEST_MISMATCH: 'The text that was accepted is not the text of the agreement.',
  },
  shared: ['STATE_WRONG'],

  apply(ctx, { agreement: id, version, digest }) {
    const { signer } = ctx;
    const agreement = AGREEMENT.read(ctx.read, id);
    if (agreement?.version !== version) return refuse('AGREEMENT_NOT_CURRENT');
    if (!equal(agreement.digest, digest)) return refuse('AGREEMENT_DIGEST_MISMATCH');
    const last = signer.agreement;
    // Else who is behind with the agreement that it is under could change to another that asks for nothing.
    if (last && last.id !== id) return refuse('STATE_WRONG', `it is under ${last.id}`);
    if (last?.version === version) return refuse('STATE_WRONG', 'accepted already');
    const accepted = { agreement: { id, version } };
    if (stateAt(signer, ctx.time) === 'ACTIVE') {
      return [PARTICIPANT.put({ ...signer, ...accepted }, signer.did)];
    }
    const moved = movedTo(signer, 'ACTIVE', ctx.time);
    // A stop that is to come keeps its place as the last change: what lifts it names it.
    const changed = moved.state && { changed: ctx.index, changedAt: ctx.time };
    return [PARTICIPANT.put({ ...signer, ...accepted, ...moved, ...changed }, signer.did)];
  },
});
