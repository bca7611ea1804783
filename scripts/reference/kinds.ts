/** docs/reference/kinds.md: every kind of entry, as it is declared. */
import { KINDS, type Kind, rulesId } from '../../src/chain/index.ts';
import { toHex } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { memberByLine } from './cddl.ts';
import { code, GENERATED, page, row } from './table.ts';

const SIGNERS: Readonly<Record<Kind['signer'], string>> = {
  self: 'a key that is in the body itself',
  verified: 'a participant who is VERIFIED or ACTIVE',
  active: 'a participant who is ACTIVE',
  'any-state': 'a registered participant, in whatever state',
  'room-or-active': 'a clean room, or an active participant',
  room: 'a clean room, by its attested key',
};

export function kinds(): string {
  const lines = [
    '# Entry kinds',
    GENERATED,
    '',
    `Rules id: \`${toHex(rulesId(nodeCrypto))}\`.`,
    '',
    'Bodies are CDDL ([all in one file](bodies.cddl)). Refusals are in the order in which they are checked; those that all kinds',
    'share come before them. A denial is logged with effect, because it is evidence. All reasons with their meaning:',
    '[refusals](refusals.md).',
    '',
    '| kind | signer | rule |',
    '|---|---|---|',
    ...(KINDS as readonly Kind[]).map(({ name, signer, rule, roles = [] }) =>
      row(`[${name}](#${name.replaceAll('.', '')})`, roles.length > 0 ? roles.join(', ') : signer, rule),
    ),
  ];
  for (const kind of KINDS as readonly Kind[]) lines.push(...declaration(kind));
  return page(lines);
}

function declaration(kind: Kind): string[] {
  const {
    name,
    rule,
    signer,
    roles = [],
    delegate,
    refs = {},
    anyAge,
    refusals,
    shared = [],
    denials = {},
  } = kind;
  const lines = ['', `## ${name}`, '', rule, ''];
  const held = roles.length > 0 ? `, with role ${roles.join(' or ')}` : '';
  lines.push(`- Signer: ${SIGNERS[signer]} (${code(signer)})${held}.`);
  if (delegate !== undefined) lines.push(`- On behalf: a delegate with role ${code(delegate)} may sign it.`);
  for (const [rel, { kinds, count }] of Object.entries(refs)) {
    const to = kinds.map((to) => (to === null ? 'a foreign statement' : code(to))).join(', ');
    const howMany = count
      ? count.min === count.max
        ? `${count.min}`
        : `${count.min} to ${count.max}`
      : 'any number';
    lines.push(`- Ref ${code(rel)} (${howMany}): to ${to}.`);
  }
  if (anyAge) lines.push('- It may have been signed long before it is logged.');
  lines.push('', '```cddl', memberByLine(kind.body.cddl), '```');
  const own = Object.entries(refusals);
  if (own.length > 0) lines.push('', '| refusal | meaning |', '|---|---|');
  for (const [reason, text] of own) lines.push(row(code(reason), text));
  if (shared.length > 0) lines.push('', `Also: ${shared.map(code).join(', ')}.`);
  const denied = Object.entries(denials);
  if (denied.length > 0) lines.push('', '| denial | meaning |', '|---|---|');
  for (const [reason, text] of denied) lines.push(row(code(reason), text));
  return lines;
}
