/**
 * A scenario in a folder, in DEPA-Training's own shape: what the importer reads, and the providers' tables. Beside DEPA's files
 * are `overlay.json`, for what they lack (docs/guides/import.md), and `config/supplement.json`, the same for the pipeline; these
 * may be in a folder of their own, so that DEPA's is left as it came.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, fromUtf8, utf8 } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import type { SourceFile, Sources } from '../../depa/index.ts';

/** The overlay as it is read: the importer says what is wrong with it. */
// biome-ignore lint/suspicious/noExplicitAny: a file of many shapes, changed in two places and then read strictly.
export type Overlay = any;

export interface ScenarioFiles {
  readonly folder: string;
  readonly sources: Sources;
  /** Paths. */
  readonly pipeline: string;
  readonly supplement: string | undefined;
  /** The consumer's model that training starts from, if the contract names one: a path. */
  readonly baseModel: string | undefined;
  /** DEPA's template of a key import, to be filled in. */
  readonly keyImport: string | undefined;
  /** The providers' tables, by the owner that contract.json names: paths. */
  readonly tables: ReadonlyMap<string, string>;
}

const FILES = {
  contract: ['contract/contract.json'],
  pipeline: ['config/pipeline_config.json'],
  dataset: ['config/dataset_config.json'],
  scenario: ['scenario.json'],
  policy: ['policy/policy-in.json', 'policy/policy-in-template.json'],
  overlay: ['overlay.json'],
} as const;
const BASE_MODEL = 'model/base_model.safetensors';
const SUPPLEMENT = 'config/supplement.json';
const KEY_IMPORT = 'deployment/importkey-config-template.json';
const MAX_FILE = 8 << 20;

/**
 * @param overlay folder whose files come before those of the same name in the scenario's
 * @throws ARGUMENT_INVALID a file is not there, or is too large
 */
export function readScenario(folder: string, overlay?: string): ScenarioFiles {
  const folders = overlay === undefined ? [folder] : [overlay, folder];
  const found = (names: readonly string[]) =>
    folders.flatMap((each) => names.map((name) => ({ name, path: join(each, name) }))).find(isThere);
  const sources: Record<string, SourceFile> = {};
  const paths: Record<string, string> = {};
  for (const [role, names] of Object.entries(FILES)) {
    const file = found(names);
    if (!file) throw fail('ARGUMENT_INVALID', `${folders.join(' and ')}: no ${names[0]}`);
    sources[role] = { name: file.name, bytes: contentOf(file.path) };
    paths[role] = file.path;
  }
  return {
    folder,
    sources: sources as unknown as Sources,
    pipeline: paths.pipeline!,
    supplement: found([SUPPLEMENT])?.path,
    baseModel: found([BASE_MODEL])?.path,
    keyImport: found([KEY_IMPORT])?.path,
    tables: tablesIn(join(folder, 'data')),
  };
}

function isThere({ path }: { readonly path: string }): boolean {
  return existsSync(path);
}

/** The same scenario under another overlay. @throws ARGUMENT_INVALID the overlay is not JSON */
export function withOverlay(sources: Sources, change: (overlay: Overlay) => void): Sources {
  let overlay: Overlay;
  try {
    overlay = JSON.parse(fromUtf8(sources.overlay!.bytes));
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', 'overlay.json is not JSON', { cause });
  }
  if (typeof overlay !== 'object' || overlay === null)
    throw fail('ARGUMENT_INVALID', 'overlay.json is not an object');
  change(overlay);
  return { ...sources, overlay: { name: 'overlay.json', bytes: utf8(JSON.stringify(overlay)) } };
}

/** `data/<owner>/<table>.csv`. */
function tablesIn(folder: string): Map<string, string> {
  if (!existsSync(folder)) {
    throw fail('ARGUMENT_INVALID', `${folder} is missing: the tables of each provider, data/<owner>/*.csv`);
  }
  const tables = new Map<string, string>();
  for (const owner of readdirSync(folder, { withFileTypes: true })) {
    if (!owner.isDirectory()) continue;
    const files = readdirSync(join(folder, owner.name)).filter((name) => name.endsWith('.csv'));
    if (files.length !== 1)
      throw fail('ARGUMENT_INVALID', `${join(folder, owner.name)} has to have one table`);
    tables.set(owner.name, join(folder, owner.name, files[0]!));
  }
  return tables;
}

function contentOf(path: string): Bytes {
  if (statSync(path).size > MAX_FILE)
    throw fail('ARGUMENT_INVALID', `${path} is longer than ${MAX_FILE} bytes`);
  return Uint8Array.from(readFileSync(path));
}
