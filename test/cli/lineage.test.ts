/** `aichain trace`, `impact`, `timeline` and `list` against a log that is served, and graphs of hostile names. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { dotOf, mermaidOf } from '../../src/cli/lineage-graph.ts';
import type { LineageNode, LineageWalk } from '../../src/client/index.ts';
import { formatTrust } from '../../src/verify/index.ts';
import { type Served, serve } from '../client/served.ts';
import { anyText } from '../core/any-text.ts';
import { REAL } from '../depa/scenario.ts';
import { crypto } from '../log/world.ts';
import { StoryLog } from '../service/story-log.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

describe('over a served log', { skip: REAL === undefined && 'no ../shared' }, () => {
  let story: StoryLog;
  let served: Served;
  let connection: string[];
  const file = testFolder();
  before(async () => {
    story = await (await StoryLog.begin()).tell();
    served = await serve(story.ledger);
    const trust = file('trust.json');
    writeFileSync(trust, formatTrust(crypto, story.trust));
    connection = ['--server', `127.0.0.1:${served.ports.grpc}`, '--trust', trust];
  });
  after(async () => {
    await served.close();
    await story.log.close();
  });

  test('trace as text, JSON, dot and mermaid', async () => {
    const id = story.story.urn('model');
    const { code, stdout, stderr } = await aichain(['trace', id, ...connection]);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^urn:depa:model:\S+ {2}RECEIVED {2}\(entry \d+, model\.release\)\n {2}entry id \S{43}\n {2}run → urn:depa:run:/,
    );
    assert.match(stderr, /verified: \d+ entries are in the log/);
    const json = await aichainJson(['trace', id, ...connection]);
    assert.equal(json.root.id, id);
    assert.deepEqual([json.nodes.length, json.verified, json.next], [8, true, null]);
    const dot = await aichain(['trace', id, '-o', 'dot', ...connection]);
    assert.match(dot.stdout, /^digraph lineage \{\n[\s\S]*n0 -> n\d+ \[label="run"\];[\s\S]*\n\}\n$/);
    const mermaid = await aichain(['trace', id, '-o', 'mermaid', '--no-verify', ...connection]);
    assert.match(mermaid.stdout, /^flowchart LR\n {2}n0\["model RECEIVED<br\/>urn:depa:model:/);
    assert.match(mermaid.stderr, /not verified/);
    // Whatever the form, each node can be fetched and proven.
    for (const node of [json.root, ...json.nodes]) {
      for (const form of [stdout, dot.stdout, mermaid.stdout]) {
        assert.ok(form.includes(`entry ${node.index}`) && form.includes(node.entryId), node.id);
      }
    }
  });

  test('impact, timeline and list', async () => {
    const dataset = story.story.contract.datasets[0].id;
    const impact = await aichainJson(['impact', dataset, '--type', 'model', ...connection]);
    assert.deepEqual(
      impact.nodes.map(({ id }: LineageNode) => id),
      [story.story.urn('model')],
    );
    const timeline = await aichain(['timeline', dataset, '--role', 'subject', 'named', ...connection]);
    assert.equal(timeline.code, 0, timeline.stderr);
    assert.match(timeline.stdout, /dataset\.register {2}\(entry \d+, \S{43}\)\n[\s\S]*named as datasets\.id/);
    const listed = await aichain(['list', 'contracts', '--state', 'signed', ...connection]);
    assert.match(listed.stdout, /^urn:depa:contract:\S+ {2}SIGNED/);
    const none = await aichain(['list', 'models', '--state', 'RECALLED', ...connection]);
    assert.equal(none.stdout, 'none\n');
  });

  test('what is not there, and what is wrongly asked', async () => {
    assert.equal((await aichain(['trace', 'did:web:nobody.example', ...connection])).code, 3);
    assert.equal((await aichain(['trace', 'nobody', ...connection])).code, 2);
    assert.equal((await aichain(['trace', story.sro.did, '--limit', 'x', ...connection])).code, 2);
    assert.equal((await aichain(['list', 'people', ...connection])).code, 2);
    assert.equal((await aichain(['timeline', story.sro.did, '-o', 'dot', ...connection])).code, 2);
  });
});

/** All that a URN, or a server that lies, can put into a graph. */
const hostile = fc.oneof(
  anyText({ maxLength: 40 }),
  fc.constantFrom(
    'urn:depa:model:"];evil[label="x:1',
    'urn:depa:model:\\":1',
    '\\N',
    'a"]\n  n9[shape=none',
    'end',
    '"]; click n0 "javascript:alert(1)"',
    '`**x**`',
    '<img src=x onerror=alert(1)>',
    '%%{init: {"securityLevel":"loose"}}%%',
    '#quot;',
    '|"| n0',
    '\u202eabc',
  ),
);
const node = (id: string, relation: string, state: string): LineageNode => ({
  ...{ id, type: id, index: 1, entryId: new Uint8Array(32), kind: relation, state, version: null, stops: [] },
  edges: [
    ...[{ from: id, to: id, relation, class: 'source' as const, version: null, index: 1 }].map((edge) => ({
      ...edge,
      entryId: new Uint8Array(32),
    })),
  ],
});

describe('graphs of hostile names', () => {
  const walks = fc.tuple(hostile, hostile, hostile).map(
    ([id, relation, state]): LineageWalk => ({
      ...{ size: 1, at: 1, next: null, truncated: false },
      root: node(id, relation, state),
      nodes: [],
    }),
  );

  test('dot: every line is one of ours, whatever is in the quotes', () => {
    const quoted = String.raw`"(?:[^"\\]|\\[\\"n])*"`;
    const line = new RegExp(
      String.raw`^(?:digraph lineage \{|  rankdir=LR;|  node \[shape=box\];|  n0 \[label=${quoted}\];|  n0 -> n0 \[label=${quoted}\];|\})$`,
    );
    fc.assert(
      fc.property(walks, (walk) => {
        for (const each of dotOf(walk).split('\n')) assert.match(each, line);
      }),
    );
  });

  test('mermaid: labels hold nothing but letters, spaces and code points', () => {
    const label = String.raw`"(?:[A-Za-z0-9 :._/()-]|#\d+;|<br/>)*"`;
    const line = new RegExp(String.raw`^(?:flowchart LR|  n0\[${label}\]|  n0 -->\|${label}\| n0)$`);
    fc.assert(
      fc.property(walks, (walk) => {
        for (const each of mermaidOf(walk).split('\n')) assert.match(each, line);
      }),
    );
  });
});
