/**
 * The Merkle tree of RFC 9162: hashing, growing, proving, verifying, and its form as tiles (C2SP tlog-tiles).
 * Pure functions over hashes; where the hashes are kept is nobody's business here. Imports core only.
 */
export { CompactRange, type NodeVisitor } from './compact-range.ts';
export {
  type ConsistencyClaim,
  type Count,
  type InclusionClaim,
  MAX_PATH,
  rootFromConsistency,
  rootFromInclusion,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts';
export {
  assembleProof,
  consistencyNodes,
  foldNodes,
  inclusionNodes,
  meetingLevel,
  type NodeGroups,
  type NodeId,
  perfectNodes,
  rootNodes,
} from './proof-nodes.ts';
export {
  entryBundle,
  nodeInTile,
  parseEntryBundle,
  parseStatementBundle,
  parseTilePath,
  statementBundle,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileKind,
  type TilePath,
  tileOfNode,
  tilePath,
  tileWidth,
} from './tile.ts';
export { emptyRoot, HASH_LENGTH, hashesOf, leafHash, nodeHash, treeRoot } from './tree.ts';
