/**
 * A container policy, whose SHA-256 is the host data of a report: what the host may ask the machine to run. It is not the
 * appraisal policy. Only a policy whose every decision is left to the framework can be said to bind the host.
 */

import { allowsAll } from '../core/allow-all.ts';
import { type Bytes, fromUtf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { deny } from './codes.ts';
import { readJsonMap } from './json.ts';
import { Reference, type Rego, type RegoModule, readRego } from './rego-literal.ts';

const MAX_CONTAINER_POLICY = 192 * 1024;

/** Decisions that let somebody run, mount or load something: each has to be the framework's. */
const DECISIONS = [
  'mount_device',
  'rw_mount_device',
  'mount_overlay',
  'create_container',
  'exec_in_container',
  'exec_external',
  'load_fragment',
  'plan9_mount',
] as const;
/** Decisions that let something out: the memory of a process, its output, a disk that is not encrypted. */
const OUTLETS = ['scratch_mount', 'get_properties', 'dump_stacks', 'runtime_logging'] as const;
/** Without these, there is no policy. */
const REQUIRED: readonly string[] = ['mount_overlay', 'create_container'];

export interface ContainerPolicy {
  /** SHA-256 of the text: what host data has to be. */
  readonly hostData: Bytes;
  readonly openness: 'closed' | 'allows-all' | 'unknown';
  /** Why it is not closed. */
  readonly why: string | undefined;
  readonly module: RegoModule | undefined;
}

/** A text that cannot be read is `unknown`. @throws EVIDENCE_TOO_LARGE */
export function readContainerPolicy(crypto: Hasher, text: Bytes): ContainerPolicy {
  if (text.length > MAX_CONTAINER_POLICY) {
    throw deny('EVIDENCE_TOO_LARGE', `a container policy of ${text.length} bytes`);
  }
  const hostData = crypto.sha256(text);
  const module = readModule(text);
  const finding = allowsAll(hostData)
    ? ({ openness: 'allows-all', why: 'a policy that is known to allow everything' } as const)
    : judge(text, module);
  return { hostData, module, ...finding };
}

function readModule(text: Bytes): RegoModule | undefined {
  try {
    return readRego(fromUtf8(text));
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

function judge(text: Bytes, module: RegoModule | undefined): Pick<ContainerPolicy, 'openness' | 'why'> {
  if (module?.name !== 'policy') return judgeJson(text);
  const { rules, unread } = module;
  const granted = DECISIONS.filter((name) => grants(rules.get(name)));
  if (granted.length > 0) return { openness: 'allows-all', why: `always allowed: ${granted.join(', ')}` };
  if (unread.length > 0) return { openness: 'unknown', why: `not understood: line ${unread.join(', ')}` };
  const own = [...DECISIONS, ...OUTLETS].filter((name) => !isFrameworks(name, rules.get(name)));
  return own.length === 0
    ? { openness: 'closed', why: undefined }
    : { openness: 'unknown', why: `not left to the framework: ${own.join(', ')}` };
}

/** The form before Rego, which is JSON. */
function judgeJson(text: Bytes): Pick<ContainerPolicy, 'openness' | 'why'> {
  try {
    if (readJsonMap(text).get('allow_all') === true)
      return { openness: 'allows-all', why: 'it says allow_all' };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
  }
  return { openness: 'unknown', why: 'neither Rego of the package policy, nor JSON that says allow_all' };
}

function grants(value: Rego | undefined): boolean {
  return value === true || (value instanceof Map && value.get('allowed') === true);
}

function isFrameworks(name: string, value: Rego | undefined): boolean {
  if (value === undefined) return !REQUIRED.includes(name);
  return value instanceof Reference && value.path === `data.framework.${name}`;
}
