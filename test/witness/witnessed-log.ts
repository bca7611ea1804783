/** A log that only signs heads, and what it sends to witnesses: consistency proofs of a tree that it really has. */
import { utf8 } from '../../src/core/bytes.ts';
import type { Crypto, PrivateKey } from '../../src/core/crypto.ts';
import { assembleProof, consistencyNodes } from '../../src/merkle/index.ts';
import {
  formatAddCheckpoint,
  formatCheckpoint,
  type NoteSigner,
  noteSigner,
  signNote,
  type VerifierKey,
} from '../../src/note/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { GrownTree } from '../merkle/grown-tree.ts';

export class WitnessedLog {
  readonly origin: string;
  readonly signer: NoteSigner;
  readonly #tree: GrownTree;

  constructor(origin = 'example.com/log', size = 70, name = origin) {
    const key: PrivateKey = (crypto as Crypto).generatePrivateKey('Ed25519');
    this.origin = origin;
    this.signer = noteSigner(crypto, name, key);
    this.#tree = new GrownTree(crypto, size);
  }

  get key(): VerifierKey {
    return this.signer.verifierKey;
  }

  root(size: number): Uint8Array {
    return this.#tree.roots[size]!;
  }

  text(size: number, root = this.root(size)): string {
    return formatCheckpoint({ origin: this.origin, size, root });
  }

  checkpoint(size: number, root?: Uint8Array): string {
    return signNote(this.text(size, root), [this.signer]);
  }

  proof(from: number, to: number): Uint8Array[] {
    if (from === 0 || from >= to) return [];
    return assembleProof(crypto, consistencyNodes(from, to), this.#tree.hashOf);
  }

  /** An honest request. */
  request(old: number, size: number): string {
    return formatAddCheckpoint({ old, proof: this.proof(old, size), checkpoint: this.checkpoint(size) });
  }

  hash(): Uint8Array {
    return crypto.sha256(utf8(this.origin));
  }
}
