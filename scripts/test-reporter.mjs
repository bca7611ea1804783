// Says little while all is well, and everything about what failed: a run's output is short enough to be read whole.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

/** @param {AsyncIterable<{ type: string, data: any }>} events what node's test runner reports */
export default async function* report(events) {
  const durations = new Map();
  const failures = [];
  const counts = { passed: 0, failed: 0, skipped: 0, todo: 0 };
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') path.splice(data.nesting, Infinity, data.name);
    else if (type === 'test:pass' || type === 'test:fail') {
      const file = source(data.file, data.line, data.column);
      const { duration_ms: duration, error } = data.details;
      const name = file.replace(/:\d+$/, '');
      if (data.nesting === 0) durations.set(name, (durations.get(name) ?? 0) + duration);
      if (data.skip !== undefined) {
        counts.skipped++;
        yield `skipped ${file}: ${data.name}: ${data.skip}\n`;
      } else if (data.todo !== undefined) counts.todo++;
      else if (type === 'test:pass') counts.passed += data.details.type === 'suite' ? 0 : 1;
      // What only holds a test that failed has nothing to add to it.
      else if (error?.failureType !== 'subtestsFailed') {
        counts.failed++;
        const title = [...path.slice(0, data.nesting), data.name].join(' > ');
        failures.push(`${file} ${title}`);
        const words = inspect(error?.cause ?? error, { depth: 6 }).replace(
          /(?:file:\/\/)?(\/[^\s():]+\.js):(\d+):(\d+)/g,
          (_, built, line, column) => source(built, Number(line), Number(column)),
        );
        yield `\nFAILED ${file} ${title} (${Math.round(duration)} ms)\n${words}\n\n`;
      }
    } else if (type === 'test:stderr' || type === 'test:stdout') yield data.message;
    else if (type === 'test:diagnostic' && data.nesting > 0) yield `# ${data.message}\n`;
  }
  const slowest = [...durations].sort(([, a], [, b]) => b - a).slice(0, 8);
  yield `slowest: ${slowest.map(([file, ms]) => `${file} ${(ms / 1000).toFixed(1)} s`).join(', ')}\n`;
  const counted = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  yield `${counted.join(', ')}\n`;
  for (const failure of failures) yield `failed: ${failure}\n`;
}

const maps = new Map();

/** The place in the source that a place in a bundle comes from, as `file:line`. */
function source(file, line, column) {
  if (file === undefined) return '';
  if (!maps.has(file)) {
    const text = existsSync(`${file}.map`) ? readFileSync(`${file}.map`, 'utf8') : undefined;
    maps.set(file, text && new SourceMap(JSON.parse(text)));
  }
  const { originalSource, originalLine } = maps.get(file)?.findEntry(line - 1, column - 1) ?? {};
  if (originalSource === undefined) return `${relative('', file)}:${line}`;
  const folder = new URL(`file://${file}`);
  return `${relative('', fileURLToPath(new URL(originalSource, folder)))}:${originalLine + 1}`;
}
