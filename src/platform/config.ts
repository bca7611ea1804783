/**
 * Reads the configuration: flag before environment variable before file before default, setting by setting.
 * Strict: what is not known is refused by name, so that a misspelt limit is not silently the default.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve, sep } from 'node:path';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { fail } from '../core/errors.ts';
import { CONFIG, type Config } from './config-schema.ts';

export type { Config } from './config-schema.ts';

/** One setting under its four names. */
export interface Setting {
  /** In the file, and in code: `httpTls.cert`. */
  readonly name: string;
  /** `AICHAIN_HTTP_TLS_CERT`. */
  readonly env: string;
  /** `--http-tls-cert VALUE`; commander's name for it, `httpTlsCert`, is the key in `flags`. */
  readonly flag: string;
  /** Text form of the default; undefined where there is none. */
  readonly default: string | undefined;
  readonly meaning: string;
}

export interface ConfigSources {
  /** Flags by their camel-case names; `undefined` is not given. */
  flags?: Readonly<Record<string, unknown>>;
  /** Default: the process's environment. `AICHAIN_CONFIG` names the file when `file` does not. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file. */
  file?: string | undefined;
}

interface Leaf extends Setting {
  readonly path: readonly string[];
  readonly key: string;
  readonly schema: TSchema & { type?: string; default?: unknown };
}

const PREFIX = 'AICHAIN_';
const FILE = 'AICHAIN_CONFIG';
// What Kubernetes and Docker links put into the environment beside a service that is called "aichain".
const INJECTED = /^AICHAIN_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/;

const LEAVES: readonly Leaf[] = leavesOf(CONFIG, []);

/** Every setting, in the order of the declaration; for `aichain env` and the reference documentation. */
export function describeConfig(): readonly Setting[] {
  return LEAVES.map(({ name, env, flag, default: value, meaning }) => {
    return { name, env, flag, default: value, meaning };
  });
}

/**
 * @throws CONFIG_INVALID a setting is unknown, of the wrong type, out of range or missing, or the file cannot be read;
 * the message names every such setting and where it was given, and never repeats a value
 * @example const config = loadConfig({ flags: program.opts(), file: program.opts().config });
 */
export function loadConfig({ flags = {}, env = process.env, file = env[FILE] }: ConfigSources = {}): Config {
  const stored = file === undefined ? {} : readFile(file);
  const problems = [...unknownFlags(flags), ...unknownVariables(env), ...unknownMembers(stored, file ?? '')];
  const config: Record<string, unknown> = {};
  for (const leaf of LEAVES) {
    const given = firstGiven(leaf, flags, env, stored, file);
    if (given === undefined) continue;
    const problem = problemOf(leaf, given.value);
    if (problem) problems.push(`${leaf.name} (${given.source}) ${problem}`);
    else place(config, leaf.path, given.value);
  }
  if (problems.length === 0) problems.push(...contradictions(config as Config));
  if (problems.length > 0) throw fail('CONFIG_INVALID', problems.join('; '));
  return config as Config;
}

function leavesOf(schema: TSchema, path: readonly string[]): Leaf[] {
  const { properties, ...own } = schema as { properties?: Record<string, TSchema>; description?: string };
  if (properties) return Object.entries(properties).flatMap(([name, of]) => leavesOf(of, [...path, name]));
  const words = path.flatMap((part) => part.split(/(?=[A-Z])/)).map((word) => word.toLowerCase());
  const { default: value, defaultText } = own as { default?: unknown; defaultText?: string };
  return [
    {
      path,
      schema,
      name: path.join('.'),
      env: PREFIX + words.join('_').toUpperCase(),
      flag: `--${words.join('-')}`,
      key: words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join(''),
      default: defaultText ?? (value === undefined ? undefined : String(value) || 'none'),
      meaning: own.description ?? '',
    },
  ];
}

function readFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw fail('CONFIG_INVALID', `${file} cannot be read as JSON`, { cause });
  }
  if (!isObject(value)) throw fail('CONFIG_INVALID', `${file} is not a JSON object`);
  return value;
}

