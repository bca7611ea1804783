/** docs/threat-model.md: what it says nobody can do is tried by a test of that name, and every attack of an operator is in it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MONITOR_ALARMS } from '../../src/monitor/index.ts';

const PAGE = new URL('../../docs/threat-model.md', import.meta.url);
const page = readFileSync(PAGE, 'utf8');
const links = [...page.matchAll(/\[([^\]]+)\]\((\.\.\/test\/[^)]+)\)/g)].map(([, title, path]) => ({
  title: title!.replace(/\s+/g, ' '),
  path: path!,
}));
const source = (path: string) => readFileSync(new URL(path, PAGE), 'utf8');

test('each link is the beginning of the name of a test in that file', () => {
  assert.ok(links.length > 30);
  for (const { title, path } of links) {
    const names = [...source(path).matchAll(/\b(?:test|it|describe)\(\s*[`']((?:[^`'\\]|\\.)*)/g)];
    assert.ok(
      names.some(([, name]) => name!.startsWith(title)),
      `${path} has no test "${title}"`,
    );
  }
});

test('every attack of an operator that is tested is in it', () => {
  const attacks = '../test/attacks/operator.test.ts';
  const linked = links.filter(({ path }) => path === attacks).map(({ title }) => title);
  const tested = [...source(attacks).matchAll(/^ {2}test\('([^']+)'/gm)].map(([, name]) => name!);
  assert.deepEqual(linked.sort(), tested.sort());
});

test('the alarms that it names are those of the monitor', () => {
  const rows = [...page.matchAll(/^\|[^|]+\|[^|]+\|([^|]+)\|/gm)].slice(2).map(([, cell]) => cell!);
  for (const [, code] of rows.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)])) {
    assert.ok(Object.hasOwn(MONITOR_ALARMS, code!), code);
  }
});
