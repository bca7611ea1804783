// COSE as this log signs and reads it: Sign1, Sign, keys, receipts, hash envelopes (RFC 9052, 9679, 9942, 9995).
// Pure: bytes in, typed values or a LedgerError out; keys and hashes come in through core/crypto.ts.
// No policy here: who may sign what, and which kinds of statement there are, is in chain.
export * from './algorithm.ts';
export * from './cwt-claims.ts';
export * from './hash-envelope.ts';
export * from './header.ts';
export * from './key.ts';
export * from './key-set.ts';
export * from './problem-details.ts';
export * from './receipt.ts';
export * from './receipt-issue.ts';
export * from './receipt-verify.ts';
export * from './sign.ts';
export * from './sign1.ts';
export * from './transparent-statement.ts';
