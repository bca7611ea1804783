/** Where the code that a profile names was written: what runs is bundled, or translated by tsx, and has a source map. */
import { existsSync, readFileSync } from 'node:fs';
import { findSourceMap, SourceMap } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const maps = new Map<string, SourceMap | undefined>();

/** A place as V8's profiles have it: lines and columns count from 0, and the URL of what is the engine's own is empty. */
export interface Place {
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** @returns path from the project's folder, or from that of the packages, and line from 1; '' for what is the engine's own */
export function sourceOf({ url, lineNumber, columnNumber }: Place): string {
  if (!url.startsWith('file:')) return url && `${url}:${lineNumber + 1}`;
  const entry = mapOf(url)?.findEntry(lineNumber, columnNumber);
  if (entry === undefined || !('originalSource' in entry)) return `${short(url)}:${lineNumber + 1}`;
  return `${short(new URL(entry.originalSource, url).href)}:${entry.originalLine + 1}`;
}

function short(url: string): string {
  const path = fileURLToPath(url);
  const [packaged, own] = [path.split('/node_modules/').at(-1)!, relative(ROOT, path)];
  if (packaged !== path) return packaged;
  return own.startsWith('..') ? path : own;
}

function mapOf(url: string): SourceMap | undefined {
  if (!maps.has(url)) maps.set(url, readMap(url));
  return maps.get(url);
}

function readMap(url: string): SourceMap | undefined {
  const file = `${fileURLToPath(url)}.map`;
  // Of what this process has loaded itself node may know the map, though there is no file.
  if (!existsSync(file)) return findSourceMap(url);
  return new SourceMap(JSON.parse(readFileSync(file, 'utf8')));
}
