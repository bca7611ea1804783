/** Before anything is set up: that the contract is in force, the code certified, and the ledger looked at by the right trust file. */
import { CODE, CONTRACT, type ContractRecord } from '../../chain/index.ts';
import { type Bytes, equal, toHex } from '../../core/bytes.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import type { Site } from './site.ts';

export interface Agreed {
  /** URN. */
  readonly id: string;
  readonly contract: ContractRecord;
  readonly code: string;
  /** SHA-256 of the container policies that the code was certified with. */
  readonly hostData: readonly Bytes[];
}

/**
 * @param code URN; default: the contract's, if it has one only
 * @param trustFile its bytes: the certified code names their digest, which is measured into host data
 * @throws CONTRACT_NOT_FOUND, TRUST_NOT_CERTIFIED, ARGUMENT_INVALID which code; the gate's reasons
 */
export async function agree(
  site: Site,
  id: string,
  { code, trustFile }: { code: string | undefined; trustFile: Bytes },
): Promise<Agreed> {
  const contract = await site.state.read(CONTRACT, id);
  if (!contract) throw new LedgerError('CONTRACT_NOT_FOUND', id);
  await site.pass('contract.activate', { contract: id, text: contract.text });
  const chosen = code ?? (contract.code.length === 1 ? contract.code[0]! : undefined);
  if (chosen === undefined) {
    throw fail('ARGUMENT_INVALID', `the contract allows several: one of ${contract.code.join(', ')}`);
  }
  const certified = await site.state.read(CODE, chosen);
  if (!certified) throw new LedgerError('CODE_REVOKED', `${chosen} was never certified`);
  // Whoever could swap the trust file could show the room a log of their own.
  const digest = site.crypto.sha256(trustFile);
  if (!equal(digest, certified.ledgerTrust)) {
    throw fail('TRUST_NOT_CERTIFIED', `SHA-256 ${toHex(digest)}, not ${toHex(certified.ledgerTrust)}`);
  }
  site.said('agreed', `${id} is in force`);
  return { id, contract, code: chosen, hostData: certified.hostData };
}
