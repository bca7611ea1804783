/** Whom a command trusts: a trust file, or the log's keys one by one. Never anything that is being verified. */
import type { Command } from 'commander';
import { fromBase64url, fromUtf8 } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeCoseKey, isEncryptionKey } from '../cose/index.ts';
import { parseVerifierKey } from '../note/index.ts';
import { parseTrust, type Trust } from '../verify/index.ts';
import type { Context } from './context.ts';
import { readInput } from './files.ts';

/** Where a trust file is looked for when none is named. */
export const TRUST_FILE = 'trust.json';

/** @throws ARGUMENT_INVALID, TRUST_MALFORMED */
export async function readTrust({ crypto, terminal }: Context, path: string): Promise<Trust> {
  const { bytes } = await readInput(terminal, path);
  try {
    return parseTrust(crypto, fromUtf8(bytes));
  } catch (cause) {
    if (!isLedgerError(cause, 'BYTES_MALFORMED')) throw cause;
    throw fail('TRUST_MALFORMED', `${path} is not text`, { cause });
  }
}

export interface TrustOptions {
  readonly trust?: string;
  readonly checkpointKey?: string;
  readonly receiptKey?: string;
  readonly origin?: string;
  readonly genesis?: string;
}

export function addTrustOptions(command: Command): Command {
  return command
    .option('--trust <file>', `trust file of the log (default: ${TRUST_FILE})`)
    .option('--checkpoint-key <vkey>', 'instead of a trust file: the log’s verifier key')
    .option('--receipt-key <key>', 'and its receipt key: a COSE_Key file, or the key in base64url')
    .option('--origin <origin>', 'and its origin (default: the name of the verifier key)')
    .option('--genesis <id>', 'and the entry id of its genesis, which facts are checked against');
}

/** Fits no genesis: facts that need one cannot be verified without --genesis. */
const NO_GENESIS = new Uint8Array(32);

export async function trustOf(context: Context, options: TrustOptions): Promise<Trust> {
  const { trust, checkpointKey: vkey, receiptKey, origin, genesis } = options;
  const explicit = [vkey, receiptKey, origin, genesis].some((option) => option !== undefined);
  if (!explicit) return readTrust(context, trust ?? TRUST_FILE);
  if (trust !== undefined) throw fail('ARGUMENT_INVALID', 'a trust file or keys, not both');
  if (vkey === undefined || receiptKey === undefined) {
    throw fail('ARGUMENT_INVALID', '--checkpoint-key and --receipt-key are both needed');
  }
  const checkpointKey = parseVerifierKey(vkey);
  if (origin !== undefined && origin !== checkpointKey.name) {
    throw fail('ORIGIN_MISMATCH', `the verifier key is that of ${checkpointKey.name}, not of ${origin}`);
  }
  return {
    origin: checkpointKey.name,
    genesis: genesis === undefined ? NO_GENESIS : entryIdOf(genesis),
    checkpointKey,
    receiptKey: await readReceiptKey(context, receiptKey),
  };
}

async function readReceiptKey({ crypto, terminal }: Context, text: string): Promise<Trust['receiptKey']> {
  // A COSE_Key in base64url begins with a map of two or more members, and no path does so by accident.
  const inline = /^p[A-Za-z0-9_-]{40,}$/.test(text);
  const key = decodeCoseKey(inline ? fromBase64url(text) : (await readInput(terminal, text)).bytes);
  if (isEncryptionKey(key)) throw fail('KEY_MALFORMED', 'an encryption key signs no receipts');
  return crypto.importPublicKey(key.algorithm, key.bytes);
}

/** @throws ARGUMENT_INVALID */
export function entryIdOf(text: string): Uint8Array {
  const bytes = /^[A-Za-z0-9_-]{43}$/.test(text) ? fromBase64url(text) : undefined;
  if (bytes?.length !== 32)
    throw fail('ARGUMENT_INVALID', 'an entry id is 32 bytes in base64url: 43 characters');
  return bytes;
}
