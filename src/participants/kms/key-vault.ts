/**
 * Data keys at rest: each is the import statement of its owner, as it came, sealed to the wrap key. One file each, named by a
 * hash of owner and key id, so that nobody can take the name of another's key. A key is open in memory only while it is wrapped
 * for a clean room.
 */
import { timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, toHex } from '../../core/bytes.ts';
import { encode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { makeFolder } from '../../platform/write-file.ts';
import type { UnwrappingKey } from '../key-wrap.ts';
import { type KeyImport, openKeyImport, readKeyImport } from './import-request.ts';
import { replacePrivateFile } from './private-file.ts';

const MAX_KEYS = 100_000;

export class KeyVault {
  readonly #crypto: Crypto;
  readonly #folder: string;
  readonly #mine: UnwrappingKey;
  #count: number;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws CONFIG_INVALID the folder cannot be made or read */
  constructor(crypto: Crypto, folder: string, mine: UnwrappingKey) {
    this.#crypto = crypto;
    this.#folder = folder;
    this.#mine = mine;
    try {
      makeFolder(folder);
      this.#count = readdirSync(folder).length;
    } catch (cause) {
      throw fail('CONFIG_INVALID', `cannot use the folder ${folder}`, { cause });
    }
  }

  /** COSE_Key that data keys are sealed to. */
  get wrapKey(): Bytes {
    return this.#mine.listed;
  }

  /**
   * Keeps what was imported; the same key again is no second one, and a later statement of its owner may change what code it
   * is for. On disk when this resolves.
   * @throws WRAPPED_KEY_INVALID not sealed to this service, or for something else; ID_TAKEN the owner has imported another key
   * under this name: data may be encrypted with that; IAT_TOO_OLD a later statement says what code the key is for
   */
  keep(imported: KeyImport): Promise<void> {
    // One after the other: what is compared is what is replaced.
    const kept = this.#last.then(() => this.#keep(imported));
    this.#last = kept.catch(() => undefined);
    return kept;
  }

  async #keep(imported: KeyImport): Promise<void> {
    const { owner, dataKeyId, statement } = imported;
    const dataKey = await openKeyImport(this.#crypto, this.#mine, imported);
    const before = this.find(owner, dataKeyId);
    if (before && !(await this.#changes(before, imported, dataKey))) return;
    if (!before && this.#count >= MAX_KEYS) throw fail('UNAVAILABLE', 'no more keys can be kept here');
    replacePrivateFile(this.#path(owner, dataKeyId), statement.bytes);
    if (!before) this.#count++;
  }

  /** What the owner has imported under this name. @throws STORAGE_FAILED the file is damaged */
  find(owner: string, dataKeyId: string): KeyImport | undefined {
    let file: Bytes;
    try {
      file = new Uint8Array(readFileSync(this.#path(owner, dataKeyId)));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fail('STORAGE_FAILED', 'a key could not be read', { cause });
    }
    const found = this.#read(file);
    if (found.owner !== owner || found.dataKeyId !== dataKeyId) {
      throw fail('STORAGE_FAILED', 'a file of the vault has the name of another');
    }
    return found;
  }

  /** The data key itself. @throws WRAPPED_KEY_INVALID */
  open(kept: KeyImport): Promise<Bytes> {
    return openKeyImport(this.#crypto, this.#mine, kept);
  }

  /** Whether the same key is imported for other code, by a later statement. */
  async #changes(before: KeyImport, again: KeyImport, dataKey: Bytes): Promise<boolean> {
    if (!timingSafeEqual(await this.open(before), dataKey)) {
      throw fail('ID_TAKEN', `another key is kept as ${again.dataKeyId}`);
    }
    const names = ({ hostData }: KeyImport) => hostData.map(toHex).sort().join();
    if (names(before) === names(again)) return false;
    // One that was taken down on its way must not bring back what the owner has changed since.
    if (again.statement.issuedAt! <= before.statement.issuedAt!) {
      throw fail('IAT_TOO_OLD', `a later statement says what code ${again.dataKeyId} is for`);
    }
    return true;
  }

  #read(file: Bytes): KeyImport {
    try {
      return readKeyImport(this.#crypto, file);
    } catch (cause) {
      throw fail('STORAGE_FAILED', 'a file of the vault is damaged', { cause });
    }
  }

  #path(owner: string, dataKeyId: string): string {
    return join(this.#folder, `${toHex(this.#crypto.sha256(encode([owner, dataKeyId])))}.cose`);
  }
}
