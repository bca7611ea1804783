/** docs/guides/depa-names.md: whatever it names is there. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { GATES, KINDS } from '../../src/chain/index.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { LedgerClient } from '../../src/client/index.ts';

const PROTO = new URL('../../proto/aichain/v1/', import.meta.url);
const page = readFileSync(new URL('../../docs/guides/depa-names.md', import.meta.url), 'utf8');
const named = [...page.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
const like = (pattern: RegExp) => named.filter((name) => pattern.test(name));

test('the seven names of the AI Chain API are mapped', () => {
  const verbs = ['Configure', 'Register', 'Run', 'Publish', 'Get', 'Trace', 'Validate'];
  const rows = [...page.matchAll(/^\| (\w+Provenance) \| .*`/gm)].map(([, name]) => name);
  assert.deepEqual(
    rows,
    verbs.map((verb) => `${verb}Provenance`),
  );
});

test('kinds and gates', () => {
  const known = new Set<string>([...KINDS.map(({ name }) => name), ...GATES.map(({ step }) => step)]);
  const kinds = like(/^[a-z]+(-[a-z]+)?\.[a-z]+$/).filter((name) => !name.endsWith('.json'));
  assert.ok(kinds.length > 30);
  for (const name of kinds) assert.ok(known.has(name), name);
});

test('commands, with their options', () => {
  const silent = { isTTY: false, write: () => undefined };
  const terminal = {
    stdin: [],
    stdout: silent,
    stderr: silent,
    env: {},
    signal: new AbortController().signal,
  };
  const program = createProgram(terminal as unknown as Terminal);
  const commands = like(/^aichain /);
  assert.ok(commands.length > 10);
  for (const line of commands) {
    let at: Command = program;
    for (const word of line.split(' ').slice(1)) {
      const below = at.commands.find((each) => each.name() === word);
      const option = at.options.find(({ long }) => long === word);
      assert.ok(below ?? option, line);
      at = below ?? at;
    }
  }
});

test('services, their methods, and methods of the client', () => {
  const protos = readdirSync(PROTO).map((name) => readFileSync(new URL(name, PROTO), 'utf8'));
  const methods = new Set<string>();
  for (const [, service, body] of protos.join('\n').matchAll(/^service (\w+) \{([\s\S]*?)^\}/gm)) {
    methods.add(service!);
    for (const [, method] of body!.matchAll(/\brpc (\w+)/g)) methods.add(`${service}.${method}`);
  }
  let service = '';
  const calls = like(/^(?:\w+Service)?(?:\.[A-Z]\w+)?$/);
  assert.ok(calls.length > 5);
  for (const call of calls) {
    // `.Impact` after `ProvenanceService.Trace` is one of the same service.
    if (!call.startsWith('.')) service = call.split('.')[0]!;
    const full = call.startsWith('.') ? service + call : call;
    assert.ok(methods.has(full), full);
  }
  for (const call of like(/^LedgerClient\./)) {
    assert.ok(call.split('.')[1]! in LedgerClient.prototype, call);
  }
});
