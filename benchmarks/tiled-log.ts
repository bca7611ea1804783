/** A long log in memory, made fast: signed statements sequenced as the log does it, its tiles served as they are. */

import { parseStatement, rulesId, type StateEntry, signGenesis, signStatement } from '../src/chain/index.ts';
import { type Bytes, concat, toHex, utf8 } from '../src/core/bytes.ts';
import { fail } from '../src/core/errors.ts';
import { applyBatch } from '../src/log/batch.ts';
import {
  CompactRange,
  entryBundle,
  leafHash,
  parseTilePath,
  statementBundle,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from '../src/merkle/index.ts';
import { formatCheckpoint, noteSigner, signNote } from '../src/note/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { StateMap } from '../src/statemap/index.ts';
import type { Trust } from '../src/verify/index.ts';
import { type Member, statement } from './load.ts';
import { registration } from './registration.ts';

const ORIGIN = 'bench.example/log';
const SRO = 'did:web:sro.example';
const MEMBER = 'did:web:load.example';

export class TiledLog {
  readonly #leaves: { readonly data: Bytes; readonly statement: Bytes | null }[] = [];
  readonly #levels: Bytes[][] = [];
  readonly #range = CompactRange.empty();
  readonly #checkpointKey = crypto.generatePrivateKey('Ed25519');
  readonly #receiptKey = crypto.generatePrivateKey('ES256');
  readonly #sro = crypto.generatePrivateKey('ES256');
  readonly #member: Member = { did: MEMBER, key: crypto.generatePrivateKey('ES256') };
  readonly #signer = noteSigner(crypto, ORIGIN, this.#checkpointKey);
  readonly #byIndex = new Map<number, { entryId: Bytes; kind: string | null }>();
  readonly #tiles = new Map<string, Bytes>();
  #state = StateMap.empty;
  #tip: StateEntry | undefined;
  #head = new Uint8Array(0);

  constructor() {
    const issuedAt = Math.floor(Date.now() / 1000);
    const register = registration(ORIGIN, this.#member, issuedAt);
    this.commit([
      signGenesis(crypto, {
        ...{ origin: ORIGIN, simulated: true, sro: SRO, keys: [this.#sro], recoveryKid: new Uint8Array(32) },
        ...{ checkpointKey: this.#checkpointKey.publicKey, receiptKey: this.#receiptKey.publicKey, issuedAt },
      }),
      register,
    ]);
    this.commit([
      signStatement(crypto, this.#sro, {
        ...{ log: ORIGIN, kind: 'participant.verify', issuer: SRO, issuedAt },
        refs: [{ rel: 'after', index: 1, entry: crypto.sha256(register) }],
        body: { did: MEMBER, decision: 'verified', roles: ['TDC'], evidence: crypto.randomBytes(32) },
      }),
    ]);
  }

  /** A foreign statement, as a log gets it under load. */
  statement(n: number): Bytes {
    return statement(this.#member, n);
  }

  commit(statements: readonly Bytes[]): void {
    const applied = applyBatch(
      {
        ...{ crypto, origin: ORIGIN, rules: rulesId(crypto), start: this.#leaves.length, time: Date.now() },
        ...{ state: this.#state, previous: this.#tip, known: { byId: new Map(), byIndex: this.#byIndex } },
      },
      statements.map((bytes) => {
        const parsed = parseStatement(crypto, bytes);
        const { entryId } = parsed;
        return {
          statement: parsed,
          name: toHex(entryId),
          leafHash: leafHash(crypto, entryId),
          verified: true,
        };
      }),
    );
    for (const [i, { isStateEntry, bytes }] of applied.records.entries()) {
      const entryId = isStateEntry ? undefined : crypto.sha256(bytes);
      if (entryId && this.#leaves.length < 3) {
        this.#byIndex.set(this.#leaves.length, {
          entryId,
          kind: parseStatement(crypto, bytes).chain?.kind ?? null,
        });
      }
      this.#leaves.push({ data: entryId ?? bytes, statement: isStateEntry ? null : bytes });
      this.#range.append(crypto, applied.leafHashes[i]!, (level, index, hash) => {
        this.#levels[level] ??= [];
        this.#levels[level]![index] = hash;
      });
    }
    this.#state = applied.state;
    this.#tip = applied.tip ?? this.#tip;
    const text = formatCheckpoint({ origin: ORIGIN, size: this.size, root: this.#range.root(crypto) });
    this.#head = Uint8Array.from(utf8(signNote(text, [this.#signer])));
  }

  get size(): number {
    return this.#leaves.length;
  }

  get trust(): Trust {
    return {
      ...{ origin: ORIGIN, genesis: this.#leaves[0]!.data, checkpointKey: this.#signer.verifierKey },
      receiptKey: this.#receiptKey.publicKey,
    };
  }

  async head(): Promise<Bytes> {
    return this.#head;
  }

  async checkpoint(): Promise<Bytes> {
    return this.#head;
  }

  /** Made once: what is measured is who reads, not who serves. */
  async tile(path: string): Promise<Bytes> {
    const made = this.#tiles.get(path) ?? this.#tile(path);
    this.#tiles.set(path, made);
    return made;
  }

  /** Makes the bundles that a reader will ask for. */
  async warm(): Promise<void> {
    for (let n = 0; n * TILE_WIDTH < this.size; n++) {
      const width = tileWidth(0, n, this.size);
      for (const kind of ['entries', 'statements'] as const) await this.tile(tilePath(kind, n, width));
    }
  }

  #tile(path: string): Bytes {
    const { kind, index, width } = parseTilePath(path);
    if (width > tileWidth(typeof kind === 'number' ? kind : 0, index, this.size))
      throw fail('NOT_FOUND', path);
    const first = index * TILE_WIDTH;
    if (typeof kind === 'number') return concat(...this.#levels[kind * 8]!.slice(first, first + width));
    const leaves = this.#leaves.slice(first, first + width);
    if (kind === 'entries') return entryBundle(leaves.map(({ data }) => data));
    return statementBundle(leaves.map(({ statement }) => statement));
  }
}
