/** Heads in a proof of misbehaviour, each under a signature of the log: what it signed, it has to stand by. */
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { openCheckpoint } from '../note/index.ts';
import { describeHead, openHead, type TreeHead } from './head.ts';
import type { Ladder, StepName } from './ladder.ts';
import type { ClaimedHead } from './misbehaviour.ts';
import { verifyReceipt } from './placement.ts';
import type { Trust } from './trust.ts';

export interface ShownHead extends TreeHead {
  /** Cosigners of the trust file that have signed it: of two heads that contradict each other, they were deceived too. */
  readonly cosigners: readonly string[];
  /** Of a receipt: the index that it puts its entry at. */
  readonly index?: number;
}

export function climbHead(
  ladder: Ladder,
  { crypto, trust }: { crypto: Crypto; trust: Trust },
  head: ClaimedHead,
  step: StepName,
): ShownHead {
  return ladder.step(step, () => {
    const value = openClaimed(crypto, trust, head);
    const { cosigners } = value;
    const by = cosigners.length === 0 ? '' : `, cosigned by ${cosigners.join(', ')}`;
    const how = typeof head === 'string' ? 'signed' : 'signed in a receipt';
    return { value, detail: `${how} by ${trust.origin}: ${describeHead(value)}${by}` };
  });
}

function openClaimed(crypto: Crypto, trust: Trust, head: ClaimedHead): ShownHead {
  if (typeof head !== 'string') {
    const { index, head: of } = verifyReceipt(crypto, trust, head.receipt, head.entryId);
    return { ...of, index, cosigners: [] };
  }
  // The log's own signature is what convicts it: a line that somebody added must not take that away.
  const { size, root } = openCheckpoint(crypto, head, trust.checkpointKey);
  return { size, root, cosigners: cosignersOf(crypto, trust, head) };
}

function cosignersOf(crypto: Crypto, trust: Trust, note: string): string[] {
  try {
    return openHead(crypto, trust, note).cosignatures.map(({ key }) => key.name);
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return [];
  }
}
