/**
 * The pure core: no I/O, no clock, no node modules. Everything that is needed to make statements and to verify what a
 * log says about them, in a browser as on a server.
 */
export * as attestation from './attestation/index.ts';
export * from './chain/index.ts';
export * from './core/bytes.ts';
export * from './core/cbor.ts';
export { CODES, type CodeClass, type CoreCode } from './core/codes.ts';
export type { Crypto, Hasher, PrivateKey, PublicKey, SignatureAlgorithm } from './core/crypto.ts';
export { nobleCrypto } from './core/crypto-noble.ts';
export { isLedgerError, LedgerError } from './core/errors.ts';
export * from './cose/index.ts';
export * from './depa/index.ts';
export * from './merkle/index.ts';
export * from './note/index.ts';
export * from './statemap/index.ts';
export * from './verify/index.ts';
