/**
 * Contracts that somebody has brought to be proposed: the text, and the terms that the machine will judge by. A draft binds
 * nobody, and is named by the digest of its terms: another one under the same contract’s id takes nothing from it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, equal, fromBase64url, fromUtf8, toBase64url, toHex, utf8 } from '../../core/bytes.ts';
import { type Cbor, encode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { importContract, type Problem, type Sources } from '../../depa/index.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';
import { bodyJson } from './body-json.ts';

export interface Draft {
  /** SHA-256 of the terms as contract.propose has them, base64url. */
  readonly draft: string;
  readonly contract: string;
  readonly text: string;
  /** SHA-256 of the text. */
  readonly digest: Bytes;
  /** Body of contract.propose, as JSON. */
  readonly terms: unknown;
}

/** What was drafted, and everything else that the files say: answered to who brought them, and not kept. */
export interface Drafted extends Draft {
  /** Of contract.propose. */
  readonly body: object;
  readonly bodies: readonly {
    readonly kind: string;
    readonly signer: string | null;
    readonly body: unknown;
  }[];
  readonly salt: Bytes;
}

export class DraftRefused extends LedgerError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const [{ code, file, path, message }] = problems as [Problem, ...Problem[]];
    super(code, `${[file, path].filter((part) => part !== '').join(': ')}: ${message}`);
    this.problems = problems;
  }
}

const MOST_DRAFTS = 4096;

interface DraftOptions {
  readonly crypto: Crypto;
  readonly folder: string;
  readonly origin: string;
  readonly now: () => number;
}

export class Drafts {
  readonly #options: DraftOptions;
  readonly #drafts = new Map<string, Draft>();

  /** @throws CONFIG_INVALID a file that is no draft */
  static async open(options: DraftOptions): Promise<Drafts> {
    makeFolder(options.folder);
    const drafts = new Drafts(options);
    for (const name of await readdir(options.folder)) {
      if (name.endsWith('.json')) drafts.#add(await read(options.crypto, join(options.folder, name)));
    }
    return drafts;
  }

  private constructor(options: DraftOptions) {
    this.#options = options;
  }

  /** @throws DraftRefused; UNAVAILABLE there is no room for more */
  make(sources: Sources, salt?: Bytes): Drafted {
    const { crypto, origin, now, folder } = this.#options;
    const at = Math.floor(now() / 1000);
    const imported = importContract(crypto, sources, { origin, at, salt: salt ?? crypto.randomBytes(32) });
    if (imported.problems.length > 0) throw new DraftRefused(imported.problems);
    const { body } = imported.bodies.find(({ kind }) => kind === 'contract.propose')!;
    const hash = crypto.sha256(encode(body as Cbor));
    const draft: Draft = {
      draft: toBase64url(hash),
      contract: (body as { id: string }).id,
      text: fromUtf8(sources.contract.bytes),
      digest: crypto.sha256(sources.contract.bytes),
      terms: bodyJson(body),
    };
    if (!this.#drafts.has(draft.draft)) {
      if (this.#drafts.size >= MOST_DRAFTS) throw fail('UNAVAILABLE', 'there is no room for more drafts');
      const { digest, ...kept } = draft;
      createFile(join(folder, `${toHex(hash)}.json`), `${JSON.stringify({ v: 1, ...kept })}\n`, 0o600);
      this.#add(draft);
    }
    const bodies = imported.bodies.map((each) => ({
      ...{ kind: each.kind, signer: each.signer ?? null, body: bodyJson(each.body) },
    }));
    return { ...draft, body, bodies, salt: imported.salt };
  }

  /** Of a contract, in the order in which they were brought since the start, those from before it first. */
  of(contract: string): readonly Draft[] {
    return [...this.#drafts.values()].filter((each) => each.contract === contract);
  }

  /** Whether terms were drafted here. @param payload of a contract.propose */
  has(payload: Bytes): boolean {
    return this.#drafts.has(toBase64url(this.#options.crypto.sha256(payload)));
  }

  /** The text with this digest. */
  text(digest: Bytes): string | undefined {
    return [...this.#drafts.values()].find((each) => equal(each.digest, digest))?.text;
  }

  #add(draft: Draft): void {
    this.#drafts.set(draft.draft, draft);
  }
}

async function read(crypto: Crypto, path: string): Promise<Draft> {
  try {
    const { v, draft, contract, text, terms } = JSON.parse(await readFile(path, 'utf8'));
    const whole = v === 1 && fromBase64url(draft).length === 32 && typeof contract === 'string';
    if (!whole || typeof text !== 'string') throw new Error('not a draft');
    return { draft, contract, text, terms, digest: crypto.sha256(utf8(text)) };
  } catch (cause) {
    throw fail('CONFIG_INVALID', `${path} is not a draft`, { cause });
  }
}
