/** How people name an entry of the log: by its index, or by its entry id. */

import type { EntryName } from '../client/index.ts';
import { fail } from '../core/errors.ts';
import { entryIdOf } from './trust-options.ts';

/** @throws ARGUMENT_INVALID neither an index nor an entry id in base64url */
export function parseEntryName(text: string): EntryName {
  if (/^(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(Number(text)))
    return { index: Number(text) };
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) {
    throw fail(
      'ARGUMENT_INVALID',
      `${text} is neither an index nor an entry id (43 characters of base64url)`,
    );
  }
  return { entryId: entryIdOf(text) };
}
