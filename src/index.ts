/**
 * The package for Node: the client SDK, which verifies everything that it receives, and the node crypto back end.
 * What runs anywhere, browsers included, is in ./pure.ts.
 */
export * from './client/index.ts';
export { nodeCrypto } from './platform/crypto-node.ts';
export * from './pure.ts';
