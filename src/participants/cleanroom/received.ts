/** The consumer's side: a delivery is opened once the ledger proves that it was released, to this consumer and its key. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL } from '../../chain/records/model.ts';
import type { LedgerClient } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../../core/errors.ts';
import { ANSWERS_FILE, unpackAnswers } from '../gate-answers.ts';
import type { UnwrappingKey } from '../key-wrap.ts';
import { Author } from './author.ts';
import { checkDeclared } from './declared.ts';
import { modelStatedIn, openDelivery } from './delivery.ts';
import { SEALED } from './leaving.ts';
import type { OutputFile } from './output-files.ts';
import { Site } from './site.ts';

export interface Receiving {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  /** What the room has left: one file. */
  readonly folder: string;
  readonly consumer: {
    readonly did: string;
    /** Signs the receipt. */
    readonly key: PrivateKey;
    /** Listed with use `enc`. */
    readonly unwrapping: UnwrappingKey;
  };
  /** Stores the files: the log is told that they were received when it is done. */
  readonly keep?: (received: Pick<Received, 'files' | 'answers'>) => Promise<unknown>;
  readonly signal?: AbortSignal;
}

export interface Received {
  readonly model: string;
  /** Each of them is declared by the run. */
  readonly files: readonly OutputFile[];
  /** What gates have answered to the room, as it has declared, and then to us: bundles. */
  readonly answers: readonly Bytes[];
  /** Of `model.receive`. */
  readonly entry: number;
}

const MAX_SEALED = 1 << 30;

/**
 * @throws the reason of the gate; SEALED_FILE_INVALID, WRAPPED_KEY_INVALID altered, or for somebody else; OUTPUT_NOT_DECLARED a
 * file that the run does not declare, in the delivery or beside it; ARGUMENT_INVALID not a delivery
 */
export async function receiveModel(receiving: Receiving): Promise<Received> {
  const { crypto, client, folder, consumer, signal = new AbortController().signal } = receiving;
  const site = new Site({ crypto, client, signal });
  const sealed = deliveryIn(folder);
  const model = await modelStatedIn(sealed);
  const run = (await site.state.read(MODEL, model))?.run;
  if (run === undefined) throw new LedgerError('MODEL_NOT_RELEASED', model);
  const mine = consumer.unwrapping;
  const [ciphertext, wrapKid, to] = [crypto.sha256(sealed), crypto.sha256(mine.listed), consumer.did];
  await site.pass('model.release', { model, run, ciphertext, to, wrapKid });
  const addressee = { log: site.origin, model, to };
  const files = await openDelivery(crypto, addressee, mine, { sealed, ciphertext });
  await checkDeclared(site, { model, run, ciphertext }, files);
  const kept = files.find(({ name }) => name === ANSWERS_FILE);
  const answers = [...(kept ? unpackAnswers(kept.bytes) : []), ...site.proofs.map(({ bundle }) => bundle)];
  await receiving.keep?.({ files, answers });
  const author = new Author({ crypto, client, issuer: to, key: consumer.key });
  const { index } = await author.register('model.receive', { model, ciphertext }, signal);
  return { model, files, answers, entry: index };
}

/** @throws OUTPUT_NOT_DECLARED something else lies there, that the room would not have let go; ARGUMENT_INVALID */
function deliveryIn(folder: string): Bytes {
  const path = join(folder, SEALED);
  try {
    const other = readdirSync(folder).find((name) => name !== SEALED);
    if (other !== undefined) throw new LedgerError('OUTPUT_NOT_DECLARED', join(folder, other));
    if (statSync(path).size > MAX_SEALED) {
      throw fail('ARGUMENT_INVALID', `${path} is longer than ${MAX_SEALED} bytes`);
    }
    return Uint8Array.from(readFileSync(path));
  } catch (cause) {
    if (isLedgerError(cause)) throw cause;
    throw fail('ARGUMENT_INVALID', `cannot read ${path}`, { cause });
  }
}
