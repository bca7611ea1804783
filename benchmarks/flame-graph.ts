/** A CPU profile of V8 as a flame graph: width is time, callers below what they call. */
import { type Place, sourceOf } from './source-place.ts';

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Place & { readonly functionName: string };
    readonly children?: readonly number[];
  }[];
  readonly samples?: readonly number[];
  /** Microseconds. */
  readonly timeDeltas?: readonly number[];
}

interface Frame {
  readonly name: string;
  /** Microseconds: here, and in all that is called from here. */
  self: number;
  total: number;
  readonly called: Map<string, Frame>;
}

const IDLE = new Set(['(idle)', '(program)', '(root)']);
const [WIDTH, ROW, LETTER] = [1200, 17, 6.6];
/** Narrower frames cannot be seen. */
const NARROWEST = 0.3;

/** Functions by the time that they themselves took, longest first; waiting is left out. */
export function selfTimes(profile: CpuProfile): {
  readonly busySeconds: number;
  readonly functions: readonly { readonly name: string; readonly seconds: number }[];
} {
  const times = new Map<string, number>();
  const visit = ({ name, self, called }: Frame) => {
    if (!IDLE.has(name)) times.set(name, (times.get(name) ?? 0) + self / 1e6);
    for (const frame of called.values()) visit(frame);
  };
  visit(frames(profile));
  const functions = [...times].map(([name, seconds]) => ({ name, seconds }));
  functions.sort((a, b) => b.seconds - a.seconds);
  return { busySeconds: functions.reduce((sum, { seconds }) => sum + seconds, 0), functions };
}

/** @returns SVG with the name, time and share of each frame as its title */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = frames(profile);
  for (const name of IDLE) {
    root.total -= root.called.get(name)?.total ?? 0;
    root.called.delete(name);
  }
  const rows: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, x: number, level: number) => {
    const width = (frame.total / root.total) * WIDTH;
    if (width < NARROWEST) return;
    depth = Math.max(depth, level);
    rows.push(rectangle(frame, { x, width, level, share: frame.total / root.total }));
    let at = x;
    for (const called of [...frame.called.values()].sort((a, b) => b.total - a.total)) {
      draw(called, at, level + 1);
      at += (called.total / root.total) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = (depth + 2) * ROW;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11">
<text x="4" y="12">${escaped(title)}</text>
<g transform="translate(0 ${height - ROW}) scale(1 1)">
${rows.join('\n')}
</g>
</svg>
`;
}

function rectangle(
  { name, total }: Frame,
  box: { x: number; width: number; level: number; share: number },
): string {
  const { x, width, level, share } = box;
  const y = -level * ROW;
  const fits = Math.floor(width / LETTER);
  const text =
    fits < 4 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(name.slice(0, fits))}</text>`;
  const about = `${name}: ${(total / 1e6).toFixed(2)} s, ${(share * 100).toFixed(1)} %`;
  return `<g><title>${escaped(about)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(name)}"/>${text}</g>`;
}

/** The same for the same function, so that two graphs can be compared. */
function colour(name: string): string {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)!) >>> 0;
  return `hsl(${20 + (hash % 40)} 85% ${62 + ((hash >>> 8) % 16)}%)`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.codePointAt(0)};`);
}

/** Samples put together by the names of the functions on their way from the root. */
function frames({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Frame {
  const self = new Map<number, number>();
  samples.forEach((id, i) => {
    self.set(id, (self.get(id) ?? 0) + (timeDeltas[i] ?? 0));
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Frame = { name: '(root)', self: 0, total: 0, called: new Map() };
  const add = (id: number, into: Frame): number => {
    const { callFrame, children = [] } = byId.get(id)!;
    const name = `${callFrame.functionName || '(anonymous)'} ${sourceOf(callFrame)}`.trimEnd();
    let frame = into.called.get(name);
    if (!frame) {
      frame = { name, self: 0, total: 0, called: new Map() };
      into.called.set(name, frame);
    }
    const own = self.get(id) ?? 0;
    const below = children.reduce((sum, child) => sum + add(child, frame), 0);
    frame.self += own;
    frame.total += own + below;
    return own + below;
  };
  const [first] = nodes;
  if (!first) return root;
  root.total = (first.children ?? []).reduce((sum, child) => sum + add(child, root), 0);
  return root;
}
