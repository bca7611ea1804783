/** docs/reference/configuration.md: every setting of the server. */
import { describeConfig } from '../../src/platform/config.ts';
import { GENERATED, page, row } from './table.ts';

export function configuration(): string {
  const lines = [
    '# Configuration',
    GENERATED,
    '',
    'Flag before environment variable before file (`--config FILE`, JSON) before default. Unknown settings are refused.',
    '',
    '| setting | flag | variable | default | meaning |',
    '|---|---|---|---|---|',
  ];
  for (const { name, flag, env, default: value, meaning } of describeConfig()) {
    lines.push(
      row(`\`${name}\``, `\`${flag}\``, `\`${env}\``, value === undefined ? '' : `\`${value}\``, meaning),
    );
  }
  return page(lines);
}
