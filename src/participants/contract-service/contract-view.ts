/** A contract as the log has it, with the proofs: what was proposed, who has signed, and what has come of it. */
import {
  CONTRACT,
  type ContractRecord,
  objectStatus,
  parseStatement,
  type StateReader,
} from '../../chain/index.ts';
import type { LedgerClient, VerifiedHead } from '../../client/index.ts';
import { type Bytes, equal, toBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { bodyJson } from './body-json.ts';
import type { Drafts } from './drafts.ts';

export interface KnownContract {
  readonly record: ContractRecord;
  readonly read: StateReader;
  readonly head: VerifiedHead;
  /** Unix milliseconds of the state. */
  readonly time: number;
}

/** The record that is proven to be the current one; undefined: it is proven that there is none. */
export async function contractOf(client: LedgerClient, id: string): Promise<KnownContract | undefined> {
  const { head, tip, values } = await client.facts([CONTRACT.key(id)]);
  const value = values[0] ?? undefined;
  if (!value) return undefined;
  return { record: CONTRACT.decode(value), read: () => value, head, time: tip.time };
}

interface Parts {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly drafts: Drafts;
  readonly now: () => number;
}

/** @throws NOT_FOUND neither the log nor the service knows it */
export async function contractView({ crypto, client, drafts, now }: Parts, id: string) {
  const known = await contractOf(client, id);
  if (!known) return draftView(drafts, id);
  const { record, read, head, time } = known;
  const proof = async (index: number, is?: Bytes) => {
    const { leafData, statement } = await client.entry({ index });
    if (!statement || (is && !equal(leafData, is))) {
      throw fail('PREIMAGE_MISMATCH', `entry ${index} is not what the state names`);
    }
    const { receipt } = await client.getReceipt(leafData);
    const entry = { index, entryId: toBase64url(leafData), receipt: toBase64url(receipt) };
    return { entry, parsed: parseStatement(crypto, statement) };
  };
  const proposal = await proof(record.entry, record.proposal);
  const signed = await Promise.all(
    record.signatures.map(async ({ did, entry, at }) => ({ did, at, ...(await proof(entry)).entry })),
  );
  const state = objectStatus(read, id, Math.max(time, now()))?.state ?? record.state;
  return {
    ...{ id, state, version: record.version },
    text: { digest: toBase64url(record.text), content: drafts.text(record.text) ?? null },
    terms: bodyJson(proposal.parsed.body),
    proposal: { by: proposal.parsed.issuer, ...proposal.entry },
    signatories: record.signatories.map((did) => ({
      did,
      signed: signed.find((each) => each.did === did) ?? null,
    })),
    runs: { used: record.runs, allowed: record.maxRuns, open: record.openRooms },
    openPayments: record.openPayments,
    head: headJson(head),
  };
}

function draftView(drafts: Drafts, id: string) {
  const own = drafts.of(id);
  if (own.length === 0) throw fail('NOT_FOUND', `there is no contract ${id}`);
  return {
    ...{ id, state: 'DRAFT' },
    drafts: own.map(({ draft, text, digest, terms }) => ({
      ...{ draft, terms },
      text: { digest: toBase64url(digest), content: text },
    })),
  };
}

export function headJson({ size, root, checkpoint, witnessed }: VerifiedHead) {
  return { size, root: toBase64url(root), checkpoint, witnessed };
}
