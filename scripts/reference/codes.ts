/** docs/reference/codes.md: the catalogue of reason codes. */
import { CODES, type CodeClass } from '../../src/core/codes.ts';
import { statusOf } from '../../src/service/status.ts';
import { GENERATED, page, row } from './table.ts';

export const CLASSES: Readonly<Record<CodeClass, string>> = {
  malformed: 'The bytes can never be right; sending them again changes nothing.',
  refused: 'Well formed, but not accepted.',
  missing: 'There is nothing under that name.',
  unavailable: 'Not now; try again later. Nothing was decided.',
  proof: 'A verification failed: do not believe what was shown.',
  usage: 'Called wrongly.',
  fatal: 'The log, or the program, stops.',
};

export function codes(): string {
  const lines = [
    '# Reason codes',
    GENERATED,
    '',
    'Every error on every surface carries one of these codes, or a refusal of an entry kind (see [refusals](refusals.md)).',
    'gRPC has it in the trailing metadata `aichain-code`, HTTP in the header `aichain-code` and in the body.',
  ];
  for (const [name, meaning] of Object.entries(CLASSES)) {
    lines.push('', `## ${name}`, '', meaning, '', '| code | meaning | HTTP | gRPC |', '|---|---|---|---|');
    for (const [code, [of, text]] of Object.entries(CODES)) {
      if (of !== name) continue;
      const { http, grpc } = statusOf(code);
      lines.push(row(`\`${code}\``, text, String(http), String(grpc)));
    }
  }
  return page(lines);
}
