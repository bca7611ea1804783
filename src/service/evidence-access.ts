/**
 * Who may read evidence over the network, and who may store it before the log names it: a file of lines, since evidence
 * identifies machines. Nobody whom it does not name may read; without the file nobody may.
 */
import { toHex, utf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';

/** What a request shows of its sender. */
export interface Credentials {
  /** Bearer token (RFC 6750). */
  readonly token?: string;
  /** Of a client certificate that the server trusts, as `subject:O=…,CN=…`. */
  readonly subject?: string;
}

type Right = 'read' | 'write';
/** `token sha256:<hex>` or `subject:…`. */
type Holder = string;

const LINE = /^(read|write)[ \t]+(?:token[ \t]+(sha256:[0-9a-f]{64})|subject[ \t]+(\S.*))$/;
/** A token below this could be guessed. */
const MIN_TOKEN = 32;
const MAX_TOKEN = 512;

export class EvidenceAccess {
  readonly #crypto: Hasher;
  readonly #rights: ReadonlyMap<Right, ReadonlySet<Holder>>;

  private constructor(crypto: Hasher, rights: ReadonlyMap<Right, ReadonlySet<Holder>>) {
    this.#crypto = crypto;
    this.#rights = rights;
  }

  /** Lets nobody in. */
  static nobody(crypto: Hasher): EvidenceAccess {
    return new EvidenceAccess(crypto, new Map());
  }

  /**
   * Lines `read token sha256:<hex of the token’s SHA-256>`, `write subject O=Example,CN=ccrp-1`; `#` begins a comment line.
   * @throws CONFIG_INVALID what is no such line: a right that was misspelt is nobody’s
   */
  static parse(crypto: Hasher, text: string): EvidenceAccess {
    const rights = new Map<Right, Set<Holder>>();
    text.split('\n').forEach((raw, i) => {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) return;
      const [, right, token, subject] = LINE.exec(line) ?? [];
      if (right === undefined) throw fail('CONFIG_INVALID', `line ${i + 1} of the evidence access file`);
      const holders = rights.get(right as Right) ?? new Set();
      rights.set(right as Right, holders.add(token === undefined ? `subject:${subject}` : `token ${token}`));
    });
    return new EvidenceAccess(crypto, rights);
  }

  allows(right: Right, { token, subject }: Credentials): boolean {
    const holders = this.#rights.get(right);
    if (!holders) return false;
    if (subject?.startsWith('subject:') && holders.has(subject)) return true;
    if (token === undefined || token.length < MIN_TOKEN || token.length > MAX_TOKEN) return false;
    // Compared by hash: how long that takes says nothing about the token.
    return holders.has(`token sha256:${toHex(this.#crypto.sha256(utf8(token)))}`);
  }
}
