/**
 * A program for the kill and sync tests: commits batches of four rows and the head, and reports each on standard
 * output once it is durable. Arguments: location, number of batches (default: until killed).
 */
import { writeSync } from 'node:fs';
import { fromU64be, u64be, utf8 } from '../../src/core/bytes.ts';
import { WriteBatch } from '../../src/storage/contract.ts';
import { openLevelStorage } from '../../src/storage/level.ts';

const [, , location, batches = 'Infinity'] = process.argv;
const storage = await openLevelStorage(location!);
const head = utf8('head');
const found = await storage.get(head);
const first = found ? fromU64be(found) + 1 : 1;
for (let n = first; n < first + Number(batches); n++) {
  const batch = new WriteBatch().put(head, u64be(n));
  for (let row = 0; row < 4; row++) batch.put(utf8(`r${n}/${row}`), new Uint8Array(2000).fill(n));
  await storage.write(batch);
  writeSync(1, `${n}\n`); // at once, in the order of the system calls
}
await storage.close();
