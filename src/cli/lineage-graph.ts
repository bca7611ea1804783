/**
 * A lineage as a graph, for Graphviz and for Mermaid. Identifiers come from strangers: a URN may hold quotes, brackets
 * and whatever else is printable ASCII, so nodes have names of our own, and labels are escaped character by character.
 */
import type { LineageWalk } from '../client/index.ts';
import { toBase64url } from '../core/bytes.ts';

interface Graph {
  readonly nodes: readonly {
    readonly name: string;
    readonly lines: readonly string[];
    readonly ended: boolean;
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly label: string }[];
}

/** Arrows lead from what was made to what it was made from. */
function graphOf({ root, nodes }: LineageWalk): Graph {
  const all = [root, ...nodes];
  const names = new Map(all.map(({ id }, i) => [id, `n${i}`]));
  return {
    nodes: all.map(({ id, type, state, index, entryId, kind, stops }) => ({
      name: names.get(id)!,
      lines: [`${type} ${state ?? ''}`.trim(), id, `${kind} (entry ${index})`, toBase64url(entryId)],
      ended: stops.length > 0,
    })),
    edges: all.flatMap(({ edges }) =>
      edges.flatMap(({ from, to, relation, version }) => {
        const [source, target] = [names.get(from), names.get(to)];
        // What is not on this page, or of a type that was not asked for.
        if (source === undefined || target === undefined) return [];
        return [{ from: source, to: target, label: version === null ? relation : `${relation} v${version}` }];
      }),
    ),
  };
}

/** https://graphviz.org/doc/info/lang.html */
export function dotOf(walk: LineageWalk): string {
  const { nodes, edges } = graphOf(walk);
  return [
    'digraph lineage {',
    '  rankdir=LR;',
    '  node [shape=box];',
    ...nodes.map(({ name, lines, ended }) => {
      const label = lines.map(dotText).join('\\n');
      return `  ${name} [label="${label}"${ended ? ', color=red' : ''}];`;
    }),
    ...edges.map(({ from, to, label }) => `  ${from} -> ${to} [label="${dotText(label)}"];`),
    '}',
  ].join('\n');
}

/** In a quoted string a backslash begins an escape, some of which Graphviz replaces by names. */
function dotText(text: string): string {
  return visible(text).replace(/["\\]/g, '\\$&');
}

/** https://mermaid.js.org/syntax/flowchart.html */
export function mermaidOf(walk: LineageWalk): string {
  const { nodes, edges } = graphOf(walk);
  const ended = nodes.filter((node) => node.ended).map(({ name }) => name);
  return [
    'flowchart LR',
    ...nodes.map(({ name, lines }) => `  ${name}["${lines.map(mermaidText).join('<br/>')}"]`),
    ...edges.map(({ from, to, label }) => `  ${from} -->|"${mermaidText(label)}"| ${to}`),
    ...(ended.length > 0 ? ['  classDef ended stroke:#c00', `  class ${ended.join(',')} ended`] : []),
  ].join('\n');
}

/** Every character that could mean something to Mermaid, or to the page that it is drawn in, as its code point. */
function mermaidText(text: string): string {
  return visible(text).replace(/[^A-Za-z0-9 :._/()-]/gu, (character) => `#${character.codePointAt(0)};`);
}

/** Nothing that breaks lines or turns the direction of reading: identifiers are ASCII, claims of a server may not be. */
function visible(text: string): string {
  return text.replace(/[^ -~]/gu, '?');
}
