/** Where a client keeps what convicts a log: one file for each contradiction, for everybody who has its trust file. */
import { join } from 'node:path';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { createFile, makeFolder } from '../platform/write-file.ts';
import {
  type ClaimedHead,
  type ClaimedLeaf,
  encodeMisbehaviour,
  makeMisbehaviour,
  type Trust,
} from '../verify/index.ts';
import type { MarkedHead } from './mark-file.ts';
import type { Call } from './transport.ts';

export interface MisbehaviourFolderOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  /** Made when there is something to keep. */
  readonly folder: string;
  /** Asks the log itself what a tree of its has at an index. */
  readonly leaf: (index: number, size: number, call: Call) => Promise<Omit<ClaimedLeaf, 'index'>>;
}

export class MisbehaviourFolder {
  readonly #options: MisbehaviourFolderOptions;

  constructor(options: MisbehaviourFolderOptions) {
    this.#options = options;
  }

  /**
   * Keeps two heads that contradict each other. What does not convict the log by itself is kept as an accusation.
   * @returns the path; undefined: it is not known any more under which signature one of them was seen
   * @throws what the file system throws
   */
  async keep(
    older: MarkedHead,
    newer: MarkedHead,
    path: readonly Bytes[],
    call: Call,
  ): Promise<string | undefined> {
    if (older.signed === undefined || newer.signed === undefined) return undefined;
    const { crypto, trust, folder } = this.#options;
    const heads = [older.signed, newer.signed] as const;
    const proof = await this.#proof(older, newer, heads, path, call);
    const file =
      proof ?? encodeMisbehaviour({ kind: 'unconnected', origin: trust.origin, heads, path: [...path] });
    const digest = toHex(crypto.sha256(file)).slice(0, 16);
    const name = `${proof ? 'misbehaviour' : 'accusation'}-${older.size}-${newer.size}-${digest}.cbor`;
    makeFolder(folder);
    try {
      createFile(join(folder, name), file, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return join(folder, name);
  }

  async #proof(
    older: MarkedHead,
    newer: MarkedHead,
    heads: readonly [ClaimedHead, ClaimedHead],
    path: readonly Bytes[],
    call: Call,
  ): Promise<Bytes | undefined> {
    const { crypto, trust } = this.#options;
    const make = (parts: Parameters<typeof makeMisbehaviour>[2]) => makeMisbehaviour(crypto, trust, parts);
    if (older.size === newer.size) return make({ kind: 'fork', heads });
    const shown = make({ kind: 'unconnected', heads, path });
    if (shown || older.size === 0) return shown;
    // The log's own proof of the last leaf that both trees have says what the newer one begins with.
    const index = older.size - 1;
    const leaf = await this.#leaf(index, newer.size, call);
    return leaf && make({ kind: 'rewrite', heads, leaf: { index, ...leaf } });
  }

  /** A log that was caught may answer nothing any more. */
  async #leaf(index: number, size: number, call: Call): Promise<Omit<ClaimedLeaf, 'index'> | undefined> {
    try {
      return await this.#options.leaf(index, size, call);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return undefined;
    }
  }
}
