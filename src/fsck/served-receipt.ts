/** A receipt of a served log: its signature, and whether it speaks of the same tree as the checkpoint. */
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { decodeReceipt, verifyInclusionReceipt } from '../cose/index.ts';
import type { Trust } from '../verify/index.ts';
import type { Findings } from './findings.ts';
import type { TreeAudit } from './tree-audit.ts';

/** @param receipt of the entry `entryId`, at `index` */
export function auditReceipt(
  crypto: Crypto,
  { receiptKey, origin, service }: Trust,
  tree: TreeAudit,
  { index, entryId, receipt }: { index: number; entryId: Bytes; receipt: Bytes },
  findings: Findings,
): void {
  const at = `receipt of entry ${index}`;
  try {
    const expected = { origin, ...(service !== undefined && { service }) };
    const head = verifyInclusionReceipt(crypto, receiptKey, decodeReceipt(receipt), entryId, expected);
    // One of a later tree is beyond the head that is being audited.
    const root = tree.rootAt(Number(head.size));
    if (Number(head.index) !== index) findings.add('signature', at, `index ${index}`, `index ${head.index}`);
    if (root && !equal(root, head.root)) {
      findings.add('checkpoint', at, `root ${toHex(root)} of ${head.size}`, `root ${toHex(head.root)}`);
    }
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'INTERNAL') throw error;
    findings.add('signature', at, 'a receipt that verifies', `${error.code}: ${error.message}`);
  }
}
