/** The room proves what it is: evidence bound to its keys, its deployment and a head of the log, until verifiers have affirmed it. */
import {
  CLEANROOM,
  type CleanroomRecord,
  EVIDENCE,
  parseStatement,
  provePossession,
} from '../../chain/index.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { isLedgerError, LedgerError } from '../../core/errors.ts';
import type { Agreed } from './agreed.ts';
import type { Author } from './author.ts';
import type { Deployed } from './deployed.ts';
import type { EvidenceSource } from './evidence-source.ts';
import type { RoomKeys } from './room-keys.ts';
import type { Site } from './site.ts';

/** Where evidence is kept, so that verifiers can have it. */
export interface EvidenceStore {
  put(bytes: Bytes, cleanroom: string, signal: AbortSignal): Promise<Bytes>;
}

export interface Attesting {
  readonly source: EvidenceSource;
  readonly store: EvidenceStore;
  /** Milliseconds that verifiers may take. */
  readonly patienceMs: number;
}

/** The room as the ledger has it, with our keys. @throws CLEANROOM_NOT_ATTESTED with what verifiers found; DEADLINE_EXCEEDED */
export async function attest(
  site: Site,
  deployer: Author,
  keys: RoomKeys,
  { agreed, deployed }: { agreed: Agreed; deployed: Deployed },
  { source, store, patienceMs }: Attesting,
): Promise<CleanroomRecord> {
  const { id, entryId } = deployed;
  const { size, root } = await site.client.getCheckpoint({ signal: site.signal });
  const binding = {
    ...{ log: site.origin, cleanroom: id, deploy: entryId, head: { size, root } },
    ...{ signKey: keys.signKid, wrapKey: keys.wrapKid },
  };
  const bytes = await source.evidence(binding, site.signal);
  const evidence = site.crypto.sha256(bytes);
  const { signKey, wrapKid } = keys;
  const pop = provePossession(keys.signer, {
    ...{ log: site.origin, cleanroom: id, deploy: entryId, evidence, wrapKid },
  });
  const body = { id, tee: source.tee, evidence, signKey, wrapKey: keys.unwrapping.listed, pop };
  const { index } = await deployer.register('cleanroom.attest', body, site.signal);
  await store.put(bytes, id, site.signal);
  const until = Date.now() + patienceMs;
  const room = await site.state.waitFor('the verifiers', until, () =>
    affirmed(site, { agreed, id, evidence, signKid: keys.signKid, after: index }),
  );
  site.said('attested', `${source.tee} evidence affirmed`, index);
  return room;
}

interface Listed {
  readonly agreed: Agreed;
  readonly id: string;
  readonly evidence: Bytes;
  readonly signKid: Bytes;
  /** Index of its listing. */
  readonly after: number;
}

/** Undefined: not yet. */
async function affirmed(site: Site, listed: Listed): Promise<CleanroomRecord | undefined> {
  const { agreed, id, evidence, signKid } = listed;
  const room = await site.state.read(CLEANROOM, id);
  if (!room) return undefined;
  if (room.blocked) throw new LedgerError('CLEANROOM_BLOCKED', `by entry ${room.blocked.entry}`);
  if (room.signKid && equal(room.signKid, signKid)) return room;
  const { results = [] } = (await site.state.read(EVIDENCE, id, evidence)) ?? {};
  const against = new Set(
    results.filter(({ result }) => result !== 'affirming').map((each) => each.verifier),
  );
  const { verifiers, quorum } = agreed.contract;
  if (verifiers.length - against.size >= quorum) return undefined;
  throw new LedgerError('CLEANROOM_NOT_ATTESTED', await findings(site, listed));
}

/** What verifiers say of it, as they logged it: which checks failed. */
async function findings(site: Site, { id, after }: Listed): Promise<string> {
  const failed: string[] = [];
  for await (const { statement } of site.client.entries(after + 1, undefined, { signal: site.signal })) {
    const parsed = statement && chainStatement(site, statement);
    if (parsed?.chain?.kind !== 'cleanroom.appraise') continue;
    const said = parsed.body as {
      readonly id: string;
      readonly checks: readonly { name: string; passed: boolean; value?: string }[];
    };
    if (said.id !== id) continue;
    for (const { name, passed, value } of said.checks) {
      if (!passed) failed.push(value === undefined ? name : `${name}: ${value}`);
    }
  }
  return failed.length === 0 ? 'the verifiers do not affirm the evidence' : failed.join('; ');
}

function chainStatement(site: Site, statement: Bytes) {
  try {
    return parseStatement(site.crypto, statement);
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}
