/** log.*: what the log is. */
import { type Bytes, equal } from '../../core/bytes.ts';
import type { SignatureAlgorithm } from '../../core/crypto.ts';
import { declareKind } from '../kind.ts';
import { KID_TAKEN, LISTED_KEY_REASONS, listedKey, listKeys } from '../listed-key.ts';
import { kidOf, readKey } from '../public-key.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { bool, did, list, struct, text } from '../schema.ts';
import {
  coseKey,
  digest,
  GENESIS,
  type GenesisRecord,
  kid,
  PARTICIPANT,
  type ParticipantRecord,
} from '../state.ts';

/** Keys that the SRO begins with. */
const MAX_GENESIS_KEYS = 16;

export const genesis = declareKind({
  name: 'log.genesis',
  rule: 'Entry 0 and no other: says which log this is, under which rules and keys, and who its SRO is.',
  signer: 'self',
  anyAge: true, // Signed offline, in its own time; it cannot be replayed into a log that has begun.
  body: struct({
    origin: text({ max: 255, pattern: /^[!-*,-~]+$/ }),
    simulated: bool,
    sro: did,
    keys: list(listedKey, { min: 1, max: MAX_GENESIS_KEYS }),
    /** Thumbprint of the key that may one day replace the SRO's keys. */
    recoveryKid: kid,
    /** Ed25519: signs checkpoints. */
    checkpointKey: coseKey,
    /** P-256: signs receipts. */
    receiptKey: coseKey,
    rules: digest,
  }),
  subject: ({ sro }) => sro,
  refusals: {
    GENESIS_EXISTS: 'The log has a genesis; entry 0 alone can be one.',
    GENESIS_MISSING: 'The log has no genesis yet: entry 0 has to be one, and nothing else counts before it.',
    KID_TAKEN,
  },
  shared: [...LISTED_KEY_REASONS, 'ORIGIN_MISMATCH', 'RULES_MISMATCH'],

  self(hasher, { sro, keys }, { issuer, kid: signing }) {
    const listed = keys.find(({ key, use }) => use === 'sig' && equal(kidOf(hasher, key), signing));
    if (!listed) return refuse('KID_UNKNOWN', 'not signed by a key that it lists');
    return issuer === sro ? listed.key : refuse('SIGNER_UNKNOWN', 'the issuer is not the SRO');
  },

  apply(ctx, body) {
    if (ctx.index !== 0 || ctx.genesis) return refuse('GENESIS_EXISTS');
    if (body.origin !== ctx.origin) return refuse('ORIGIN_MISMATCH', `this is a genesis of ${body.origin}`);
    if (!equal(body.rules, ctx.rules)) return refuse('RULES_MISMATCH');
    const fault = keyFault(body.checkpointKey, 'Ed25519') ?? keyFault(body.receiptKey, 'ES256');
    if (fault) return fault;
    const checkpointKid = kidOf(ctx.crypto, body.checkpointKey);
    const receiptKid = kidOf(ctx.crypto, body.receiptKey);
    const reserved = [checkpointKid, receiptKid, body.recoveryKid];
    if (repeats(reserved))
      return refuse('KID_TAKEN', 'checkpoint, receipt and recovery key are not distinct');
    const { origin, simulated, sro, keys, recoveryKid, checkpointKey, receiptKey, rules } = body;
    const listed = listKeys(ctx, { owner: sro, keys, addedBy: null, reserved });
    if (isRefusal(listed)) return listed;
    const record: GenesisRecord = {
      entry: ctx.entryId,
      origin,
      simulated,
      sro,
      recoveryKid,
      checkpointKey,
      checkpointKid,
      receiptKey,
      receiptKid,
      rules,
    };
    const participant: ParticipantRecord = {
      did: sro,
      state: 'ACTIVE',
      requested: ['SRO'],
      roles: ['SRO'],
      keys: listed.kids,
      endpoints: [],
      changed: ctx.index,
      changedAt: ctx.time,
    };
    return [GENESIS.put(record, 'genesis'), PARTICIPANT.put(participant, sro), ...listed.writes];
  },
});

/** The log's own keys have one algorithm each: what C2SP checkpoints and this log's receipts are signed with. */
function keyFault(listed: Bytes, algorithm: SignatureAlgorithm) {
  const key = readKey(listed);
  if (isRefusal(key)) return key;
  return key.algorithm === algorithm ? undefined : refuse('KEY_MALFORMED', `not a key for ${algorithm}`);
}

function repeats(kids: readonly Bytes[]): boolean {
  return kids.some((kid, i) => kids.slice(0, i).some((other) => equal(kid, other)));
}
