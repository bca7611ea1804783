/** The files of one `aichain quickstart`: a small log and its proofs, to be verified, inspected and damaged. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  formatCheckpoint,
  noteSigner,
  parseCheckpoint,
  parseNote,
  parseSignerKey,
  signNote,
} from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { aichain } from './fake-terminal.ts';

export interface Kept {
  /** Path of a file of the participant's. */
  path(name: string): string;
  bytes(name: string): Uint8Array;
  /** Writes beside them. @returns the path */
  write(name: string, content: Uint8Array | string): string;
  names(): string[];
  readonly statement: string;
  readonly trust: string;
  readonly checkpoint: string;
  /** A checkpoint with the log's own signature that the log never made. */
  forge(size: number, root: Uint8Array): string;
}

export async function keptFiles(folder: string): Promise<Kept> {
  const { code, stderr } = await aichain(['quickstart', '--keep', folder]);
  assert.equal(code, 0, stderr);
  const path = (name: string) => join(folder, 'proofs', name);
  const skey = readFileSync(join(folder, 'ledger-data', 'keys', 'checkpoint.skey'), 'utf8').trim();
  const { name, privateKey } = parseSignerKey(nodeCrypto, skey);
  const signer = noteSigner(nodeCrypto, name, privateKey);
  return {
    path,
    bytes: (file) => new Uint8Array(readFileSync(path(file))),
    write(file, content) {
      writeFileSync(path(file), content);
      return path(file);
    },
    names: () => readdirSync(join(folder, 'proofs')),
    statement: path('01-sample-contract.json.cose'),
    trust: path('trust.json'),
    checkpoint: path('checkpoint'),
    forge: (size, root) => signNote(formatCheckpoint({ origin: name, size, root }), [signer]),
  };
}

export function headOf(note: string) {
  return parseCheckpoint(parseNote(note).text);
}
