/**
 * Trust policy files, C2SP tlog-policy: which logs, which witnesses, and which sets of witnesses are enough.
 *
 * A file is read as a whole or refused as a whole. Two points are stricter than the specification: text must be UTF-8
 * (names are still compared character by character, never normalised), and a key cannot be a log's and a witness's,
 * because no key here serves two purposes.
 */
import { type Bytes, fromUtf8, toHex } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { parseVerifierKey, SIGNATURE_TYPE, type VerifierKey } from './verifier-key.ts';

export interface PolicyLog {
  /** Its name is the origin. */
  readonly key: VerifierKey;
  readonly url: string | undefined;
}

export interface PolicyWitness {
  /** The name inside the policy file; it need not be that of the key. */
  readonly name: string;
  /** Type 4 or 6. */
  readonly key: VerifierKey;
  readonly url: string | undefined;
}

/** What must have cosigned: a tree, since a name is a member of one group at most. */
export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly name: string; readonly key: VerifierKey }
  | {
      readonly kind: 'group';
      readonly name: string;
      /** 1 … members.length */
      readonly threshold: number;
      readonly members: readonly Quorum[];
    };

export interface TrustPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: Quorum;
}

/** Logs, and witnesses and groups together. C2SP recommends at least 32 of each; it also bounds how deep groups nest. */
const MAX_DEFINITIONS = 256;
const MAX_LENGTH = 1 << 20;

/**
 * @throws POLICY_MALFORMED with the number of the line
 * @example
 * parsePolicy('log example.com/log+…\nwitness w1 example.com/w1+…\nquorum w1\n')
 */
export function parsePolicy(text: string | Bytes): TrustPolicy {
  const lines = policyLines(text);
  const policy = new PolicyBuilder();
  for (const [index, line] of lines.entries()) {
    try {
      policy.line(line);
    } catch (cause) {
      const why = isLedgerError(cause) ? cause.message : String(cause);
      throw malformed(`line ${index + 1}: ${why}`, cause);
    }
  }
  return policy.done();
}

/** The lines of a policy file, or of a file with the same character set. @throws POLICY_MALFORMED */
export function policyLines(text: string | Bytes): string[] {
  if (text.length > MAX_LENGTH) throw malformed('longer than 1 MiB');
  let whole: string;
  try {
    whole = typeof text === 'string' ? text : fromUtf8(text);
  } catch (cause) {
    throw malformed('not UTF-8', cause);
  }
  // "Character set": tab and newline are the only control characters, U+007F is none of the allowed octets.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (!whole.isWellFormed() || /[\u0000-\u0008\u000b-\u001f\u007f]/.test(whole)) {
    throw malformed('a control character other than tab and newline');
  }
  // A last line cut short could name another witness: each line must be terminated.
  if (!whole.endsWith('\n')) throw malformed('the last line has no newline');
  return whole.slice(0, -1).split('\n');
}

class PolicyBuilder {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  /** Witnesses and groups share one namespace. */
  readonly #defined = new Map<string, Quorum>();
  readonly #grouped = new Set<string>();
  readonly #keys = new Set<string>();
  #quorum: Quorum | undefined;

  line(line: string): void {
    // White space is space and tab only: U+00A0 and the like belong to names.
    const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== '');
    if (keyword === undefined || keyword.startsWith('#')) return;
    if (keyword === 'log') this.#log(items);
    else if (keyword === 'witness') this.#witness(items);
    else if (keyword === 'group') this.#group(items);
    else if (keyword === 'quorum') this.#setQuorum(items);
    else throw malformed('neither log, witness, group nor quorum');
  }

  done(): TrustPolicy {
    if (!this.#quorum) throw malformed('no quorum line');
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum };
  }

  #log([vkey, url, ...rest]: string[]): void {
    if (vkey === undefined || rest.length > 0) throw malformed('log <vkey> [<url>]');
    if (this.#logs.length >= MAX_DEFINITIONS) throw malformed('too many logs');
    this.#logs.push({ key: this.#newKey(vkey), url });
  }

  #witness([name, vkey, url, ...rest]: string[]): void {
    if (name === undefined || vkey === undefined || rest.length > 0) {
      throw malformed('witness <name> <vkey> [<url>]');
    }
    const key = this.#newKey(vkey);
    // A plain note signature carries no time and is not a cosignature.
    if (key.type === SIGNATURE_TYPE.ED25519) throw malformed('a witness’s key has type 4 or 6');
    this.#define(name, { kind: 'witness', name, key });
    this.#witnesses.push({ name, key, url });
  }

  #group([name, size, ...names]: string[]): void {
    if (name === undefined || size === undefined || names.length === 0) {
      throw malformed('group <name> all|any|<k> <name>...');
    }
    const threshold = parseThreshold(size, names.length);
    const members = names.map((member) => this.#lookUp(member));
    for (const member of names) {
      // A witness that counted twice would meet a threshold of two alone.
      if (this.#grouped.has(member)) throw malformed(`${member} is a group member already`);
      this.#grouped.add(member);
    }
    this.#define(name, { kind: 'group', name, threshold, members });
  }

  #setQuorum([name, ...rest]: string[]): void {
    if (name === undefined || rest.length > 0) throw malformed('quorum <name>');
    if (this.#quorum) throw malformed('a second quorum line');
    this.#quorum = name === 'none' ? { kind: 'none' } : this.#lookUp(name);
  }

  #define(name: string, definition: Quorum): void {
    if (name === 'none') throw malformed('the name none is predefined');
    if (this.#defined.has(name)) throw malformed(`${name} is defined already`);
    if (this.#defined.size >= MAX_DEFINITIONS) throw malformed('too many witnesses and groups');
    this.#defined.set(name, definition);
  }

  #lookUp(name: string): Quorum {
    const definition = this.#defined.get(name);
    if (!definition) throw malformed(`${name} is not defined above`);
    return definition;
  }

  /** Keys are told apart by their bytes: another name or type does not make another cosigner of them. */
  #newKey(text: string): VerifierKey {
    const key = parseVerifierKey(text);
    const bytes = toHex(key.key);
    if (this.#keys.has(bytes)) throw malformed(`the key of ${key.name} is listed already`);
    this.#keys.add(bytes);
    return key;
  }
}

function parseThreshold(text: string, members: number): number {
  if (text === 'all') return members;
  if (text === 'any') return 1;
  const threshold = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : 0;
  if (threshold < 1 || threshold > members) throw malformed(`not a threshold for ${members} members`);
  return threshold;
}

function malformed(message: string, cause?: unknown) {
  return fail('POLICY_MALFORMED', message, { cause });
}
