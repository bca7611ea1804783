/** Where a run keeps everything, and what each of its processes is given: certificates, keys, addresses. */
import { join } from 'node:path';
import type { ClientTls } from '../../client/index.ts';
import type { Crypto, PrivateKey, SignatureAlgorithm } from '../../core/crypto.ts';
import { encodePrivateKey } from '../../cose/index.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';
import { Authority } from './certificates.ts';

export class Site {
  readonly crypto: Crypto;
  readonly #folder: string;
  readonly #authority: Authority;
  readonly #issued = new Map<string, ClientTls>();

  constructor(crypto: Crypto, folder: string, now: number) {
    this.crypto = crypto;
    this.#folder = folder;
    this.#authority = new Authority('authority of this run', now);
    for (const name of ['', 'tls', 'keys', 'data', 'bundles']) makeFolder(this.path(name));
    createFile(this.path('tls', 'ca.pem'), this.#authority.cert, 0o644);
  }

  path(...names: string[]): string {
    return join(this.#folder, ...names);
  }

  /** A certificate of its own for each process, also for this one. */
  tls(name: string): ClientTls {
    const before = this.#issued.get(name);
    if (before) return before;
    const { cert, key } = this.#authority.issue(name);
    createFile(this.path('tls', `${name}.pem`), cert, 0o644);
    createFile(this.path('tls', `${name}.key`), key, 0o600);
    const made = { ca: this.#authority.cert, cert, key };
    this.#issued.set(name, made);
    return made;
  }

  /** What a server is told: its certificate, and that every client needs one. @param before of the flags: `http`, `grpc` */
  serverFlags(name: string, before = 'http'): string[] {
    this.tls(name);
    return [
      ...[`--${before}-tls-cert`, this.path('tls', `${name}.pem`)],
      ...[`--${before}-tls-key`, this.path('tls', `${name}.key`)],
      ...[`--${before}-tls-client-ca`, this.path('tls', 'ca.pem')],
    ];
  }

  clientFlags(name: string): string[] {
    this.tls(name);
    return [
      ...['--ca', this.path('tls', 'ca.pem'), '--cert', this.path('tls', `${name}.pem`)],
      ...['--cert-key', this.path('tls', `${name}.key`)],
    ];
  }

  /** A new key in a file of its own. */
  key(
    name: string,
    algorithm: SignatureAlgorithm = 'ES256',
  ): { readonly key: PrivateKey; readonly file: string } {
    const key = this.crypto.generatePrivateKey(algorithm);
    return { key, file: this.secret(`${name}.cosekey`, encodePrivateKey(key)) };
  }

  /** @returns its path */
  secret(name: string, content: Uint8Array | string): string {
    const file = this.path('keys', name);
    createFile(file, content, 0o600);
    return file;
  }
}
