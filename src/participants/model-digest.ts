/**
 * The digest of a model, as OpenSSF Model Signing 1.0 (https://model_signing/signature/v1.0, method "files") works it out:
 * SHA-256 of each file, and over all of them SHA-256 of those digests in the order of the files' paths. The paths
 * themselves are in the list of resources, which a signature covers, and not in that one digest.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Bytes, concat, toHex } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';

export interface ModelResource {
  /** Path within the folder, with `/`; `.` if the model is one file. */
  readonly name: string;
  /** SHA-256. */
  readonly digest: Bytes;
}

export interface ModelManifest {
  /** Last part of the path: informative. */
  readonly name: string;
  /** Sorted. */
  readonly resources: readonly ModelResource[];
  /** Over all resources. */
  readonly digest: Bytes;
}

/** What a signer leaves out: what a version control system, and the signature, put beside the model. */
export const IGNORED: readonly string[] = ['model.sig', '.git', '.gitignore', '.gitattributes', '.github'];

const MAX_FILES = 100_000;
const MAX_DEPTH = 64;

/** The manifest of what is there already as digests. @throws MODEL_MALFORMED no files, or one path twice */
export function manifestOf(hasher: Hasher, name: string, files: readonly ModelResource[]): ModelManifest {
  const resources = [...files].sort((a, b) => comparePaths(a.name, b.name));
  if (resources.length === 0) throw fail('MODEL_MALFORMED', 'no files');
  if (new Set(resources.map((file) => file.name)).size !== resources.length) {
    throw fail('MODEL_MALFORMED', 'one path twice');
  }
  return { name, resources, digest: hasher.sha256(concat(...resources.map(({ digest }) => digest))) };
}

/** Of a file or a folder. @throws MODEL_MALFORMED a link, or what is neither file nor folder; no files */
export async function digestModel(
  hasher: Hasher,
  path: string,
  ignored: readonly string[] = IGNORED,
): Promise<ModelManifest> {
  const files: ModelResource[] = [];
  const leftOut = new Set(ignored);
  const visit = async (at: string, parts: readonly string[]): Promise<void> => {
    const name = parts.join('/');
    if (leftOut.has(name)) return;
    const found = await lstat(at);
    // A link would make the digest say something of files outside.
    if (found.isFile()) files.push({ name: name === '' ? '.' : name, digest: await digestFile(at) });
    else if (found.isSymbolicLink()) throw fail('MODEL_MALFORMED', `${at} is a link: name what it leads to`);
    else if (!found.isDirectory()) throw fail('MODEL_MALFORMED', `${at} is neither a file nor a folder`);
    else if (parts.length > MAX_DEPTH) throw fail('MODEL_MALFORMED', `${at}: folders too deep`);
    else
      for await (const entry of await opendir(at)) await visit(join(at, entry.name), [...parts, entry.name]);
    if (files.length > MAX_FILES) throw fail('MODEL_MALFORMED', 'more files than are taken');
  };
  await visit(path, []);
  return manifestOf(hasher, basename(resolve(path)), files);
}

/** The statement that Model Signing signs (in-toto v1): what another tool's signature can be compared with. */
export function modelStatement({ name, resources, digest }: ModelManifest, ignored: readonly string[] = []) {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: toHex(digest) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ...(ignored.length > 0 && { ignore_paths: ignored }),
      },
      resources: resources.map((file) => ({
        name: file.name,
        algorithm: 'sha256',
        digest: toHex(file.digest),
      })),
    },
  };
}

async function digestFile(path: string): Promise<Bytes> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return Uint8Array.from(hash.digest());
}

/**
 * Part by part, each by code points, as the paths of Python's pathlib are ordered: `a/b` comes before `a.b`, which it would
 * not as a text.
 */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareCodePoints(left[i]!, right[i]!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
