/** A log that is started on the folder of a mirror: only if the mirror had copied all that it knew to be signed. */
import { fail } from '../core/errors.ts';
import type { Storage } from '../storage/index.ts';
import { MIRRORED_HEADS, mirroredSizeOf } from './layout.ts';

/**
 * @param size of the stored tree
 * @throws LOG_CORRUPT the log has signed a larger tree: going on from here would fork it
 */
export async function assertWholeCopy(storage: Storage, size: number): Promise<void> {
  for await (const [key] of storage.range({ ...MIRRORED_HEADS, reverse: true, limit: 1 })) {
    const signed = mirroredSizeOf(key);
    if (signed <= size) return;
    throw fail(
      'LOG_CORRUPT',
      `this is a mirror's copy that ends at ${size}, and the log has signed a tree of ${signed}: going on would fork the log. Complete the copy first (aichain mirror --once), or take another mirror's`,
    );
  }
}
