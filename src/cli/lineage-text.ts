/** A lineage for people, and as JSON. */
import type { LineageNode, LineageWalk, Stop } from '../client/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { dotOf, mermaidOf } from './lineage-graph.ts';
import { printable } from './printable.ts';
import { FORMATS, type Json, type Output } from './terminal.ts';

export const GRAPH_FORMATS = [...FORMATS, 'dot', 'mermaid'] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

/** @param verified what has been verified of it */
export function answerWalk(output: Output, walk: LineageWalk, format: GraphFormat, verified: boolean): void {
  const text = format === 'dot' ? dotOf(walk) : format === 'mermaid' ? mermaidOf(walk) : walkText(walk);
  output.answer({ ...walkJson(walk), verified }, text);
  if (walk.truncated)
    output.progress('not complete: the walk grew too large; ask again from a node further on');
  if (walk.next !== null) output.progress(`more: --cursor ${walk.next}`);
  const entries = new Set(
    [walk.root, ...walk.nodes].flatMap((node) => [node.index, ...node.edges.map((e) => e.index)]),
  );
  output.progress(trustText(verified, entries.size));
}

/** What an answer from an index is worth. */
export function trustText(verified: boolean, entries: number): string {
  return verified
    ? `verified: ${entries} entries are in the log and say this; what a server leaves out cannot be noticed`
    : 'not verified: this is the word of the server';
}

function walkJson({ root, nodes, ...walk }: LineageWalk): { readonly [name: string]: Json } {
  return { ...walk, root: nodeJson(root), nodes: nodes.map(nodeJson) };
}

function nodeJson({ entryId, edges, stops, ...node }: LineageNode): Json {
  return {
    ...node,
    entryId: toBase64url(entryId),
    stops: stops.map((stop) => ({ ...stop })),
    edges: edges.map((edge) => ({ ...edge, entryId: toBase64url(edge.entryId) })),
  };
}

function walkText({ root, nodes }: LineageWalk): string {
  return [root, ...nodes].flatMap(nodeLines).join('\n');
}

function nodeLines({ id, state, index, entryId, kind, stops, edges }: LineageNode): string[] {
  return [
    `${printable(id)}  ${printable(state ?? 'no record')}  (entry ${index}, ${printable(kind)})`,
    `  entry id ${toBase64url(entryId)}`,
    ...stops.map((stop) => `  ${stopText(stop)}`),
    ...edges.map(({ relation, to, version, index: at }) => {
      const of = version === null ? '' : ` version ${version}`;
      return `  ${printable(relation)} → ${printable(to)}${of}${at === index ? '' : `  (entry ${at})`}`;
    }),
  ];
}

export function stopText({ version, entry, at, before }: Stop): string {
  const of = version === null ? '' : ` of version ${version}`;
  return `stop${of}: entry ${entry}, from ${timeText(at)}, was ${printable(before)}`;
}

export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString();
}
