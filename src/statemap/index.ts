/**
 * The state map: a sparse Merkle tree over the records of the chain, immutable and shared between versions.
 * Keys and values are encoded bytes here; what they mean is the chain's business. Imports core only.
 */
export { StateMap } from './map.ts';
export { decodeProof, encodeProof, FactVerifier, type MapProof, verifyFact } from './proof.ts';
