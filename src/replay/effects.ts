/** The effects root of a run that is replayed. */
import { effectsRoot, encodeVerdict, type Verdict } from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import type { LaneTree } from '../merkle/lane-tree.ts';

/** By lanes, where there are any; what is not `found` then, the hasher says. */
export function replayedEffects(
  hasher: Hasher,
  tree: LaneTree | undefined,
  verdicts: readonly Verdict[],
  found: Bytes | undefined,
): Bytes {
  const fast = found && tree?.root(verdicts.map(encodeVerdict));
  return fast && equal(fast, found) ? fast : effectsRoot(hasher, verdicts);
}
