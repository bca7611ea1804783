/**
 * Reading a log over C2SP tlog-tiles, from whatever source: everything that comes out hashes to a head that the caller
 * trusts. Pure: the network is a driver's, signatures are the caller's, and what entries mean is nobody's here.
 */
export { type LogLeaf, LogReader } from './log-reader.ts';
export { TileFault } from './tile-fault.ts';
export type { TileSource } from './tile-source.ts';
