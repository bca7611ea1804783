/**
 * Whether proofs that a server gives are right: of the leaves that the log was written with, under the head that it has signed.
 * What is fast and wrong is not fast.
 */
import { type Bytes, equal, fromBase64 } from '../src/core/bytes.ts';
import { treeRoot, verifyConsistency, verifyInclusion } from '../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { aichain } from '../src/proto/aichain.js';
import type { SignedTreeHead } from '../src/verify/index.ts';
import { grpcLoad } from './grpc-load.ts';
import { portOf } from './server.ts';

const { GetInclusionRequest, GetInclusionResponse, GetConsistencyRequest, GetConsistencyResponse } =
  aichain.v1;
export const INCLUSION = '/aichain.v1.LogService/GetInclusion';
export const CONSISTENCY = '/aichain.v1.LogService/GetConsistency';

interface Addresses {
  readonly grpc: string;
  readonly http: string;
}

export class ProofCheck {
  readonly #server: Addresses;
  readonly #head: SignedTreeHead;
  readonly #leaves: readonly Bytes[];

  /**
   * @param head under the log's verified signature
   * @param leaves their hashes, as the log was written with them
   * @throws the head is not one of these leaves
   */
  constructor(server: Addresses, head: SignedTreeHead, leaves: readonly Bytes[]) {
    const whole = head.size === leaves.length && equal(head.root, treeRoot(crypto, leaves));
    if (!whole) throw new Error('the signed head is not of the log that was written');
    this.#server = server;
    this.#head = head;
    this.#leaves = leaves;
  }

  /** Of each of these leaves, over gRPC. @throws one is not right */
  async inclusions(indices: readonly number[]): Promise<number> {
    for (const index of indices) {
      const body = await this.#call(INCLUSION, GetInclusionRequest.encode({ index }).finish());
      const told = GetInclusionResponse.decode(body);
      const [leafHash, path] = [told.leafHash as Bytes, told.path as Bytes[]];
      this.#checkInclusion(index, { index: Number(told.index), leafHash, path });
    }
    return indices.length;
  }

  /** The same as JSON over HTTP. */
  async inclusionsInJson(indices: readonly number[]): Promise<number> {
    for (const index of indices) {
      const answer = await fetch(new URL(`/v1/inclusion/${index}`, this.#server.http));
      if (!answer.ok) throw new Error(`the proof of leaf ${index}: ${answer.status}`);
      const told = (await answer.json()) as { index: number; leafHash: string; path: string[] };
      const [leafHash, path] = [fromBase64(told.leafHash), told.path.map(fromBase64)];
      this.#checkInclusion(index, { index: told.index, leafHash, path });
    }
    return indices.length;
  }

  /** That the log extends what it was at each of these sizes, over gRPC. */
  async consistencies(sizes: readonly number[]): Promise<number> {
    const { size: size2, root: root2 } = this.#head;
    for (const size1 of sizes) {
      const body = await this.#call(CONSISTENCY, GetConsistencyRequest.encode({ from: size1 }).finish());
      const proof = GetConsistencyResponse.decode(body).path as Bytes[];
      const root1 = treeRoot(crypto, this.#leaves.slice(0, size1));
      verifyConsistency(crypto, { size1, size2, root1, root2, proof });
    }
    return sizes.length;
  }

  #checkInclusion(index: number, told: { index: number; leafHash: Bytes; path: Bytes[] }): void {
    const leafHash = this.#leaves[index]!;
    if (told.index !== index || !equal(told.leafHash, leafHash)) {
      throw new Error(`a proof of another leaf than ${index}`);
    }
    verifyInclusion(crypto, { ...this.#head, index, leafHash, proof: told.path });
  }

  async #call(path: string, message: Bytes): Promise<Bytes> {
    const port = portOf(this.#server.grpc);
    const { sample } = await grpcLoad({ port, path, messages: [message], connections: 1, streams: 1 });
    return sample[0]!.body;
  }
}
