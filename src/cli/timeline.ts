/** `aichain timeline`: who did what, when, on whose behalf. */
import { Command, Option } from 'commander';
import type { TimelineEvent, TimelineRole } from '../client/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { timeText, trustText } from './lineage-text.ts';
import { printable } from './printable.ts';
import { addPageOptions, type PageOptions, pageOf } from './walk-options.ts';

interface Options extends PageOptions {
  readonly role?: readonly TimelineRole[];
  readonly newest?: boolean;
}

export function timeline(context: Context): Command {
  const command = new Command('timeline')
    .summary('show who did what, when')
    .description(
      'Shows the entries about a participant or object: when each took effect, who signed it, on whose behalf, and the reason of a denial. Every entry is verified to be in the log and to say so.',
    )
    .argument('<id>', 'URN of an object, or DID of a participant')
    .addOption(
      new Option('--role <role...>', 'entries about it, signed by or for it, or naming it')
        .choices(['subject', 'actor', 'named'])
        .default(['subject']),
    )
    .option('--newest', 'the newest first');
  return addPageOptions(command).action(async (id: string, options: Options) => {
    const { role, newest = false, verify } = options;
    const output = outputOf(context, options);
    using connection = await connect(context, options);
    const query = { id, newestFirst: newest, ...(role && { roles: role }), ...pageOf(options) };
    const answer = await connection.client.provenance.timeline(query, { ...connection.options, verify });
    const events = answer.events.map(({ entryId, roles, relations, ...event }) => ({
      ...event,
      ...{ entryId: toBase64url(entryId), roles: [...roles], relations: [...relations] },
    }));
    const { size, at, next } = answer;
    const text = answer.events.map(eventText).join('\n') || 'no entries';
    output.answer({ id, size, at, events, next, verified: verify }, text);
    if (next !== null) output.progress(`more: --cursor ${next}`);
    output.progress(trustText(verify, events.length));
  });
}

function eventText({
  index,
  entryId,
  kind,
  subject,
  issuer,
  onBehalf,
  time,
  reason,
  relations,
}: TimelineEvent): string {
  return [
    `${timeText(time)}  ${printable(kind)}  (entry ${index}, ${toBase64url(entryId)})`,
    `  about ${printable(subject)}`,
    `  by ${printable(issuer)}${onBehalf === null ? '' : ` on behalf of ${printable(onBehalf)}`}`,
    ...(reason === null ? [] : [`  denied: ${printable(reason)}`]),
    ...(relations.length === 0 ? [] : [`  named as ${relations.map(printable).join(', ')}`]),
  ].join('\n');
}
