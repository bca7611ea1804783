/**
 * A clean room from beginning to end. Every step is logged before it is taken or allowed by a gate that is decided here, from what
 * the ledger proves; what any of them refuses ends the room. Plaintext is in the memory of this process and its training thread,
 * and nowhere else.
 */
import { join } from 'node:path';
import type { Privacy } from '../../chain/privacy.ts';
import type { ClientTls, LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { agree } from './agreed.ts';
import { attest, type EvidenceStore } from './attested.ts';
import { Author } from './author.ts';
import { mountBase, openBase } from './base-model.ts';
import { awaitHeld, type DataKey, obtainKeys } from './data-keys.ts';
import { deploy } from './deployed.ts';
import { end } from './ending.ts';
import type { EvidenceSource } from './evidence-source.ts';
import { Journal } from './journal.ts';
import type { KmsAddress } from './kms-client.ts';
import { clearTheWayOut, leave } from './leaving.ts';
import { forget, mount, openFiles } from './mounted.ts';
import { type PipelineFiles, readPlan } from './planned.ts';
import { awaitSettled, type Released, release } from './released.ts';
import { makeRoomKeys } from './room-keys.ts';
import { SealedFolder } from './sealed-folder.ts';
import { type Progress, type Proof, Site } from './site.ts';
import { complete, type Run, start, train } from './trained.ts';
import { TrainingThread } from './training-thread.ts';

export interface CleanroomOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  /** Bytes of the trust file that `client` verifies by: the certified code names their digest. */
  readonly trustFile: Bytes;
  /** CCRP or TDC of the contract. */
  readonly deployer: { readonly did: string; readonly key: PrivateKey };
  /** URN. */
  readonly contract: string;
  /** URN, if the contract allows several. */
  readonly code?: string;
  readonly files: PipelineFiles;
  /** File of the contract's base model, sealed if its weights are secret: training starts from it, not from a new network. */
  readonly baseModel?: Bytes;
  /** Folder with the encrypted files. */
  readonly data: string;
  /** Folder for what the room keeps to itself. */
  readonly work: string;
  /** Folder for the one file that leaves: empty, or made. */
  readonly out: string;
  /** Further folders that are written into while the room runs: none may be in `out`. */
  readonly written?: readonly string[];
  /** Made for the code: a simulated machine says that it runs it. */
  readonly evidence: (hostData: readonly Bytes[]) => EvidenceSource;
  readonly store: EvidenceStore;
  readonly kms: readonly KmsAddress[];
  readonly kmsTls?: ClientTls;
  /** Seconds that the room may live (default 3600); no longer than the contract. */
  readonly lifetime?: number;
  /** Seconds that verifiers, and those who pay, may take for each step (default 300). */
  readonly patience?: number;
  /** DID of who gets the model (default: the TDC); the ledger refuses anybody but the TDC. */
  readonly to?: string;
  readonly signal?: AbortSignal;
  readonly observe?: (progress: Progress) => void;
}

export interface CleanroomOutcome {
  readonly cleanroom: string;
  readonly run: string;
  readonly outputs: Run['outputs'];
  readonly spent: Privacy;
  readonly released: Released;
  /** What the gates answered on the way. */
  readonly proofs: readonly Proof[];
}

const LIFETIME = 3600;
const PATIENCE = 300;

/**
 * @throws what ended the room, by its code: a refusal of the ledger, the reason of a gate, a denial of the KMS, what is wrong with
 * pipeline or data; DEADLINE_EXCEEDED others did not do their part
 */
export async function runCleanroom(options: CleanroomOptions): Promise<CleanroomOutcome> {
  const { crypto, client, deployer: by, signal = new AbortController().signal, observe } = options;
  const site = new Site({ crypto, client, signal, ...(observe && { observe }) });
  const deployer = new Author({ crypto, client, issuer: by.did, key: by.key });
  const journal = new Journal(join(options.work, 'room.json'), site.origin);
  const left = journal.left;
  if (left !== undefined) {
    const told = await end(site, { cleanroom: left, deployer }, 'its process ended');
    if (!told) throw fail('UNAVAILABLE', `the ledger cannot be told that ${left} is over`);
    journal.end();
  }

  // What can be found wrong without the ledger is found before anything is logged.
  clearTheWayOut(options.out, [options.work, ...(options.written ?? [])]);
  const planned = readPlan(crypto, options.files);
  const folder = await SealedFolder.open(options.data);
  const agreed = await agree(site, options.contract, { code: options.code, trustFile: options.trustFile });
  const base = options.baseModel && (await mountBase(site, agreed.contract, options.baseModel));

  const keys = await makeRoomKeys(crypto);
  const id = site.urn('cleanroom');
  const room = new Author({ crypto, client, issuer: id, key: keys.signer });
  const run = site.urn('run');
  let thread: TrainingThread | undefined;
  let dataKeys: readonly DataKey[] = [];
  journal.begin(id);
  try {
    const { lifetime = LIFETIME, patience = PATIENCE } = options;
    const deployed = await deploy(site, deployer, agreed, planned, { seconds: lifetime, id, base });
    const files = await mount(site, folder, deployed.mounts);
    const until = () => Math.min(Date.now() + patience * 1000, deployed.deadline * 1000);
    const source = options.evidence(agreed.hostData);
    const attesting = { source, store: options.store, patienceMs: patience * 1000 };
    const record = await attest(site, deployer, keys, { agreed, deployed }, attesting);
    const asking = { id, room: record, agreed, keys, kms: options.kms, tls: options.kmsTls };
    await awaitHeld(site, asking, until());
    dataKeys = await obtainKeys(site, room, asking);
    const baseFile = base && (await openBase(site, base, dataKeys));
    await start(site, room, { id: run, cleanroom: id, planned, files, base });
    const { pipeline, supplement } = options.files;
    const tables = await openFiles(files, dataKeys);
    thread = new TrainingThread({ pipeline, supplement, tables, base: baseFile, reserve: record.privacy });
    // The thread has a copy.
    if (base?.dataKeyId !== undefined) baseFile?.fill(0);
    const reports = await train(site, room, thread, run);
    const trained = await thread.finish();
    const done = await complete(site, room, { run, room: record, planned, reports, trained });
    await thread.end();
    await awaitSettled(site, agreed, id, until());
    const released = await release(site, room, done, options.to ?? agreed.contract.tdc);
    await leave(options.out, site, done, released);
    await room.register('cleanroom.terminate', { id, reason: 'done' }, site.signal, 'WITNESSED');
    site.said('ended', 'done');
    journal.end();
    return { cleanroom: id, run, outputs: done.outputs, spent: done.spent, released, proofs: site.proofs };
  } catch (error) {
    // If the ledger cannot be told, the next start tells it.
    if (await end(site, { cleanroom: id, deployer, room, run }, reasonOf(error))) journal.end();
    throw error;
  } finally {
    await thread?.end();
    forget(dataKeys);
    keys.signer.secret.fill(0);
  }
}

/** What is said in public of why a room ended: a code, and nothing that might tell of the data. */
function reasonOf(error: unknown): string {
  return isLedgerError(error) ? error.code : (error as Error).name === 'AbortError' ? 'stopped' : 'INTERNAL';
}
