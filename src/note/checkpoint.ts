/** Checkpoints: signed notes whose text is a tree head, C2SP tlog-checkpoint. */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint-text.ts';
import { type Note, openNote } from './note.ts';
import type { VerifierKey } from './verifier-key.ts';

export { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint-text.ts';

/**
 * The tree head that a log signed. Cosignatures are not looked at: see verifyCheckpoint in ./policy.ts.
 * @param logKey its name is the origin
 * @throws NOTE_MALFORMED, SIGNATURE_INVALID, NOTE_UNSIGNED as openNote; CHECKPOINT_MALFORMED, CONSISTENCY_INVALID as
 *   parseCheckpoint; ORIGIN_MISMATCH the log's key signed a head for another origin than its name
 * @example openCheckpoint(crypto, note, parseVerifierKey('example.com/log+…')).size
 */
export function openCheckpoint(crypto: Crypto, note: Note | Bytes | string, logKey: VerifierKey): Checkpoint {
  return checkpointOf(openNote(crypto, note, [logKey]).text, logKey);
}

/** The head in a text that `logKey` has been found to have signed. */
export function checkpointOf(text: string, logKey: VerifierKey): Checkpoint {
  const checkpoint = parseCheckpoint(text);
  // One key that signs for two origins would let one log's heads pass for another's.
  if (checkpoint.origin !== logKey.name) {
    throw fail(
      'ORIGIN_MISMATCH',
      `the checkpoint is of ${checkpoint.origin}, the key is that of ${logKey.name}`,
    );
  }
  return checkpoint;
}
