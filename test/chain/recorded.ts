/**
 * Nothing checks a record when it is written, and one that does not read stops the log: so for tests, each write of a rule
 * has to read back as what it is. Bodies and records are read straight from their bytes, as long as they are what they should be.
 */
import assert from 'node:assert/strict';
import { kindNamed } from '../../src/chain/kinds/index.ts';
import { readAnyHeader, readUsualHeader } from '../../src/chain/protected-header.ts';
import type { Write } from '../../src/chain/record.ts';
import { RECORDS } from '../../src/chain/records/index.ts';
import type { Statement } from '../../src/chain/statement.ts';
import { type Bytes, toHex } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import { readKnown } from '../../src/core/item-reader.ts';

const TYPES = new Map(RECORDS.map((record) => [record.type, record]));

export function assertRecords(writes: readonly Write[]): void {
  for (const [key, value] of writes) if (value) assertRecord(key, value);
}

/** What is taken of header and body straight from their bytes is what was read: nobody would notice if it never were. */
export function assertBody({ chain, protectedBytes, payload, body }: Statement): void {
  if (chain) assert.deepEqual(readUsualHeader(protectedBytes), readAnyHeader(protectedBytes));
  if (chain) assert.deepEqual(readKnown(payload, kindNamed(chain.kind)!.body.take), body);
}

function assertRecord(key: Bytes, value: Bytes): void {
  const [type] = decode(key) as readonly Cbor[];
  const record = TYPES.get(type as string);
  assert.ok(record, `no record is called ${type}`);
  const read = record.schema.read(decode(value), String(type));
  assert.equal(toHex(encode(read as Cbor)), toHex(value));
  // Read straight from the bytes: `decode` has the other way for what is not taken.
  assert.deepEqual(readKnown(value, record.schema.take), read);
  // As it is remembered: whoever reads it in another process has only the bytes.
  assert.deepEqual(record.decode(value), read);
}