function unknownFlags(flags: ConfigSources['flags'] & object): string[] {
  const given = Object.keys(flags).filter((key) => flags[key] !== undefined);
  return given
    .filter((key) => !LEAVES.some((leaf) => leaf.key === key))
    .map((key) => `${key} is not a known flag`);
}

function unknownVariables(env: ConfigSources['env'] & object): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && name !== FILE && !INJECTED.test(name))
    .filter((name) => !LEAVES.some((leaf) => leaf.env === name))
    .map((name) => `${name} is not a known variable`);
}

function unknownMembers(value: Record<string, unknown>, file: string, above: string[] = []): string[] {
  return Object.entries(value).flatMap(([key, member]) => {
    // By path, not by joined name: a member called "httpTls.key" is not the key of httpTls.
    const path = [...above, key];
    const name = path.join('.');
    const below = LEAVES.filter((leaf) => path.every((part, i) => leaf.path[i] === part));
    if (below.length === 0) return [`${name} (${file}) is not a known setting`];
    if (below.some((leaf) => leaf.path.length === path.length)) return [];
    return isObject(member) ? unknownMembers(member, file, path) : [`${name} (${file}) must be an object`];
  });
}

function firstGiven(
  leaf: Leaf,
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  stored: Record<string, unknown>,
  file: string | undefined,
): { value: unknown; source: string } | undefined {
  const flag = flags[leaf.key];
  if (flag !== undefined) return { value: parse(leaf, flag), source: leaf.flag };
  const variable = env[leaf.env];
  if (variable !== undefined) return { value: parse(leaf, variable), source: leaf.env };
  let found: unknown = stored;
  for (const part of leaf.path)
    found = isObject(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  if (found !== undefined) return { value: found, source: file ?? '' };
  const value = leaf.schema.default;
  return value === undefined ? undefined : { value: structuredClone(value), source: 'default' };
}

/** Text from a flag or variable as the type of the setting; what does not fit is left as it is, and fails there. */
function parse({ schema }: Leaf, given: unknown): unknown {
  if (typeof given !== 'string') return given;
  if (schema.type === 'integer') return /^(?:0|[1-9][0-9]*)$/.test(given) ? Number(given) : given;
  if (schema.type === 'array') return given.split(',').map((part) => part.trim());
  return given;
}

function problemOf(leaf: Leaf, value: unknown): string | undefined {
  // An empty variable is most often a template that was not filled in. Taking it as "not set" could, for instance,
  // switch off client certificates.
  if (value === '') return 'is empty; leave it out to have the default';
  const problem = Value.Errors(leaf.schema, value)[0];
  if (problem) {
    const { allowedValues } = problem.params as { allowedValues?: unknown[] };
    return allowedValues ? `must be one of ${allowedValues.join(', ')}` : problem.message;
  }
  if (leaf.name === 'trustProxy' && !(value as string[]).every(isNetwork)) {
    return 'must be IP addresses or networks in CIDR form';
  }
  return undefined;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** What no single setting shows. */
function* contradictions(config: Config): Iterable<string> {
  for (const name of ['httpTls', 'grpcTls'] as const) {
    for (const leaf of LEAVES) {
      const [group, member] = leaf.path;
      if (group !== name || member === 'clientCa' || !config[name]) continue;
      if (!(member! in config[name])) yield `${leaf.name} (${leaf.flag}, ${leaf.env}) is missing`;
    }
  }
  if (config.httpPort === config.grpcPort && config.httpPort !== 0 && config.httpHost === config.grpcHost) {
    yield 'httpPort and grpcPort are the same';
  }
  const { dataDir, highWaterFile } = config;
  if (highWaterFile !== undefined && resolve(highWaterFile).startsWith(resolve(dataDir) + sep)) {
    yield 'highWaterFile is in the data folder: it would be lost, and restored, together with the log';
  }
  if (config.maxQueuedBytes < config.maxStatementBytes) {
    yield 'maxQueuedBytes is less than maxStatementBytes: the largest statement could never be taken';
  }
}

function place(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) target[name] = value;
  else {
    target[name] ??= {};
    place(target[name] as Record<string, unknown>, rest, value);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
