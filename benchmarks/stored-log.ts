/**
 * A log of many entries as it lies on disk, made without a server: registering a million statements takes minutes, and
 * what an audit reads is the same. Parts of the log itself write every row; only the signatures of the heads are left
 * out, which nobody stores.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEFAULT_POLICY,
  parseStatement,
  rulesId,
  type StateEntry,
  signGenesis,
  signStatement,
} from '../src/chain/index.ts';
import { type Bytes, toHex } from '../src/core/bytes.ts';
import { applyBatch } from '../src/log/batch.ts';
import { encodeHead, encodeMark, HEAD_KEY, MARK_KEY, recordKey, verdictsKey } from '../src/log/layout.ts';
import { LeafIndex } from '../src/log/leaf-index.ts';
import { LeafStore } from '../src/log/leaf-store.ts';
import { MARK_INTERVAL } from '../src/log/restore.ts';
import { LogTree } from '../src/log/tree.ts';
import { leafHash } from '../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { makeKeyFiles, readKeyFiles } from '../src/server/key-files.ts';
import { StateMap } from '../src/statemap/index.ts';
import { openLevelStorage, type Storage, WriteBatch } from '../src/storage/index.ts';
import { type Member, statement } from './load.ts';
import { registration } from './registration.ts';

const SRO = 'did:web:sro.example';
/** Statements in a run, and runs in a write. */
const RUN = 200;
const RUNS_A_WRITE = 20;
const REGISTER_EVERY = 100;

export interface StoredLogOptions {
  /** Is told of every tenth that is written. */
  readonly progress?: (text: string) => void;
  /** Is given the hash of every leaf in turn: whoever asks a server for proofs knows by them what is right. */
  readonly leaf?: (hash: Bytes) => void;
  /** One statement of so many registers a participant, which makes two records; the others are foreign. Infinity: none. */
  readonly registerEvery?: number;
}

/**
 * Writes a log of `size` leaves, at least, into `dataDir`, with keys that a server can start with.
 * @returns who signed the foreign statements, and may go on
 */
export async function writeStoredLog(
  dataDir: string,
  size: number,
  { progress, leaf, registerEvery = REGISTER_EVERY }: StoredLogOptions = {},
): Promise<Member> {
  mkdirSync(dataDir, { recursive: true });
  makeKeyFiles(crypto, join(dataDir, 'keys'));
  const keys = readKeyFiles(crypto, join(dataDir, 'keys'));
  const storage = await openLevelStorage(join(dataDir, 'db'));
  try {
    const writer = await Writer.in(storage, keys.origin, leaf);
    const sro = crypto.generatePrivateKey('ES256');
    const now = Math.floor(Date.now() / 1000);
    writer.run([
      signGenesis(crypto, {
        ...{ origin: keys.origin, simulated: true, sro: SRO, keys: [sro], issuedAt: now },
        recoveryKid: new Uint8Array(32).fill(7),
        checkpointKey: { algorithm: 'Ed25519', bytes: keys.log.checkpoint.verifierKey.key },
        receiptKey: keys.log.receipt.key.publicKey,
      }),
    ]);
    const bySro = (kind: string, body: object, refs: { rel: string; index: number; entry: Bytes }[] = []) =>
      signStatement(crypto, sro, { log: keys.origin, kind, issuer: SRO, issuedAt: now, body, refs });
    writer.run([bySro('policy.publish', { ...DEFAULT_POLICY, version: 1 })]);
    const member: Member = { did: 'did:web:load.example', key: crypto.generatePrivateKey('ES256') };
    const registered = registration(keys.origin, member, now);
    const index = writer.size;
    writer.run([registered]);
    const entry = crypto.sha256(registered);
    const verified = {
      did: member.did,
      decision: 'verified',
      roles: ['TDC'],
      evidence: crypto.randomBytes(32),
    };
    writer.run([bySro('participant.verify', verified, [{ rel: 'after', index, entry }])]);
    const nth = (n: number) =>
      n % registerEvery === 0 ? registration(keys.origin, newcomer(n), now) : statement(member, n);
    await fill(writer, size, nth, progress);
    return member;
  } finally {
    await storage.close();
  }
}

