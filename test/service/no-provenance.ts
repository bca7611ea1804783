/** The provenance of a log that has nothing to tell: for ledgers of tests that are about something else. */
import { fail } from '../../src/core/errors.ts';
import type { Provenance } from '../../src/service/provenance.ts';

const nothing = async (): Promise<never> => {
  throw fail('NOT_FOUND', 'nothing of this kind is logged here');
};

export const noProvenance: Provenance = {
  trace: nothing,
  impact: nothing,
  timeline: nothing,
  list: nothing,
  stats: nothing,
};
