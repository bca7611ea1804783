/** `aichain policy check`: what a container policy lets the host do, before it becomes a clean room's host data. */
import { Command } from 'commander';
import { type ContainerPolicy, type Rego, type RegoMap, readContainerPolicy } from '../attestation/index.ts';
import { toBase64url, toHex } from '../core/bytes.ts';
import { LedgerError } from '../core/errors.ts';
import { containerPolicyText } from './appraisal-files.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import type { Json } from './terminal.ts';
import { treeText } from './tree-text.ts';

export function policy(context: Context): Command {
  return new Command('policy').summary('work with container policies').addCommand(check(context));
}

function check(context: Context): Command {
  return new Command('check')
    .summary('explain a container policy')
    .description(
      'Reads the container policy of a clean room (Rego, or the base64 of it), shows the host data that it stands for, which containers it lets run and with what, and whether anything is left open. It is not the appraisal policy.',
    )
    .argument('<file>', 'the policy; - is standard input')
    .action(async (file: string, options: CommonOptions) => {
      const { bytes } = await readInput(context.terminal, file);
      const found = readContainerPolicy(context.crypto, containerPolicyText(bytes));
      const description = describe(found);
      outputOf(context, options).answer(description, treeText(description));
      if (found.openness === 'closed') return;
      const code =
        found.openness === 'allows-all' ? 'CONTAINER_POLICY_ALLOWS_ALL' : 'CONTAINER_POLICY_UNKNOWN';
      throw new LedgerError(code, found.why ?? found.openness);
    });
}

/** Switches of the framework that let something out of, or into, the machine. */
const SWITCHES = [
  'allow_properties_access',
  'allow_dump_stacks',
  'allow_runtime_logging',
  'allow_environment_variable_dropping',
  'allow_unencrypted_scratch',
  'allow_capability_dropping',
] as const;

function describe({ hostData, openness, why, module }: ContainerPolicy): { readonly [name: string]: Json } {
  const rules = module?.rules ?? new Map<string, Rego>();
  return {
    hostData: toHex(hostData),
    hostDataBase64url: toBase64url(hostData),
    verdict: openness,
    why: why ?? 'every decision is left to the framework',
    framework: scalar(rules.get('framework_version') ?? rules.get('framework_svn')),
    containers: maps(rules.get('containers')).map(container),
    fragments: maps(rules.get('fragments')).map((fragment) => ({
      issuer: scalar(fragment.get('issuer')),
      feed: scalar(fragment.get('feed')),
      minimumSvn: scalar(fragment.get('minimum_svn')),
      includes: texts(fragment.get('includes')),
    })),
    externalProcesses: maps(rules.get('external_processes')).map((process) => texts(process.get('command'))),
    on: SWITCHES.filter((name) => rules.get(name) === true),
  };
}

function container(rules: RegoMap): Json {
  const environment = maps(rules.get('env_rules'));
  return {
    command: texts(rules.get('command')),
    layers: texts(rules.get('layers')).length,
    elevated: rules.get('allow_elevated') === true,
    standardStreams: rules.get('allow_stdio_access') === true,
    mayExecute: maps(rules.get('exec_processes')).map((process) => texts(process.get('command'))),
    mounts: maps(rules.get('mounts')).map((mount) => scalar(mount.get('destination'))),
    environment: environment.length,
    // A pattern can let the host choose what a program is told.
    environmentPatterns: environment
      .filter((rule) => rule.get('strategy') !== 'string')
      .map((rule) => scalar(rule.get('pattern'))),
  };
}

function maps(value: Rego | undefined): readonly RegoMap[] {
  return Array.isArray(value) ? value.filter((item): item is RegoMap => item instanceof Map) : [];
}

function texts(value: Rego | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function scalar(value: Rego | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'not stated';
}