/** @param nth statement, by the leaf that it will about be */
async function fill(
  writer: Writer,
  size: number,
  nth: (n: number) => Bytes,
  progress?: (text: string) => void,
): Promise<void> {
  let next = size / 10;
  for (let runs = 0; writer.size < size; runs++) {
    const first = writer.size;
    writer.run(Array.from({ length: RUN }, (_, i) => nth(first + i)));
    if (runs % RUNS_A_WRITE !== 0) continue;
    await writer.write();
    if (writer.size < next) continue;
    next += size / 10;
    progress?.(`${writer.size.toLocaleString('en')} entries written`);
  }
  await writer.write();
}

function newcomer(n: number): Member {
  return { did: `did:web:newcomer-${n}.example`, key: crypto.generatePrivateKey('ES256') };
}

class Writer {
  readonly #storage: Storage;
  readonly #origin: string;
  readonly #rules = rulesId(crypto);
  readonly #leaves: LeafStore;
  readonly #tree: LogTree;
  readonly #index: LeafIndex;
  #state = StateMap.empty;
  #previous: StateEntry | undefined;
  #batch = new WriteBatch();
  readonly #leaf: ((hash: Bytes) => void) | undefined;

  static async in(storage: Storage, origin: string, leaf?: (hash: Bytes) => void): Promise<Writer> {
    const tree = LogTree.restore(crypto, storage, 0, []);
    return new Writer(storage, origin, tree, await LeafIndex.restore(crypto, storage, tree, []), leaf);
  }

  private constructor(
    storage: Storage,
    origin: string,
    tree: LogTree,
    index: LeafIndex,
    leaf: ((hash: Bytes) => void) | undefined,
  ) {
    this.#storage = storage;
    this.#origin = origin;
    this.#leaves = new LeafStore(storage);
    this.#tree = tree;
    this.#index = index;
    this.#leaf = leaf;
  }

  get size(): number {
    return this.#tree.size;
  }

  run(statements: readonly Bytes[]): void {
    const start = this.size;
    const parsed = statements.map((bytes) => parseStatement(crypto, bytes));
    const refs = parsed.flatMap(({ chain }) => chain?.refs ?? []);
    const applied = applyBatch(
      {
        ...{ crypto, origin: this.#origin, rules: this.#rules, start, time: Date.now() },
        ...{ state: this.#state, previous: this.#previous },
        known: {
          byId: new Map(refs.map(({ entry, index }) => [toHex(entry), index])),
          byIndex: new Map(
            refs.map(({ entry, index }) => [index, { entryId: entry, kind: 'participant.register' }]),
          ),
        },
      },
      parsed.map((one) => {
        const [name, hash] = [toHex(one.entryId), leafHash(crypto, one.entryId)];
        return { statement: one, name, leafHash: hash, verified: true };
      }),
    );
    const refused = applied.outcomes.find(({ type }) => type !== 'logged');
    if (refused) throw new Error(`not logged: ${JSON.stringify(refused)}`);
    for (const hash of applied.leafHashes) {
      this.#tree.append(hash);
      this.#index.add(hash);
      this.#leaf?.(hash);
    }
    this.#leaves.append(this.#batch, start, applied.records);
    for (const [key, value] of applied.writes) {
      if (value) this.#batch.put(recordKey(key), value);
      else this.#batch.del(recordKey(key));
    }
    if (applied.verdicts) this.#batch.put(verdictsKey(applied.tip!.index), applied.verdicts);
    this.#state = applied.state;
    this.#previous = applied.tip;
  }

  async write(): Promise<void> {
    const { size } = this;
    this.#tree.addWrites(this.#batch);
    // As a server has it that has read back what it wrote.
    this.#batch.put(MARK_KEY, encodeMark(size - (size % MARK_INTERVAL)));
    this.#batch.put(HEAD_KEY, encodeHead({ size, root: this.#tree.root(), origin: this.#origin }));
    await this.#storage.write(this.#batch);
    this.#batch = new WriteBatch();
    while (this.#index.due) await this.#index.store();
  }
}
