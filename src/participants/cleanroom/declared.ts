/** Whether files are what the ledger says may leave: asked by the room before it lets them go, and by the consumer that gets them. */
import { MODEL } from '../../chain/records/model.ts';
import { RUN } from '../../chain/records/run.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import { LedgerError } from '../../core/errors.ts';
import type { OutputFile } from './output-files.ts';
import type { Site } from './site.ts';

export interface Leaving {
  /** URN. */
  readonly model: string;
  /** URN. */
  readonly run: string;
  /** SHA-256 of the one file that all of it is sealed in. */
  readonly ciphertext: Bytes;
}

/** The first file is the model; each is declared by name, size and digest. @throws OUTPUT_NOT_DECLARED naming the first that is not */
export async function checkDeclared(
  site: Site,
  { model, run: id, ciphertext }: Leaving,
  files: readonly OutputFile[],
): Promise<void> {
  const [record, run] = [await site.state.read(MODEL, model), await site.state.read(RUN, id)];
  if (record?.run !== id || run?.state !== 'COMPLETED' || !sameBytes(record.ciphertext, ciphertext)) {
    throw new LedgerError('OUTPUT_NOT_DECLARED', 'the sealed file is not the one that was released');
  }
  const digests = files.map(({ bytes }) => site.crypto.sha256(bytes));
  if (!sameBytes(digests[0], record.digest)) {
    throw new LedgerError('OUTPUT_NOT_DECLARED', 'the model is not the one that was released');
  }
  for (const [i, { name, bytes }] of files.entries()) {
    const declared = run.outputs.some((output) => {
      return output.name === name && output.size === bytes.length && equal(output.digest, digests[i]!);
    });
    if (!declared) throw new LedgerError('OUTPUT_NOT_DECLARED', name);
  }
}

function sameBytes(a: Bytes | undefined, b: Bytes): boolean {
  return a !== undefined && equal(a, b);
}
