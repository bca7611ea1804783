/** Entries of a bundle: logged, accepted, and signed by keys that were good when they were logged. */
import {
  isRefusal,
  KEY,
  parseStatement,
  type StateReader,
  signatureFault,
  verificationKey,
} from '../chain/index.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import type { ClaimedEvidence } from './bundle.ts';
import { verifyEffect } from './effect.ts';
import { verifyEntry } from './entries.ts';
import type { TreeHead } from './head.ts';

/**
 * @param read the proven state, which has the signer's key
 * @throws INCLUSION_INVALID, PROOF_MALFORMED not in the tree, or not accepted; KID_UNKNOWN, KEY_REVOKED, KEY_EXPIRED,
 * SIGNATURE_INVALID; what is wrong with the statement
 */
export function verifyEvidence(
  crypto: Crypto,
  head: TreeHead,
  { index, statement, path, effect }: ClaimedEvidence,
  read: StateReader,
): void {
  verifyEntry(crypto, head, { index, statement, leafData: crypto.sha256(statement) }, path);
  const { outcome, reason, time } = verifyEffect(crypto, head, index, effect);
  if (outcome !== 'ok') throw fail('INCLUSION_INVALID', `entry ${index} was refused: ${reason}`);
  const parsed = parseStatement(crypto, statement);
  const key = verificationKey(crypto, parsed, read);
  if (isRefusal(key)) throw fail('KID_UNKNOWN', `the signer’s key of entry ${index} is not registered`);
  const record = KEY.read(read, parsed.kid);
  if (!record || record.owner !== parsed.issuer || record.added >= index) {
    throw fail('KID_UNKNOWN', `the key of entry ${index} was not its issuer’s then`);
  }
  const { revoked, notAfter, notBefore } = record;
  if (notBefore !== undefined && time < notBefore) throw fail('KID_UNKNOWN', `the key of entry ${index}`);
  const since = revoked?.since === undefined ? undefined : revoked.since * 1000;
  if (revoked && (revoked.entry < index || revoked.reason === 'void' || (since ?? time + 1) <= time)) {
    throw fail('KEY_REVOKED', `the key of entry ${index} was not good when it was logged`);
  }
  if (notAfter !== undefined && notAfter * 1000 < time)
    throw fail('KEY_EXPIRED', `the key of entry ${index}`);
  const fault = signatureFault(parsed, key);
  if (fault) throw fail(fault.refused, fault.detail ?? `the signature of entry ${index}`);
}
