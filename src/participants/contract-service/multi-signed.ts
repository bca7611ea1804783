/**
 * Contracts that were signed with today's DEPA contract service come into the log: its COSE_Sign file, which has the text and
 * everybody's signature, and what the files beside it say of terms. The log verifies each signature; who signed that still
 * accepts the terms by a contract.sign of its own.
 */

import { readMultiSigned } from '../../chain/contract-text.ts';
import { isRefusal } from '../../chain/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import { LedgerError } from '../../core/errors.ts';
import type { Sources } from '../../depa/index.ts';
import type { Drafted, Drafts } from './drafts.ts';
import type { Registered, Registry } from './registry.ts';

interface Parts {
  readonly drafts: Drafts;
  readonly registry: Registry;
}

export interface Brought {
  readonly drafted: Drafted;
  readonly entry: Registered;
  /** DIDs. */
  readonly signers: readonly string[];
}

/** @throws what is wrong with the file; DraftRefused; the log's refusal, such as MULTISIG_SIGNATURE_INVALID */
export async function bringMultiSigned(
  { drafts, registry }: Parts,
  multiSigned: Bytes,
  files: Omit<Sources, 'contract'>,
): Promise<Brought> {
  const signed = readMultiSigned(multiSigned);
  if (isRefusal(signed))
    throw new LedgerError(signed.refused, signed.detail ?? 'not a multi-signed contract');
  const drafted = drafts.make({ ...files, contract: { name: 'contract', bytes: signed.text } });
  const { contentType } = signed;
  const statement = registry.sign('contract.import', { ...drafted.body, contentType, multiSigned });
  const entry = await registry.register(statement);
  return { drafted, entry, signers: signed.signers.map(({ did }) => did) };
}
