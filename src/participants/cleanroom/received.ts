/** The consumer's side: a delivery is opened once the ledger proves that it was released, to this consumer and its key. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL } from '../../chain/records/model.ts';
import { RUN } from '../../chain/records/run.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, equal, fromUtf8 } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../../core/errors.ts';
import type { UnwrappingKey } from '../key-wrap.ts';
import { Author } from './author.ts';
import { openDelivery } from './delivery.ts';
import { DELIVERY, SEALED, WRAPPED } from './leaving.ts';
import type { OutputFile } from './output-files.ts';
import { Site } from './site.ts';

export interface Receiving {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  /** What the room has left. */
  readonly folder: string;
  readonly consumer: {
    readonly did: string;
    /** Signs the receipt. */
    readonly key: PrivateKey;
    /** Listed with use `enc`. */
    readonly unwrapping: UnwrappingKey;
  };
  /** Stores the files: the log is told that they were received when it is done. */
  readonly keep?: (files: readonly OutputFile[]) => Promise<unknown>;
  readonly signal?: AbortSignal;
}

export interface Received {
  readonly model: string;
  /** Each of them is declared by the run. */
  readonly files: readonly OutputFile[];
  /** Of `model.receive`. */
  readonly entry: number;
}

const MAX_SEALED = 1 << 30;
const MAX_SMALL = 1 << 20;

/**
 * @throws the reason of the gate; SEALED_FILE_INVALID, WRAPPED_KEY_INVALID altered, or for somebody else; OUTPUT_NOT_DECLARED a
 * file that the run does not declare; ARGUMENT_INVALID not a delivery
 */
export async function receiveModel(receiving: Receiving): Promise<Received> {
  const { crypto, client, folder, consumer, signal = new AbortController().signal } = receiving;
  const site = new Site({ crypto, client, signal });
  const { model, run: said } = deliveryIn(folder);
  const [sealed, wrapped] = [content(folder, SEALED, MAX_SEALED), content(folder, WRAPPED, MAX_SMALL)];
  const mine = consumer.unwrapping;
  const [ciphertext, wrapKid, to] = [crypto.sha256(sealed), crypto.sha256(mine.listed), consumer.did];
  await site.pass('model.release', { model, run: said, ciphertext, to, wrapKid });
  const addressee = { log: site.origin, model, to };
  const files = await openDelivery(crypto, addressee, mine, { sealed, wrapped, ciphertext });
  await checkDeclared(site, model, said, files);
  await receiving.keep?.(files);
  const author = new Author({ crypto, client, issuer: to, key: consumer.key });
  const { index } = await author.register('model.receive', { model, ciphertext }, signal);
  return { model, files, entry: index };
}

/** The first file is the model; the run has declared all of them. */
async function checkDeclared(
  site: Site,
  model: string,
  id: string,
  files: readonly OutputFile[],
): Promise<void> {
  const [record, run] = [await site.state.read(MODEL, model), await site.state.read(RUN, id)];
  const digests = files.map(({ bytes }) => site.crypto.sha256(bytes));
  if (!record || !run || !digests[0] || !equal(digests[0], record.digest)) {
    throw new LedgerError('OUTPUT_NOT_DECLARED', 'the model is not the one that was released');
  }
  for (const [i, digest] of digests.entries()) {
    const declared = run.outputs.some((output) => equal(output.digest, digest));
    if (!declared) throw new LedgerError('OUTPUT_NOT_DECLARED', files[i]!.name);
  }
}

/** What is said there only tells what to ask the ledger for. */
function deliveryIn(folder: string): { model: string; run: string } {
  try {
    const { model, run } = JSON.parse(fromUtf8(content(folder, DELIVERY, MAX_SMALL))) as Record<
      string,
      unknown
    >;
    if (typeof model === 'string' && typeof run === 'string') return { model, run };
  } catch (cause) {
    if (isLedgerError(cause, 'ARGUMENT_INVALID')) throw cause;
  }
  throw fail('ARGUMENT_INVALID', `${join(folder, DELIVERY)} does not say which model and run`);
}

function content(folder: string, name: string, max: number): Bytes {
  const path = join(folder, name);
  try {
    if (statSync(path).size > max) throw fail('ARGUMENT_INVALID', `${path} is longer than ${max} bytes`);
    return Uint8Array.from(readFileSync(path));
  } catch (cause) {
    if (isLedgerError(cause)) throw cause;
    throw fail('ARGUMENT_INVALID', `cannot read ${path}`, { cause });
  }
}
