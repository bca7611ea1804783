/** `aichain list`: datasets, contracts and models, by state, owner and purpose. */
import { Argument, Command } from 'commander';
import type { FoundObject } from '../client/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { stopText, trustText } from './lineage-text.ts';
import { printable } from './printable.ts';
import { addPageOptions, type PageOptions, pageOf } from './walk-options.ts';

const TYPES = ['datasets', 'contracts', 'models'] as const;

interface Options extends PageOptions {
  readonly state?: string;
  readonly owner?: string;
  readonly purpose?: string;
}

export function list(context: Context): Command {
  const command = new Command('list')
    .summary('list datasets, contracts or models')
    .description(
      'Lists objects in the order in which they were registered. States are as they are now, derived from proven records: EXPIRED and LAPSED are states too.',
    )
    .addArgument(new Argument('<what>').choices(TYPES))
    .option('--state <state>', 'such as PUBLISHED, SIGNED, RELEASED')
    .option('--owner <did>', 'the provider, a party, the owner')
    .option('--purpose <purpose>', 'a purpose of it');
  return addPageOptions(command).action(async (what: (typeof TYPES)[number], options: Options) => {
    const { state, owner, purpose, verify } = options;
    const output = outputOf(context, options);
    using connection = await connect(context, options);
    const query = {
      type: what.slice(0, -1) as 'dataset' | 'contract' | 'model',
      ...pageOf(options),
      ...(state !== undefined && { state: state.toUpperCase() }),
      ...(owner !== undefined && { owner }),
      ...(purpose !== undefined && { purpose }),
    };
    const answer = await connection.client.provenance.list(query, { ...connection.options, verify });
    const { size, at, next } = answer;
    const objects = answer.objects.map(({ entryId, owners, purposes, stops, ...object }) => ({
      ...object,
      ...{ entryId: toBase64url(entryId), owners: [...owners], purposes: [...purposes] },
      stops: stops.map((stop) => ({ ...stop })),
    }));
    const text = answer.objects.map(objectText).join('\n') || 'none';
    output.answer({ size, at, objects, next, verified: verify }, text);
    if (next !== null) output.progress(`more: --cursor ${next}`);
    output.progress(trustText(verify, objects.length));
  });
}

function objectText({
  id,
  version,
  name,
  state,
  owners,
  purposes,
  stops,
  index,
  entryId,
}: FoundObject): string {
  const of = version === null ? '' : ` version ${version}`;
  return [
    `${printable(id)}${of}  ${printable(state)}  (entry ${index}, ${toBase64url(entryId)})`,
    ...(name === null ? [] : [`  ${printable(name)}`]),
    `  owner ${owners.map(printable).join(', ') || 'none'}; purpose ${purposes.map(printable).join(', ') || 'none'}`,
    ...stops.map((stop) => `  ${stopText(stop)}`),
  ].join('\n');
}
