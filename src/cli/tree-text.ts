/** A JSON value as indented lines for people. Every text in it may come from a stranger. */
import { printable } from './printable.ts';
import type { Json } from './terminal.ts';

/** @example treeText({ size: 5, path: ['a'] }) === 'size: 5\npath:\n  - a' */
export function treeText(value: Json, indent = ''): string {
  if (Array.isArray(value)) {
    return (value as readonly Json[]).map((item) => `${indent}- ${inline(item, `${indent}  `)}`).join('\n');
  }
  if (typeof value !== 'object' || value === null) return `${indent}${scalar(value)}`;
  return Object.entries(value as Readonly<Record<string, Json | undefined>>)
    .filter((member): member is [string, Json] => member[1] !== undefined)
    .map(([name, member]) => {
      const label = `${indent}${printable(name)}:`;
      if (!isNested(member)) return `${label} ${scalar(member)}`;
      return isEmpty(member) ? `${label} none` : `${label}\n${treeText(member, `${indent}  `)}`;
    })
    .join('\n');
}

/** An item on the line of its dash, what follows below it. */
function inline(item: Json, indent: string): string {
  if (!isNested(item)) return scalar(item);
  return isEmpty(item) ? 'none' : treeText(item, indent).slice(indent.length);
}

function isNested(value: Json): value is readonly Json[] | { readonly [name: string]: Json | undefined } {
  return typeof value === 'object' && value !== null;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function scalar(value: Json): string {
  return value === null ? 'none' : printable(String(value));
}
